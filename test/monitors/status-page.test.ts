import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { desk, MINUTE } from "./incidents-support.ts";

const HOUR = 60 * MINUTE;
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "status-page-"));
});
after(() => rmSync(folder, { recursive: true }));

test("the status is operational, degraded by sev2 and sev3, and a major outage by sev1", () => {
  const { tracked, fire, end } = desk({ minSeverity: "sev4" });
  assert.equal(tracked.statusPage().status, "operational");
  fire({ name: "a", severity: "sev4", runbook: "a" });
  assert.equal(tracked.statusPage().status, "operational");
  fire({ name: "b", severity: "sev3", runbook: "b" });
  assert.equal(tracked.statusPage().status, "degraded");
  fire({ name: "c", severity: "sev1", runbook: "c" });
  assert.equal(tracked.statusPage().status, "major_outage");
  end({ name: "c", severity: "sev1", runbook: "c" });
  assert.equal(tracked.statusPage().status, "degraded");
});

test("the page has what users may know: name, feature, impact, status, times, measures and public notes", async () => {
  const { tracked, fire, end, pass } = desk();
  fire({}, { labels: { feature: "chat" } });
  const { id } = tracked.open()[0]!;
  pass(1);
  tracked.acknowledge(id, { by: "ada" });
  pass(1);
  await tracked.mitigate(id, "reduce_concurrency", { by: "ada" });
  tracked.note(id, "Key 7 of customer Acme is at fault", { by: "ada" });
  tracked.note(id, "Answers may be slow until noon.", { by: "ada", isPublic: true });
  pass(1);
  end({}, { labels: { feature: "chat" } });
  assert.deepEqual(tracked.statusPage().incidents, [
    {
      id,
      name: "Rate Limit Exhaustion",
      component: "chat",
      impact: "degraded",
      status: "resolved",
      startedAt: "2026-01-01T00:00:00.000Z",
      resolvedAt: "2026-01-01T00:03:00.000Z",
      updates: [
        { time: "2026-01-01T00:03:00.000Z", text: "The problem is over." },
        { time: "2026-01-01T00:02:00.000Z", text: "Answers may be slow until noon." },
        { time: "2026-01-01T00:02:00.000Z", text: "We are taking measures." },
        { time: "2026-01-01T00:01:00.000Z", text: "Somebody is working on it." },
        { time: "2026-01-01T00:00:00.000Z", text: "We have noticed a problem and are looking into it." },
      ],
    },
  ]);
});

test("nothing of the inside is on the page, as JSON or HTML, until statusDetails asks for the figures", async () => {
  for (const statusDetails of [false, true]) {
    const { tracked, fire, pass } = desk({
      statusDetails,
      traceUrl: (trace) => `https://traces.example/${trace}`,
      mitigations: {
        reduce_concurrency() {
          throw new Error("secret-error");
        },
      },
    });
    fire({ summary: "secret-summary" }, { labels: { user: "secret-user" }, traces: ["secret-trace"] });
    const { id } = tracked.open()[0]!;
    tracked.acknowledge(id, { by: "secret-ada", note: "secret-note" });
    await tracked.mitigate(id, "reduce_concurrency", { by: "secret-ada" });
    pass(20);
    tracked.note(id, "secret-note", { by: "secret-ada" });
    const all = JSON.stringify(tracked.statusPage()) + tracked.statusPageHtml();
    assert.doesNotMatch(all, /secret|traces\.example/);
    assert.equal(all.includes("rate_limit_rate is 7 %"), statusDetails);
  }
});

test("components are the features that were asked for, and those that are hit; what hits everything hits each of them", () => {
  const { tracked, fire, end } = desk({ statusComponents: ["chat", "search"] });
  const states = (): string[] => tracked.statusPage().components.map(({ name, status }) => `${name} ${status}`);
  assert.deepEqual(states(), ["chat operational", "search operational"]);
  fire({ severity: "sev3" }, { labels: { feature: "search" } });
  fire({ severity: "sev3" }, { labels: { feature: "mail" } });
  assert.deepEqual(states(), ["chat operational", "search degraded", "mail degraded"]);
  fire({ severity: "sev1", runbook: "api_outage" });
  assert.deepEqual(states(), ["chat major_outage", "search major_outage", "mail major_outage"]);
  end({ severity: "sev3" }, { labels: { feature: "mail" } });
  assert.equal(states().length, 2);
});

test("where no features were asked for, what hits everything is said of all of them", () => {
  const { tracked, fire } = desk();
  assert.deepEqual(tracked.statusPage().components, []);
  fire();
  assert.deepEqual(tracked.statusPage().components, [{ name: "All features", status: "degraded" }]);
});

test("incidents that users do not notice stay off the page", () => {
  const { tracked, fire } = desk({ statusIgnore: ["cost_spike"] });
  fire({ runbook: "cost_spike" });
  assert.equal(tracked.open().length, 1);
  const { status, components, incidents, uptime } = tracked.statusPage();
  assert.deepEqual([status, components, incidents, uptime.days.at(-1)?.status], ["operational", [], [], "operational"]);
});

test("uptime counts sev1 and sev2 once where they overlap, and only since somebody watches", () => {
  const { tracked, fire, end, clock, pass } = desk();
  const minor = { name: "m", severity: "sev3", runbook: "m" } as const;
  const other = { name: "o", runbook: "api_outage" };
  fire(minor);
  clock.advance(7 * HOUR);
  end(minor);
  fire();
  clock.advance(HOUR);
  fire(other);
  clock.advance(HOUR);
  end();
  clock.advance(HOUR);
  end(other);
  pass(0);
  const { share, days } = tracked.statusPage().uptime;
  assert.ok(Math.abs(share - 0.7) < 1e-9, `3 of 10 hours: ${share}`);
  assert.equal(days.length, 30);
  assert.deepEqual(
    days.slice(-2).map(({ date, status }) => `${date} ${status}`),
    ["2025-12-31 unknown", "2026-01-01 degraded"],
  );
  clock.advance(48 * HOUR);
  assert.deepEqual(
    tracked
      .statusPage()
      .uptime.days.slice(-3)
      .map(({ status }) => status),
    ["degraded", "operational", "operational"],
  );
});

test("a wall clock that was set back or far ahead gives a page all the same", () => {
  const { tracked, fire, end, clock } = desk();
  fire();
  clock.jump(-40 * 24 * HOUR);
  end();
  assert.ok(tracked.statusPage().uptime.share <= 1 && tracked.statusPage().uptime.share >= 0);
  clock.jump(4_000 * 365 * 24 * HOUR);
  fire();
  assert.match(tracked.statusPageHtml(), /degraded/);
  assert.equal(tracked.statusPage().uptime.days.length, 30);
});

test("resolved incidents stay for seven days, at most twenty", () => {
  const { tracked, fire, end, clock } = desk();
  for (let i = 0; i < 25; i++) {
    fire({ name: `${i}`, runbook: `r${i}` });
    end({ name: `${i}`, runbook: `r${i}` });
  }
  const names = tracked.statusPage().incidents.map(({ name }) => name);
  assert.equal(names.length, 20);
  assert.equal(names[0], "24");
  clock.advance(7 * 24 * HOUR + 1);
  assert.deepEqual(tracked.statusPage().incidents, []);
});

test("the HTML loads nothing, runs nothing, and its policy allows exactly its own style", () => {
  const { tracked, fire } = desk({ statusTitle: "Acme" });
  fire();
  const html = tracked.statusPageHtml();
  const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? "";
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1];
  const hash = createHash("sha256").update(style).digest("base64");
  assert.equal(policy, `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
  assert.doesNotMatch(html, /<script|<link|<img|<iframe|\bsrc=|\bhref=|style="|@import|url\(|https?:/i);
  assert.match(html, /<meta name="viewport"/);
  assert.match(style, /prefers-color-scheme: dark/);
});

test("text from anywhere is escaped in the HTML", () => {
  const { tracked, fire } = desk({ statusTitle: `<img src=x onerror="1">&'`, statusDetails: true });
  const hostile = `</h3><script>alert("1")</script>`;
  fire({ name: hostile, runbook: "own" }, { labels: { feature: hostile }, message: hostile });
  tracked.note(tracked.open()[0]!.id, hostile, { isPublic: true });
  const html = tracked.statusPageHtml();
  assert.doesNotMatch(html, /<script|<img/);
  assert.ok(html.includes("&lt;/h3&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
  assert.ok(html.includes("<h1>&lt;img src=x onerror=&quot;1&quot;&gt;&amp;&#39;</h1>"));
});

test("writeStatusPage writes JSON or HTML by the name of the file, leaves nothing beside it, and lets others read it", () => {
  const { tracked } = desk();
  const place = join(folder, "by-hand");
  tracked.flush();
  desk({ statusPath: join(place, "first.html") });
  tracked.writeStatusPage(join(place, "status.json"));
  tracked.writeStatusPage(join(place, "status.html"));
  assert.equal(JSON.parse(readFileSync(join(place, "status.json"), "utf8")).status, "operational");
  assert.match(readFileSync(join(place, "status.html"), "utf8"), /^<!doctype html>/);
  assert.deepEqual(readdirSync(place).sort(), ["first.html", "status.html", "status.json"]);
  assert.equal(statSync(join(place, "status.html")).mode & 0o777, 0o644);
  assert.throws(() => tracked.writeStatusPage("/dev/null/status.html"));
});

test("the file at statusPath is there from the beginning, follows changes within a second, and is fresh each minute", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const path = join(folder, "kept.json");
  const { fire, pass, clock } = desk({ statusPath: path });
  const read = (): { status: string; updatedAt: string } => JSON.parse(readFileSync(path, "utf8"));
  assert.equal(read().status, "operational");
  fire();
  assert.equal(read().status, "operational");
  t.mock.timers.tick(1_000);
  assert.equal(read().status, "degraded");
  pass(1);
  assert.equal(read().updatedAt, new Date(clock.epochMs()).toISOString());
});

test("a status page that cannot be written any more stops nothing, and flush writes it again", async () => {
  const place = join(folder, "gone");
  const path = join(place, "status.json");
  const { tracked, fire } = desk({ statusPath: path });
  rmSync(place, { recursive: true });
  fire();
  await tracked.flush();
  assert.equal(tracked.open().length, 1);
  desk({ statusPath: path });
  await tracked.close();
  assert.equal(JSON.parse(readFileSync(path, "utf8")).status, "degraded");
});

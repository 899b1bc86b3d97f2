import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { marked } from "marked";
import { ConfigError } from "../../src/core/errors.ts";
import { defaultRunbooks } from "../../src/monitors/incidents/default-runbooks.ts";
import type { Runbook } from "../../src/monitors/incidents/incident.ts";
import { incidents } from "../../src/monitors/incidents/incidents.ts";
import { incidentsDashboard } from "../../src/monitors/incidents/incidents-dashboard.ts";
import { runbookMarkdown } from "../../src/monitors/incidents/runbook.ts";
import { desk, MINUTE } from "./incidents-support.ts";

const mine: Runbook = {
  id: "mine",
  name: "Mine",
  trigger: "It is broken",
  symptoms: ["It does not work"],
  diagnosis: ["Look at it"],
  actions: [{ id: "repair", text: "Repair it" }],
  escalation: [
    { level: "L1", who: "me", task: "Repair it", afterMinutes: 0 },
    { level: "L2", who: "you", task: "Repair it", afterMinutes: 10 },
  ],
  expectedMinutes: 5,
};

test("the five failure modes have what the course says: minutes, actions, three levels", () => {
  const minutes = Object.fromEntries(defaultRunbooks.map(({ id, expectedMinutes }) => [id, expectedMinutes]));
  assert.equal(minutes["rate_limit_exhaustion"], 15);
  assert.equal(minutes["quality_degradation"], 30);
  assert.equal(minutes["cost_spike"], 10);
  assert.ok(minutes["elevated_latency"] && minutes["api_outage"]);
  const actions = (id: string): (string | undefined)[] =>
    defaultRunbooks.find((each) => each.id === id)?.actions.map((action) => action.id) ?? [];
  assert.deepEqual(actions("rate_limit_exhaustion"), [
    "reduce_concurrency",
    "enable_backoff",
    "batch_queue",
    "disable_features",
  ]);
  for (const [id, wanted] of [
    ["elevated_latency", ["cap_tokens", "switch_model"]],
    ["quality_degradation", ["pin_model", "revert_prompt", "validate_output", "switch_model"]],
    ["cost_spike", ["switch_model", "cap_tokens", "serve_cached", "limit_feature", "disable_features"]],
    ["api_outage", ["open_circuit", "serve_cached", "batch_queue"]],
  ] as const) {
    for (const action of wanted) assert.ok(actions(id).includes(action), `${action} in ${id}`);
  }
  for (const { id, escalation } of defaultRunbooks) assert.equal(escalation.length, 3, id);
});

test("the patterns of the Assistants API have runbooks by the names of their findings", () => {
  const ids = defaultRunbooks.map(({ id }) => id);
  for (const id of [
    "stuck_in_requires_action",
    "endless_polling",
    "run_expired",
    "thread_accumulation",
    "tool_output_truncated",
    "active_run_conflict",
  ]) {
    assert.ok(ids.includes(id), id);
  }
});

test("a runbook is a page of markdown with its steps in order", () => {
  const page = runbookMarkdown({ ...mine, name: "Mine | <b>bold</b>", href: "https://wiki.example/mine" });
  const html = marked.parse(page, { async: false });
  assert.match(html, /<h1>Mine \| &lt;b&gt;bold&lt;\/b&gt;<\/h1>/);
  assert.match(html, /<ol>\s*<li>Look at it<\/li>/);
  assert.match(html, /<td>after 10 min without acknowledgement<\/td>/);
  assert.match(html, /<a href="https:\/\/wiki.example\/mine">/);
  for (const each of defaultRunbooks)
    assert.equal(marked.lexer(runbookMarkdown(each)).filter(({ type }) => type === "table").length, 1);
});

for (const [what, change] of Object.entries({
  "no id": { id: undefined },
  "an id with capitals": { id: "Mine" },
  "no name": { name: " " },
  "no steps": { diagnosis: [] },
  "steps that are no texts": { symptoms: [1] },
  "no actions": { actions: [] },
  "an action without a text": { actions: [{ id: "repair" }] },
  "two actions of one id": { actions: [mine.actions[0], mine.actions[0]] },
  "no escalation": { escalation: [] },
  "a first level that waits": { escalation: [{ ...mine.escalation[0], afterMinutes: 5 }] },
  "levels out of order": { escalation: [...mine.escalation, { level: "L3", who: "x", task: "y", afterMinutes: 10 }] },
  "two levels of one name": { escalation: [mine.escalation[0], { ...mine.escalation[1], level: "L1" }] },
  "no minutes": { expectedMinutes: 0 },
  "minutes that are none": { expectedMinutes: Number.NaN },
  "an address that is no web address": { href: "javascript:alert(1)" },
  "a field that does not exist": { expectedMinuts: 5 },
})) {
  test(`a runbook with ${what} is refused, and the message names it`, () => {
    const expected = (error: unknown): boolean =>
      error instanceof ConfigError && error.code === "CONFIG_BAD_RUNBOOK" && /runbook ("|number 1)/.test(error.message);
    assert.throws(() => incidents({ runbooks: [{ ...mine, ...change } as Runbook] }), expected);
  });
}

test("options that could not work are refused with the way out", () => {
  const refused = (options: object, message: RegExp): void =>
    assert.throws(
      () => incidents(options),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  refused({ runbooks: [mine, mine] }, /two runbooks have the id "mine".*defaultRunbooks\.map/);
  refused({ runbooks: {} }, /list of runbooks/);
  refused({ mitigations: { reduce_concurency() {} } }, /"reduce_concurency", which is no action.*reduce_concurrency/);
  refused({ mitigations: { reduce_concurrency: 1 } }, /functions/);
  refused({ automatic: ["reduce_concurrency"] }, /no such callback/);
  refused({ minSeverity: "SEV2" }, /one of sev1/);
  refused({ reopenMs: -1 }, /milliseconds/);
  refused({ maxKept: 0 }, /whole number/);
  refused({ notify: () => {} }, /notifier\(\)/);
  refused({ runbook: [] }, /no option "runbook"/);
  refused({ statusPath: "/dev/null/status.html" }, /cannot be written/);
});

async function wholeStory() {
  const made = desk({
    traceUrl: (trace) => `https://traces.example/t/${trace}`,
    mitigations: { reduce_concurrency() {} },
  });
  const { tracked, fire, end, pass } = made;
  fire();
  await tracked.mitigate(tracked.open()[0]!.id, "batch_queue", { by: "bob" });
  pass(10);
  end();
  pass(60);
  fire({}, { traces: ["a".repeat(32), "b".repeat(32)] });
  const { id } = tracked.open()[0]!;
  pass(4);
  tracked.acknowledge(id, { by: "ada" });
  await tracked.mitigate(id, "reduce_concurrency", { by: "ada" });
  pass(16);
  end();
  return { ...made, id };
}

test("the draft of a post-mortem has summary, impact, times, timeline, traces, measures, earlier ones, questions and action items", async () => {
  const { tracked, id } = await wholeStory();
  const draft = tracked.postMortem(id)!;
  const html = marked.parse(draft, { async: false });
  assert.deepEqual(
    [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, heading]) => heading),
    [
      "Summary",
      "Impact",
      "Times",
      "Timeline",
      "Traces that show it",
      "What was done",
      "Earlier incidents of this kind",
      "Why did it happen?",
      "Action items",
    ],
  );
  const text = html.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
  for (const part of [
    "It was detected at 2026-01-01 01:10:00 UTC. It was resolved at 2026-01-01 01:30:00 UTC, after 20 min.",
    "rate_limit_rate is 7 %, above 5 % 2026-01-01 01:08:00 UTC 2026-01-01 01:30:00 UTC: rate_limit_rate is 1 %",
    "from its beginning to its detection 2 min",
    "to the acknowledgement by ada 4 min 10 min, then L2 is told",
    "to the first measure 4 min",
    "to the resolution, or until now 20 min (overdue) 15 min",
    "2026-01-01 01:26:00 UTC overdue It takes longer than the 15 minutes of the runbook.",
    "reduce_concurrency was run, in 0 s (ada)",
    "Second time in 7 days. Earlier ones took 10 min on average. Last time this was done: batch_queue.",
    "Why was it not noticed or prevented earlier?",
  ]) {
    assert.ok(text.includes(part), `${part}\n${text}`);
  }
  assert.ok(html.includes(`<a href="https://traces.example/t/${"a".repeat(32)}">`));
  assert.doesNotMatch(draft, /TODO|TBD|undefined|NaN|Invalid/);
});

test("hostile text stays text in the post-mortem: no HTML, no links, no cells or headings of its own", () => {
  const { tracked, fire } = desk({ traceUrl: (trace) => `javascript:alert("${trace}")` });
  const hostile = `a | b <img src=x> [x](https://evil.example) https://evil.example \n# heading\n\`\`\` **b** &lt; ~~s~~ | --- |`;
  fire({ name: hostile, runbook: "own" }, { labels: { feature: hostile }, message: hostile, traces: [hostile] });
  const { id } = tracked.open()[0]!;
  tracked.note(id, hostile, { by: hostile });
  const html = marked.parse(tracked.postMortem(id)!, { async: false });
  assert.doesNotMatch(html, /<img|<a |<code>[^i]|<strong>|<del>|<h1>heading|javascript:"/);
  assert.equal(html.match(/<h1>/g)?.length, 1);
  // Each row has as many cells as its head.
  for (const [table] of html.matchAll(/<table>.*?<\/table>/gs)) {
    const head = table.match(/<th>/g)?.length;
    for (const [row] of table.matchAll(/<tr>\s*<td>.*?<\/tr>/gs)) assert.equal(row.match(/<td>/g)?.length, head);
  }
  assert.ok(html.includes("a | b &lt;img src=x&gt;"));
});

test("the draft of an open incident without a runbook says what is not known yet", () => {
  const { tracked, fire, pass } = desk();
  fire({ runbook: "own" });
  pass(2);
  const draft = tracked.postMortem(tracked.open()[0]!.id)!;
  assert.match(draft, /It is still open, after 2 min\./);
  assert.match(draft, /There is no runbook for it: who writes one\?/);
  assert.match(draft, /Nobody acknowledged it: were the right people told\?/);
});

test("the panel shows open incidents with their clocks, the most severe first, within its width", async () => {
  const { tracked, fire, pass } = desk();
  fire({ severity: "sev3" });
  pass(3);
  fire({ name: "p95", runbook: "elevated_latency", metric: "latency_p95" });
  tracked.acknowledge(tracked.open()[1]!.id, { by: "ada" });
  pass(6);
  assert.equal(
    incidentsDashboard(tracked, { columns: 90 }),
    `Incidents  2 open, 1 not acknowledged
● sev2  Elevated Latency: latency_p95 is 7 %, above 5 %         6 min of 20 min ███░░░░░░░
         L1  acknowledged (ada)  Acknowledged
● sev3  Rate Limit Exhaustion: rate_limit_rate is 7 %, a…       9 min of 15 min ██████░░░░
         L1  detected  High 429 rate: rate_limit_rate is 7 %, above 5 %
`,
  );
  for (const columns of [10, 40, 60, 200]) {
    for (const line of incidentsDashboard(tracked, { columns }).split("\n")) {
      assert.ok([...line].length <= Math.max(40, columns), `${columns}: ${line}`);
    }
  }
});

test("the panel says that none is open, and what was last; colours are off unless asked for; controls do not reach the terminal", () => {
  const { tracked, fire, end } = desk();
  assert.equal(incidentsDashboard(tracked), "Incidents\n  none open\n");
  fire({ name: "\u001b[2Jwipe", runbook: "own" });
  const plain = incidentsDashboard(tracked);
  assert.ok(!plain.includes("\u001b"));
  assert.ok(incidentsDashboard(tracked, { colors: true }).includes("\u001b[31m● sev2\u001b[0m"));
  end({ name: "\u001b[2Jwipe", runbook: "own" });
  assert.match(
    incidentsDashboard(tracked, { columns: 120 }),
    /none open; last: .*resolved 2026-01-01 00:00:00 UTC after 0 s/,
  );
});

test("more open incidents than the panel has room for are counted", () => {
  const { tracked, fire } = desk();
  for (let i = 0; i < 11; i++) fire({ name: `${i}`, runbook: `r${i}` });
  assert.match(incidentsDashboard(tracked), /11 open.*\n[\s\S]*and 3 more\n$/);
  assert.equal(tracked.open().length, 11);
});

const HOUR = 60 * MINUTE;
const folder = mkdtempSync(join(tmpdir(), "status-page-"));
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
  assert.equal(statSync(join(place, "status.html")).mode & 0o777, 0o644 & ~process.umask());
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

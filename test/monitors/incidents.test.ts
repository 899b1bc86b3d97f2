import assert from "node:assert/strict";
import { test } from "node:test";
import { sequentialIds } from "../../src/testing/sequential-ids.ts";
import { desk, MINUTE } from "./incidents-support.ts";

const latency = { name: "p95", metric: "latency_p95", runbook: "elevated_latency" };

test("a firing alert opens one incident, pages with symptoms, steps, actions and escalation, and resolves with it", () => {
  const { tracked, told, fire, end, pass, words } = desk();
  fire({ summary: "Requests are refused by the provider." }, { traces: ["a".repeat(32)] });
  const [incident] = tracked.open();
  assert.equal(incident?.title, "Rate Limit Exhaustion: rate_limit_rate is 7 %, above 5 %");
  assert.equal(incident.status, "detected");
  assert.equal(incident.level, "L1");
  pass(3);
  end();
  assert.deepEqual(tracked.open(), []);
  assert.equal(tracked.get(incident.id)?.status, "resolved");
  assert.deepEqual(words(), [
    "trigger sev2 Rate Limit Exhaustion: rate_limit_rate is 7 %, above 5 %",
    "resolve sev2 Resolved after 3 min: Rate Limit Exhaustion: rate_limit_rate is 7 %, above 5 %",
  ]);
  const [trigger, resolve] = told;
  assert.equal(trigger?.key, incident.id);
  assert.equal(resolve?.key, incident.id);
  assert.equal(trigger.incidentId, incident.id);
  for (const part of [
    "Requests are refused by the provider.",
    "Symptoms: 429 rate above 5 %",
    "Find out: 1. Compare requests and tokens",
    "(reduce_concurrency)",
    "L2 after 10 min without acknowledgement: Platform team",
    "L3 after 30 min without resolution: Account manager",
  ]) {
    assert.ok(trigger.text.includes(part), `${part} in ${trigger.text}`);
  }
  assert.deepEqual(trigger.facts, {
    severity: "sev2",
    status: "detected",
    runbook: "Rate Limit Exhaustion",
    level: "L1: On-call engineer",
    expected: "15 min",
  });
});

test("ids are inc_ and a UUID v7 of the time at which it began, and a thousand in one millisecond do not collide", () => {
  const { tracked, fire, clock } = desk({ maxKept: 1_000 });
  for (let i = 0; i < 1_000; i++) fire({ name: `rule ${i}`, runbook: `own ${i}` });
  const ids = tracked.all().map(({ id }) => id);
  assert.equal(new Set(ids).size, 1_000);
  const prefix = (clock.epochMs() - 2 * MINUTE).toString(16).padStart(12, "0");
  for (const id of ids) {
    assert.match(id, /^inc_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(id.slice(4).replaceAll("-", "").slice(0, 12), prefix);
  }
});

test("ids are the same for the same `ids`, and two incidents of one kind and one beginning have two", () => {
  const idsOf = (): string[] => {
    const { tracked, fire, pass } = desk({ ids: sequentialIds(), reopenMs: 0 });
    const startedAt = 1_767_225_600_000;
    fire({}, { startedAt });
    tracked.resolve(tracked.open()[0]!.id, { by: "ada" });
    pass(1);
    fire({}, { startedAt });
    return tracked.all().map(({ id }) => id);
  };
  assert.equal(new Set(idsOf()).size, 2);
  assert.deepEqual(idsOf(), idsOf());
});

test("alerts of the same runbook join the open incident, which ends with the last of them", () => {
  const { tracked, told, fire, end } = desk();
  fire();
  fire({ name: "Quota nearly used", metric: "token_quota_used" });
  assert.equal(tracked.open().length, 1);
  assert.equal(tracked.open()[0]?.alerts.length, 2);
  end();
  assert.equal(tracked.open().length, 1);
  end({ name: "Quota nearly used", metric: "token_quota_used" });
  assert.equal(tracked.open().length, 0);
  assert.deepEqual(
    told.map(({ action }) => action),
    ["trigger", "resolve"],
  );
});

test("other runbooks, features and teams have incidents of their own; other labels do not", () => {
  const { tracked, fire } = desk();
  fire();
  fire(latency);
  fire({}, { labels: { feature: "chat" } });
  fire({}, { labels: { feature: "chat", team: "a" } });
  fire({}, { labels: { user: "u-1" } });
  fire({}, { labels: { user: "u-2", feature: "chat" } });
  assert.deepEqual(
    tracked.open().map(({ labels, alerts }) => [labels, alerts.length]),
    [
      [{}, 2],
      [{}, 1],
      [{ feature: "chat" }, 2],
      [{ feature: "chat", team: "a" }, 1],
    ],
  );
});

test("groupBy says which labels tell incidents apart", () => {
  const { tracked, fire } = desk({ groupBy: ["user"] });
  fire({}, { labels: { feature: "a", user: "u-1" } });
  fire({}, { labels: { feature: "b", user: "u-1" } });
  fire({}, { labels: { feature: "b", user: "u-2" } });
  assert.equal(tracked.open().length, 2);
});

test("an alert later than groupWindowMs after the last news is an incident of its own", () => {
  const { tracked, fire, pass } = desk({ groupWindowMs: 10 * MINUTE });
  fire();
  pass(10);
  fire({ name: "second" });
  pass(11);
  fire({ name: "third" });
  assert.deepEqual(
    tracked.open().map(({ alerts }) => alerts.length),
    [2, 1],
  );
});

test("severity rises with the alerts, is told as an update that routes to a pager, and does not fall while it is open", () => {
  const { tracked, words, told, fire, end } = desk();
  fire({ severity: "sev3" });
  fire({ name: "worse", severity: "sev2" });
  fire({ name: "minor", severity: "sev3" });
  end({ name: "worse", severity: "sev2" });
  assert.equal(tracked.open()[0]?.severity, "sev2");
  assert.deepEqual(words(), [
    "trigger sev3 Rate Limit Exhaustion: rate_limit_rate is 7 %, above 5 %",
    "update sev2 Now sev2: Rate Limit Exhaustion: rate_limit_rate is 7 %, above 5 %",
  ]);
  assert.equal(told[1]?.key, told[0]?.key);
});

test("quiet alerts open nothing; one that is to be told later opens it then", () => {
  const { tracked, told, fire } = desk();
  fire({}, { isQuiet: true });
  assert.equal(tracked.all().length, 0);
  fire({}, { from: "firing" });
  assert.equal(tracked.open().length, 1);
  assert.equal(told.length, 1);
});

test("a silenced alert neither joins nor raises an incident", () => {
  const { tracked, told, fire, end } = desk();
  fire({ severity: "sev3" });
  fire({ name: "worse", severity: "sev1" }, { isQuiet: true, isSilenced: true });
  assert.equal(tracked.open()[0]?.severity, "sev3");
  end({ severity: "sev3" });
  assert.equal(tracked.open().length, 0);
  assert.equal(told.length, 2);
});

test("firing again within reopenMs opens the same incident again instead of a new page; later it is a new one", () => {
  const { tracked, words, fire, end, pass } = desk();
  fire();
  pass(2);
  end();
  pass(30);
  fire();
  const [again] = tracked.open();
  assert.equal(tracked.all().length, 1);
  assert.equal(again?.resolvedAt, undefined);
  assert.equal(again?.timeline.at(-1)?.kind, "reopened");
  assert.equal(again?.periods.length, 2);
  pass(1);
  end();
  assert.equal(tracked.get(again!.id)?.clocks.openMs, 3 * MINUTE, "the time between does not count");
  pass(31);
  fire();
  assert.equal(tracked.all().length, 2);
  assert.deepEqual(
    words().map((each) => each.split(" ")[0]),
    ["trigger", "resolve", "update", "resolve", "trigger"],
  );
});

test("an alert that fires again quietly reopens without a word, and is told when it stays", () => {
  const { tracked, told, fire, end, pass } = desk();
  const actions = (): string[] => told.map(({ action }) => action);
  fire();
  end();
  pass(1);
  fire({}, { isQuiet: true });
  assert.equal(tracked.open().length, 1);
  end();
  assert.deepEqual(actions(), ["trigger", "resolve"]);
  fire({}, { isQuiet: true });
  pass(5);
  fire({}, { from: "firing" });
  end();
  assert.deepEqual(actions(), ["trigger", "resolve", "update", "resolve"]);
  assert.match(told[2]!.title, /^Open again/);
  assert.equal(new Set(told.map(({ id }) => id)).size, 4, "each message has an id of its own");
});

test("a quiet alert that was not told before does not reopen what others have ended", () => {
  const { tracked, fire, end } = desk();
  fire();
  end();
  fire({ name: "other" }, { isQuiet: true });
  assert.equal(tracked.open().length, 0);
});

test("what has no runbook, an unknown one or the address of one is tracked too", () => {
  const { tracked, told, fire, pass } = desk();
  const { runbook: _, ...none } = { name: "own", metric: "own", runbook: undefined };
  fire({ ...none, runbook: undefined as unknown as string });
  fire({ name: "typo", runbook: "rate_limit_exhaustions" });
  fire({ name: "wiki", runbook: "https://wiki.example/429" });
  pass(600);
  assert.deepEqual(
    tracked.open().map(({ title, runbook, level }) => [title.split(":")[0], runbook, level]),
    [
      ["own", undefined, "L1"],
      ["typo", "rate_limit_exhaustions", "L1"],
      ["wiki", "https://wiki.example/429", "L1"],
    ],
  );
  assert.deepEqual(told[2]?.links, [{ text: "Runbook", href: "https://wiki.example/429" }]);
  assert.equal(told.length, 3);
});

test("sev4 is a ticket: told and taken back, with no incident, and it keeps none open", () => {
  const { tracked, told, fire, end } = desk();
  const drift = { name: "Drift", metric: "quality_drift", severity: "sev4", runbook: "quality_degradation" } as const;
  fire(drift);
  assert.equal(tracked.all().length, 0);
  fire({ name: "Quality", metric: "quality", runbook: "quality_degradation" });
  end({ name: "Quality", metric: "quality", runbook: "quality_degradation" });
  assert.equal(tracked.open().length, 0);
  end(drift);
  end(drift);
  assert.deepEqual(
    told.map(({ action, severity, incidentId }) => [action, severity, incidentId !== undefined]),
    [
      ["trigger", "sev4", false],
      ["trigger", "sev2", true],
      ["resolve", "sev2", true],
      ["resolve", "sev4", false],
    ],
  );
  assert.equal(told[0]?.key, told[3]?.key);
});

test("of more than 500 tickets that were told, the end of the oldest is not told", () => {
  const { told, fire, end } = desk();
  for (let i = 0; i <= 500; i++) fire({ name: `${i}`, severity: "sev4" });
  told.length = 0;
  end({ name: "0", severity: "sev4" });
  end({ name: "1", severity: "sev4" });
  assert.deepEqual(
    told.map(({ title }) => title.split(":")[0]),
    ["1"],
  );
});

test("a quiet ticket is not told, and neither is its end", () => {
  const { told, fire, end } = desk();
  fire({ severity: "sev4" }, { isQuiet: true });
  end({ severity: "sev4" });
  assert.deepEqual(told, []);
});

test("minSeverity sev4 makes incidents of tickets; sev2 makes tickets of sev3", () => {
  const low = desk({ minSeverity: "sev4" });
  low.fire({ severity: "sev4" });
  assert.equal(low.tracked.open().length, 1);
  const high = desk({ minSeverity: "sev2" });
  high.fire({ severity: "sev3" });
  assert.equal(high.tracked.open().length, 0);
  assert.equal(high.told.length, 1);
});

test("acknowledge, mitigate, note and resolve by hand are on the timeline with who did them, and are told", async () => {
  const { tracked, words, fire, pass } = desk();
  fire();
  const { id } = tracked.open()[0]!;
  pass(2);
  tracked.acknowledge(id, { by: "ada", note: "Looking at it" });
  pass(1);
  await tracked.mitigate(id, "batch_queue", { by: "ada" });
  tracked.note(id, "Half of the quota is used by the summarizer.", { by: "bob" });
  pass(1);
  const resolved = tracked.resolve(id, { by: "ada", text: "Quota raised." });
  assert.deepEqual(
    resolved?.timeline.map(({ kind, by, text }) => [kind, by, text.slice(0, 30)]),
    [
      ["detected", undefined, "High 429 rate: rate_limit_rate"],
      ["acknowledged", "ada", "Looking at it"],
      ["action", "ada", "batch_queue, by hand: Send wha"],
      ["note", "bob", "Half of the quota is used by t"],
      ["resolved", "ada", "Quota raised."],
    ],
  );
  assert.deepEqual(resolved.clocks, {
    openMs: 4 * MINUTE,
    episodeMs: 4 * MINUTE,
    acknowledgedAfterMs: 2 * MINUTE,
    mitigatingAfterMs: 3 * MINUTE,
    expectedMs: 15 * MINUTE,
    isOverdue: false,
  });
  assert.equal(resolved.acknowledgedBy, "ada");
  assert.deepEqual(
    words().map((each) => each.split(": ")[0]),
    [
      "trigger sev2 Rate Limit Exhaustion",
      "acknowledge sev2 Acknowledged by ada",
      "resolve sev2 Resolved after 4 min by ada",
    ],
  );
});

test("a second acknowledgement is noted and not told; what is resolved stays so; unknown ids are undefined", async () => {
  const { tracked, told, fire } = desk();
  fire();
  const { id } = tracked.open()[0]!;
  tracked.acknowledge(id, { by: "ada" });
  tracked.acknowledge(id, { by: "bob" });
  assert.equal(tracked.get(id)?.acknowledgedBy, "ada");
  tracked.resolve(id, { by: "ada" });
  tracked.resolve(id, { by: "bob" });
  tracked.acknowledge(id, { by: "bob" });
  assert.equal((await tracked.mitigate(id, undefined, { by: "bob" }))?.status, "resolved");
  assert.deepEqual(
    told.map(({ action }) => action),
    ["trigger", "acknowledge", "resolve"],
  );
  assert.equal(tracked.acknowledge("inc_none", { by: "ada" }), undefined);
  assert.equal(tracked.note("inc_none", "text"), undefined);
  assert.equal(tracked.resolve("inc_none", { by: "ada" }), undefined);
  assert.equal(await tracked.mitigate("inc_none"), undefined);
  assert.equal(tracked.postMortem("inc_none"), undefined);
});

test("an incident that was resolved by hand while its alert fires stays so, and takes the alert's end without a word", () => {
  const { tracked, told, fire, end } = desk();
  fire();
  const { id } = tracked.open()[0]!;
  tracked.resolve(id, { by: "ada" });
  end();
  assert.equal(tracked.get(id)?.status, "resolved");
  assert.equal(told.length, 2);
});

test("resolveAfterMs waits until the alerts have been over for so long", () => {
  const { tracked, fire, end, pass } = desk({ resolveAfterMs: 5 * MINUTE });
  fire();
  end();
  pass(4);
  assert.equal(tracked.open().length, 1);
  fire();
  end();
  pass(4);
  assert.equal(tracked.open().length, 1, "it fired in between");
  pass(1);
  assert.equal(tracked.open().length, 0);
});

test("the third time says so, with how long the earlier ones took and what was done last", async () => {
  const { tracked, told, fire, end, pass } = desk();
  for (const action of ["batch_queue", "reduce_concurrency"]) {
    fire();
    const { id } = tracked.open()[0]!;
    await tracked.mitigate(id, action, { by: "ada" });
    pass(action === "batch_queue" ? 10 : 20);
    end();
    pass(60 * 24);
  }
  fire();
  const [third] = tracked.open();
  assert.deepEqual(third?.similar, {
    count: 2,
    last: tracked.all()[1]?.id,
    countInWeek: 2,
    meanMsToResolve: 15 * MINUTE,
    lastActions: ["reduce_concurrency"],
  });
  assert.ok(
    told
      .at(-1)
      ?.text.includes(
        "Third time in 7 days. Earlier ones took 15 min on average. Last time this was done: reduce_concurrency.",
      ),
  );
});

test("incidents of another feature, and those of more than thirty days ago, are not similar", () => {
  const { tracked, fire, end, clock } = desk();
  fire();
  end();
  clock.advance(31 * 24 * 60 * MINUTE);
  fire({}, { labels: { feature: "chat" } });
  fire();
  assert.deepEqual(
    tracked.open().map(({ similar }) => similar),
    [{ count: 0 }, { count: 0 }],
  );
});

test("at most maxKept are kept, the oldest resolved go first; when all are open a new alert is told without an incident", () => {
  const { tracked, told, fire, end } = desk({ maxKept: 3 });
  for (const name of ["a", "b", "c"]) fire({ name, runbook: name });
  end({ name: "b", runbook: "b" });
  fire({ name: "d", runbook: "d" });
  assert.deepEqual(
    tracked.all().map(({ runbook }) => runbook),
    ["a", "c", "d"],
  );
  told.length = 0;
  fire({ name: "e", runbook: "e" });
  end({ name: "e", runbook: "e" });
  assert.equal(tracked.all().length, 3);
  assert.deepEqual(
    told.map(({ action, incidentId }) => [action, incidentId]),
    [
      ["trigger", undefined],
      ["resolve", undefined],
    ],
  );
});

test("a flapping alert, a flood of users and long notes stay within their bounds", () => {
  const { tracked, fire, end, pass } = desk();
  fire({ name: "steady" });
  for (let i = 0; i < 400; i++) {
    fire({}, { traces: [`${i}`] });
    end();
    if (i % 2 === 0) fire({ name: `user ${i}` });
  }
  const { id } = tracked.open()[0]!;
  const flapping = tracked
    .get(id)
    ?.timeline.find(({ text, count }) => text.includes("High 429") && count !== undefined);
  assert.ok((flapping?.count ?? 0) > 50, "repeated entries are one with a count");
  for (let i = 0; i < 200; i++) tracked.note(id, `${i} ${"x".repeat(5_000)}`, { by: "y".repeat(500) });
  pass(1);
  const kept = tracked.get(id)!;
  assert.equal(kept.timeline.length, 150);
  assert.equal(kept.timeline[0]?.kind, "detected");
  assert.equal(kept.timeline.at(-1)?.text.length, 2_000);
  assert.equal(kept.timeline.at(-1)?.by?.length, 100);
  assert.equal(kept.alerts.length, 20);
  assert.ok(kept.traces.length <= 20);
  assert.ok(kept.leftOut.alerts > 0 && kept.leftOut.entries > 0);
});

test("onChange sees every change; when it, notify, traceUrl or the state throw, incidents go on", async () => {
  const seen: string[] = [];
  const fails = (): never => {
    throw new Error("broken");
  };
  const { tracked, fire, end, pass } = desk({
    onChange(incident) {
      seen.push(incident.status);
      throw new Error("broken");
    },
    notify: { notify: fails, tick: fails },
    traceUrl: fails,
    state: { load: fails, changed: fails, save: fails },
  });
  fire({}, { traces: ["t"] });
  pass(16);
  tracked.acknowledge(tracked.open()[0]!.id, { by: "ada" });
  end();
  await tracked.flush();
  await tracked.close();
  assert.deepEqual(seen, ["detected", "detected", "detected", "acknowledged", "resolved"]);
});

test("an event that is none changes nothing and throws nothing", () => {
  const { tracked } = desk();
  for (const event of [undefined, {}, { alert: {} }, { alert: { rule: {} }, to: "firing" }])
    tracked.alert(event as never);
  assert.equal(tracked.all().length, 0);
});

test("flush and close reach the notifier with the signal", async () => {
  const calls: unknown[] = [];
  const { tracked } = desk({
    notify: {
      notify() {},
      flush: async (signal) => void calls.push(["flush", signal]),
      close: async (signal) => void calls.push(["close", signal]),
    },
  });
  const { signal } = new AbortController();
  await tracked.flush(signal);
  await tracked.close(signal);
  assert.deepEqual(calls, [
    ["flush", signal],
    ["close", signal],
  ]);
});

test("what users get is a copy: changing it changes nothing", () => {
  const { tracked, fire } = desk();
  fire();
  const [mine] = tracked.open() as any[];
  mine.timeline.length = 0;
  mine.traces.push("x");
  mine.status = "resolved";
  assert.equal(tracked.open()[0]?.timeline.length, 1);
  assert.deepEqual(tracked.open()[0]?.traces, []);
});

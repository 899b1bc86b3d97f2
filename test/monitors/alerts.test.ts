import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, flush, memorySink, withSpan } from "sightline";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import { lab, listener, RULE } from "./alerts-lab.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("An alert goes from inactive to pending, firing, resolved and back, and is told when it fires and when it is over", () => {
  const { after, story, events, watch } = lab({ forMs: MINUTE, runbook: "api_outage", labels: { tier: "gold" } });
  after(0);
  assert.deepEqual([watch.all()[0]!.state, watch.active().length], ["inactive", 0]);
  after(15_000, 0.07);
  after(45_000);
  assert.equal(watch.all()[0]!.state, "pending");
  after(15_000);
  const [fired] = watch.active();
  assert.equal(fired!.message, "error_rate is 7 %, above 5 %");
  assert.deepEqual([fired!.labels, fired!.traces, fired!.samples], [{ tier: "gold" }, ["t1"], 100]);
  assert.equal(fired!.firedAt! - fired!.startedAt!, MINUTE);
  after(15_000, 0.02);
  assert.equal(watch.all()[0]!.message, "error_rate is 2 %, no longer above 5 %");
  after(15_000);
  assert.deepEqual(story(), ["inactive>pending", "pending>firing!", "firing>resolved!", "resolved>inactive"]);
  assert.equal(new Set(events.map(({ alert }) => alert.fingerprint)).size, 1);
  assert.match(fired!.fingerprint, /^[0-9a-f]{16}$/);
});

test("A condition that is gone before its time is up has never fired", () => {
  const { after, story, watch } = lab({ forMs: MINUTE });
  after(0, 0.07);
  after(45_000, 0.01);
  after(15_000, 0.07);
  after(59_999);
  assert.deepEqual(story(), ["inactive>pending", "pending>inactive", "inactive>pending"]);
  assert.equal(watch.all()[0]!.message, "error_rate is 7 %, above 5 %");
});

test("Each comparison means what it says at the threshold itself", () => {
  const held = (comparison: ">" | ">=" | "<" | "<=", value: number) =>
    lab({ comparison }, { says: value }).after(0)[0]!.to === "firing";
  assert.deepEqual(
    [held(">", 0.05), held(">", 0.051), held(">=", 0.05), held(">=", 0.049)],
    [false, true, true, false],
  );
  assert.deepEqual(
    [held("<", 0.05), held("<", 0.049), held("<=", 0.05), held("<=", 0.051)],
    [false, true, true, false],
  );
});

test("Between the threshold and clear, what fires goes on and what does not fire does not begin", () => {
  const { after, story, watch } = lab({ clear: 0.03 });
  after(0, 0.04);
  after(15_000, 0.06);
  after(15_000, 0.04);
  assert.equal(watch.active()[0]!.message, "error_rate is 4 %, not yet over: that is at 3 %");
  after(15_000, 0.03);
  assert.deepEqual(story(), ["inactive>firing!", "firing>resolved!"]);
});

test("With keepFiringMs it must be over for so long, without a break", () => {
  const { after, story, watch } = lab({ keepFiringMs: MINUTE });
  after(0, 0.07);
  after(15_000, 0.01);
  after(45_000, 0.07);
  after(15_000, 0.01);
  after(59_999);
  assert.equal(watch.active()[0]!.message, "error_rate is 1 %, no longer above 5 %, but for less than 1 min");
  assert.deepEqual(story(), ["inactive>firing!"]);
  after(1);
  assert.deepEqual(story(), ["inactive>firing!", "firing>resolved!"]);
});

test("A gap in the data begins keepFiringMs anew, as nobody knows what was in it", () => {
  const { after, story } = lab({ keepFiringMs: MINUTE });
  after(0, 0.07);
  after(15_000, 0.01);
  after(15_000, undefined);
  after(45_000, 0.01);
  after(59_999);
  assert.deepEqual(story(), ["inactive>firing!"]);
  after(1);
  assert.equal(story().length, 2);
});

test("Too few samples are no data, as is no figure and no reading: never zero", () => {
  const { after, watch, story } = lab({ comparison: "<", minSamples: 20 });
  for (const says of [
    undefined,
    [{ value: undefined, samples: 50, labels: {} }],
    [{ value: 0, samples: 19, labels: {} }],
  ]) {
    after(15_000, says);
    assert.equal(watch.all()[0]!.state, "no_data");
  }
  assert.equal(watch.all()[0]!.message, "error_rate has 19 of the 20 samples that it takes");
  after(15_000, [{ value: 0, samples: 20, labels: {} }]);
  assert.deepEqual(story(), ["inactive>no_data", "no_data>firing!"]);
});

test("What is pending starts anew when its data are missing", () => {
  const { after, story } = lab({ forMs: MINUTE });
  after(0, 0.07);
  after(45_000, undefined);
  after(15_000, 0.07);
  after(15_000);
  assert.deepEqual(story(), ["inactive>pending", "pending>no_data", "no_data>pending"]);
});

test("A threshold of less than a millisecond is told as what it is", () => {
  const { after, watch } = lab({ metric: "latency_p95", threshold: 0.0004 });
  after(0, 0.0123);
  assert.equal(watch.active()[0]!.message, "latency_p95 is 12 ms, above 0.4 ms");
});

test("What fires while the traffic stops stays, stale, and is over after staleMs, which its message says", () => {
  const { after, story, watch } = lab({ keepFiringMs: MINUTE });
  after(0, 0.07);
  after(15_000, undefined);
  const [stale] = watch.active();
  assert.deepEqual([stale!.isStale, stale!.value], [true, 0.07]);
  assert.equal(stale!.message, "error_rate was 7 %, above 5 %; no data since then");
  after(HOUR - 1);
  assert.equal(watch.active().length, 1);
  after(1);
  assert.equal(watch.all()[0]!.message, "error_rate was 7 %, above 5 %; taken as over after 1 h without data");
  after(15_000);
  assert.deepEqual(story(), ["inactive>firing!", "firing>resolved!", "resolved>no_data"]);
});

test("Data that come back within staleMs begin the wait anew", () => {
  const { after, watch, story } = lab({}, { staleMs: MINUTE });
  after(0, 0.07);
  for (let i = 0; i < 5; i++) {
    after(15_000, undefined);
    after(45_000, 0.07);
    assert.deepEqual([watch.active().length, watch.active()[0]!.isStale], [1, undefined]);
  }
  assert.deepEqual(story(), ["inactive>firing!"]);
});

test("Firing again within the cooldown is quiet, and told when the cooldown is over and it still fires", () => {
  const { after, story } = lab({ cooldownMs: 5 * MINUTE });
  after(0, 0.07);
  after(MINUTE, 0.01);
  after(MINUTE, 0.07);
  after(MINUTE);
  assert.deepEqual(story(), ["inactive>firing!", "firing>resolved!", "resolved>firing"]);
  after(2 * MINUTE);
  assert.equal(story().at(-1), "firing>firing!");
  after(HOUR);
  after(15_000, 0.01);
  assert.deepEqual(story().slice(3), ["firing>firing!", "firing>resolved!"]);
});

test("A firing that came and went within the cooldown is not told at all, but listeners see it", () => {
  const ear = listener();
  const { after, story } = lab({}, { listeners: [ear] });
  after(0, 0.07);
  after(15_000, 0.01);
  after(15_000, 0.07);
  after(15_000, 0.01);
  after(HOUR);
  assert.deepEqual(story().slice(2), ["resolved>firing", "firing>resolved", "resolved>inactive"]);
  assert.equal(ear.heard.filter((at) => at !== "tick").length, 5);
});

test("Duplicate evaluation: the same moment twice changes nothing and tells nobody again", () => {
  const { after, watch, story } = lab({ forMs: MINUTE });
  for (const value of [0.01, 0.07, 0.07, 0.01]) {
    after(MINUTE, value);
    const before = watch.all()[0]!;
    const again = watch.evaluate().filter(({ to }) => to !== "inactive");
    assert.deepEqual(again, []);
    if (before.state !== "resolved") assert.deepEqual(watch.all()[0], before);
  }
  assert.deepEqual(story(), ["inactive>pending", "pending>firing!", "firing>resolved!", "resolved>inactive"]);
});

test("Listeners hear of all changes in the order of the rules, then of the time of the evaluation", () => {
  const heard: unknown[] = [];
  const ear = {
    alert: ({ time, alert }: any) => heard.push([alert.rule.name, time]),
    tick: (now: number) => heard.push(now),
  };
  const { after, clock } = lab([RULE, { ...RULE, name: "Second", where: { model: "m" } }], { listeners: [ear] });
  const now = clock.epochMs();
  after(0, 0.07);
  assert.deepEqual(heard, [["High error rate", now], ["Second", now], now]);
});

test("A listener that evaluates is not told the same again", () => {
  let ticks = 0;
  const mad = {
    alert: () => void watch.evaluate(),
    tick: () => void (ticks++ < 5 && watch.evaluate()),
  };
  const { after, watch, events } = lab({}, { listeners: [mad] });
  after(0, 0.07);
  assert.deepEqual([events.length, ticks], [1, 1]);
});

test("Each group has an alert of its own, and one that vanishes is forgotten unless it fires", () => {
  const group = (feature: string, value: number) => ({ value, samples: 50, labels: { feature } });
  const { after, watch, story } = lab({ by: "feature" });
  after(0, [group("a", 0.07), group("b", 0.01), group("c", 0.01)]);
  assert.deepEqual(
    watch.all().map(({ labels, state }) => [labels["feature"], state]),
    [
      ["a", "firing"],
      ["b", "inactive"],
      ["c", "inactive"],
    ],
  );
  assert.equal(new Set(watch.all().map(({ fingerprint }) => fingerprint)).size, 3);
  assert.equal(watch.active()[0]!.message, "error_rate (feature a) is 7 %, above 5 %");
  after(15_000, [group("b", 0.01)]);
  assert.deepEqual(
    watch.all().map(({ labels, isStale }) => [labels["feature"], isStale]),
    [
      ["a", true],
      ["b", undefined],
    ],
  );
  after(HOUR);
  after(15_000);
  assert.deepEqual(
    watch.all().map(({ labels }) => labels["feature"]),
    ["b"],
  );
  assert.deepEqual(story(), ["inactive>firing!", "inactive>no_data", "firing>resolved!", "resolved>no_data"]);
});

test("A thousand groups at most: a source that has no cap fills no memory", () => {
  const groups = Array.from({ length: 1_500 }, (_, i) => ({ value: 0.01, samples: 5, labels: { user: `u${i}` } }));
  const { watch } = lab({ by: "user" }, { says: groups });
  watch.evaluate();
  assert.equal(watch.all().length, 1_000);
  assert.match(watch.stats!().lastError!, /more than 1000 groups/);
});

test("Clock jump forward: no wait is cut short, and times stay in order", () => {
  const { after, clock, watch, story } = lab({ forMs: MINUTE, keepFiringMs: MINUTE, cooldownMs: 5 * MINUTE });
  after(0, 0.07);
  clock.jump(365 * 24 * HOUR);
  after(15_000);
  assert.deepEqual(story(), ["inactive>pending"]);
  after(45_000);
  clock.jump(365 * 24 * HOUR);
  after(15_000, 0.01);
  assert.deepEqual(story(), ["inactive>pending", "pending>firing!"]);
  after(MINUTE);
  const { startedAt, firedAt, resolvedAt } = watch.all()[0]!;
  assert.ok(startedAt! < firedAt! && firedAt! < resolvedAt!);
});

test("Clock jump back: no wait is made longer, and times stay in order", () => {
  const { after, clock, watch, story } = lab({ forMs: MINUTE, cooldownMs: 5 * MINUTE }, { staleMs: HOUR });
  after(0, 0.07);
  clock.jump(-365 * 24 * HOUR);
  after(MINUTE);
  clock.jump(-HOUR);
  after(15_000, 0.01);
  const { startedAt, firedAt, resolvedAt } = watch.all()[0]!;
  assert.ok(startedAt! <= firedAt! && firedAt! <= resolvedAt!);
  after(15_000, 0.07);
  clock.jump(-HOUR);
  after(5 * MINUTE);
  assert.deepEqual(
    story().filter((at) => at.endsWith("!")),
    ["pending>firing!", "firing>resolved!", "pending>firing!"],
  );
});

test("A source that throws is no data, said once, and the other rules go on", () => {
  const bad = {
    metrics: [{ name: "own", unit: "count", description: "" }] as const,
    read: () => assert.fail("broken"),
  };
  const good = { metrics: [{ name: "error_rate", unit: "share", description: "" }] as const, read: () => reading };
  const reading = [{ value: 0.07, samples: 9, labels: {} }];
  const rules = [{ ...RULE, name: "Own", metric: "own" }, RULE];
  const events: string[] = [];
  const onChange = ({ alert, to }: any) => events.push(`${alert.rule.name}: ${to}`);
  const watch = alerts({ rules, sources: [bad, good], everyMs: false, onChange });
  for (let i = 0; i < 3; i++) watch.evaluate();
  assert.deepEqual(events, ["Own: no_data", "High error rate: firing"]);
  assert.equal(watch.all()[0]!.message, "own has no data: its source failed");
  assert.equal(watch.stats!().lastError, "own: its source failed: broken");
});

test("A firing alert outlives its source's fault", () => {
  const { after, story, watch } = lab();
  after(0, 0.07);
  after(15_000, new Error("broken"));
  after(15_000, [{ value: 1 } as any]);
  assert.equal(watch.active()[0]!.isStale, true);
  after(15_000, 0.01);
  assert.deepEqual(story(), ["inactive>firing!", "firing>resolved!"]);
  assert.equal(watch.stats!().lastError, undefined);
});

test("A listener that throws or rejects takes nothing from the others", async () => {
  const ear = listener();
  const mad = {
    alert: () => assert.fail("listener"),
    tick: () => assert.fail("tick"),
    flush: () => Promise.reject(new Error("flush")),
    close: () => assert.fail("close"),
  };
  const late = { alert: async () => assert.fail("later") };
  const { after, watch, events } = lab({}, { listeners: [mad, late as any, ear] });
  after(0, 0.07);
  await watch.flush!();
  await watch.close!();
  assert.deepEqual(ear.heard, ["inactive>firing", "tick", "tick", "flush", "tick", "flush", "close"]);
  assert.equal(events.length, 1);
});

test("A listener that hangs holds flush and close until the signal, no longer", async () => {
  const { watch } = lab(
    {},
    { listeners: [{ alert() {}, flush: () => new Promise(() => {}), close: () => new Promise(() => {}) }] },
  );
  const controller = new AbortController();
  const flushed = watch.flush!(controller.signal);
  controller.abort();
  await flushed;
  await watch.close!(controller.signal);
});

test("Of two rules that fire on one metric and group, the graver one is told, and the other when that one is over", () => {
  const warning = { ...RULE, name: "Warning", threshold: 0.02, severity: "sev3" } as const;
  const elsewhere = { ...warning, name: "Elsewhere", where: { feature: "a" } } as const;
  const { after, events } = lab([warning, RULE, elsewhere]);
  after(0, 0.07);
  const told = () => events.filter(({ isQuiet }) => !isQuiet).map(({ alert, to }) => `${alert.rule.name}: ${to}`);
  assert.deepEqual(told(), ["High error rate: firing", "Elsewhere: firing"]);
  after(15_000, 0.03);
  assert.deepEqual(told().slice(2), ["Warning: firing", "High error rate: resolved"]);
  after(15_000, 0.01);
  assert.deepEqual(told().slice(4), ["Warning: resolved", "Elsewhere: resolved"]);
});

test("A rule is not told while an alert about a metric of its `unless` pends or fires, and told when that is over", () => {
  const better = { ...RULE, name: "Slow", metric: "latency_p95", threshold: 0.06, forMs: 30_000 } as const;
  const { after, events } = lab([{ ...RULE, unless: ["latency_p95"] }, better]);
  const told = () => events.filter(({ isQuiet }) => !isQuiet).map(({ alert, to }) => `${alert.rule.name}: ${to}`);
  after(0, 0.07);
  assert.deepEqual(told(), []);
  after(30_000);
  assert.deepEqual(told(), ["Slow: firing"]);
  after(15_000, 0.055);
  assert.deepEqual(told().slice(1), ["High error rate: firing", "Slow: resolved"]);
});

test("What came first is told first: a warning that grows graver is told twice, each once", () => {
  const { after, events } = lab([{ ...RULE, name: "Warning", threshold: 0.02, severity: "sev3" }, RULE]);
  after(0, 0.03);
  after(15_000, 0.07);
  after(15_000, 0.01);
  assert.deepEqual(
    events.filter(({ isQuiet }) => !isQuiet).map(({ alert, to }) => `${alert.rule.name}: ${to}`),
    ["Warning: firing", "High error rate: firing", "Warning: resolved", "High error rate: resolved"],
  );
});

test("The window is made wider until it has the samples, and no wider", () => {
  const asked: number[] = [];
  const { watch } = lab(
    { widenToMs: HOUR, minSamples: 20 },
    {
      says: ({ windowMs }) => {
        asked.push(windowMs / MINUTE);
        return [{ value: 0.07, samples: windowMs / MINUTE, labels: {} }];
      },
    },
  );
  watch.evaluate();
  assert.deepEqual(asked, [5, 20]);
  assert.equal(watch.active()[0]!.samples, 20);
});

test("A window is not made so wide again that what fired before is in it", () => {
  const asked: number[] = [];
  const says =
    (failed: number) =>
    ({ windowMs }: { readonly windowMs: number }) => {
      asked.push(windowMs / MINUTE);
      return [{ value: failed, samples: windowMs / MINUTE, labels: {} }];
    };
  const { after, events } = lab({ widenToMs: HOUR, minSamples: 50 }, { says: says(0.07) });
  after(0);
  after(MINUTE, says(0.01));
  assert.deepEqual(
    events.map(({ to }) => to),
    ["firing", "resolved"],
  );
  asked.length = 0;
  after(10 * MINUTE);
  assert.deepEqual(asked, [5, 10]);
  asked.length = 0;
  after(2 * HOUR);
  assert.deepEqual(asked, [5, 20, 60]);
});

test("With confidence, a share holds only where chance does not explain it, in its window or a wider one", () => {
  const fires = (hits: number, samples: number, hitsInHour = hits, inHour = samples) =>
    lab(
      { confidence: 0.99, widenToMs: HOUR },
      {
        says: ({ windowMs }) =>
          windowMs < HOUR
            ? [{ value: hits / samples, samples, labels: {} }]
            : [{ value: hitsInHour / inHour, samples: inHour, labels: {} }],
      },
    ).after(0)[0]!.to === "firing";
  // One of eight is 12 %, and happens in a third of all cases at 5 %.
  assert.equal(fires(1, 8), false);
  assert.equal(fires(4, 8), true);
  // P(X >= 11) of 100 at 5 % is 0.0115, P(X >= 12) 0.0043.
  assert.deepEqual([fires(11, 100), fires(12, 100)], [false, true]);
  assert.equal(fires(1, 8, 12, 100), true);
  // Good by now: the hour does not count.
  assert.equal(fires(0, 8, 12, 100), false);
});

test("With confidence, a window with too few samples proves nothing", () => {
  const { watch } = lab(
    { confidence: 0.99, widenToMs: HOUR, minSamples: 20 },
    {
      says: ({ windowMs }) =>
        windowMs === 5 * MINUTE
          ? [{ value: 4 / 8, samples: 8, labels: {} }]
          : [{ value: 4 / 50, samples: 50, labels: {} }],
    },
  );
  watch.evaluate();
  assert.deepEqual([watch.all()[0]!.state, watch.all()[0]!.samples], ["inactive", 50]);
});

test("With confidence, a percentile holds only where too many samples are above the threshold", () => {
  const fires = (above: number | undefined, value = 9) =>
    lab(
      { metric: "latency_p95", threshold: 8, confidence: 0.99 },
      { says: [{ value, samples: 100, labels: {}, ...(above !== undefined && { above }) }] },
    ).after(0)[0]!.to === "firing";
  assert.deepEqual([fires(6), fires(11), fires(12)], [false, false, true]);
  assert.deepEqual([fires(undefined), fires(undefined, 7)], [true, false]);
});

test("The timer evaluates while a configuration uses it, shared by the next one, and lets the process end", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const ear = listener();
  const { watch } = lab({}, { everyMs: 15_000, listeners: [ear] });
  watch.open!();
  watch.open!();
  await watch.close!();
  t.mock.timers.tick(30_000);
  assert.deepEqual(ear.heard, ["inactive>inactive", "tick", "tick"]);
  await watch.close!();
  t.mock.timers.tick(60_000);
  assert.deepEqual(ear.heard.slice(1), ["tick", "tick", "tick", "flush", "close"]);
});

test("In a configuration it takes the records in silence and is evaluated by flush", async () => {
  const { watch, events, say } = lab();
  configure({ sinks: [memorySink(), watch] });
  await withSpan("work", () => {});
  say(0.07);
  const result = await flush();
  assert.equal(events.length, 1);
  assert.equal(result.ok, true);
  configure({ enabled: false });
});

test("It is a source of how many alerts fire, by severity", () => {
  const { after, watch } = lab([RULE, { ...RULE, name: "Warning", severity: "sev3" }]);
  after(0, 0.07);
  assert.deepEqual(
    watch.read("alerts_firing", { windowMs: 1 }).map(({ value, labels }) => [labels["severity"], value]),
    [
      ["sev1", 0],
      ["sev2", 1],
      ["sev3", 1],
      ["sev4", 0],
    ],
  );
  assert.deepEqual(
    watch.active().map(({ rule }) => rule.severity),
    ["sev2", "sev3"],
  );
});

test("Whoever listens hears, quietly, that the silence of a firing alert begins and ends", () => {
  const { watch, after, events } = lab({});
  after(0, 0.07);
  watch.silence({ matchers: { rule: RULE.name }, forMs: MINUTE, comment: "deploy" });
  after(15_000);
  after(15_000);
  after(MINUTE);
  assert.deepEqual(
    events.map(({ from, to, isQuiet, alert }) => [from, to, isQuiet, alert.isSilenced === true]),
    [
      ["inactive", "firing", false, false],
      ["firing", "firing", true, true],
      ["firing", "firing", true, false],
    ],
  );
});

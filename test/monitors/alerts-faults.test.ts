/** Sources, listeners and configurations that are not as they should be. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setImmediate as soon } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { ConfigError, stats } from "sightline";
import { fakeClock } from "sightline/testing";
import { stateFile } from "../../src/monitors/state.ts";
import { lab, listener, RULE } from "./alerts-lab.ts";

const SILENCE = { matchers: { rule: "x" }, forMs: 1_000, comment: "ada" };
/** Rejects as soon as it is asked. */
const promise = (): any => Promise.reject(new Error("later"));
/** No `instanceof Promise`, as those of other realms. */
const foreign = (): any => runInNewContext("Promise.reject(new Error('later'))");
const raise = (error: unknown = new Error("later")): never => {
  throw error;
};
const thenable = (): any => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error("later")) });

test("A source whose read is async is a source that failed, and ends no process by what it rejects with", async () => {
  for (const read of [promise, foreign, thenable]) {
    const { after, watch } = lab({}, { says: read });
    after(0);
    // An unhandled rejection fails the test, as it would end the process.
    await soon();
    assert.equal(watch.all()[0]!.message, "error_rate has no data: its source failed");
    assert.equal(watch.stats!().lastError, "error_rate: its source failed: read() gave a promise");
    after(15_000, 0.01);
    assert.equal(watch.stats!().lastError, undefined);
  }
});

test("Listeners and callbacks that are async, or give what only looks like a promise, end no process", async () => {
  for (const rejects of [promise, foreign, thenable]) {
    const { after, watch } = lab({}, { onChange: rejects, listeners: [{ alert: rejects, tick: rejects }] });
    after(0, 0.07);
    await soon();
    assert.equal(watch.active().length, 1);
  }
});

test("What a listener throws or rejects with is counted and the last error, until the same goes well again", async () => {
  for (const broken of [promise, foreign, thenable, () => raise()]) {
    let isWell = false;
    const tell = () => (isWell ? undefined : broken());
    const heard = listener();
    const { after, watch } = lab({}, { listeners: [heard, { alert: tell }] });
    const { internalErrors } = stats();
    after(0, 0.07);
    await soon();
    assert.match(watch.stats!().lastError!, /^listeners\[1\]\.alert failed: (Error: )?later$/);
    assert.equal(stats().internalErrors, internalErrors + 1);
    isWell = true;
    after(15_000, 0.01);
    await soon();
    assert.equal(watch.stats!().lastError, undefined);
  }
  const odd = lab({}, { listeners: [{ alert() {}, tick: () => raise(Object.create(null)) }], onChange: () => raise() });
  odd.after(0, 0.07);
  await soon();
  assert.match(
    odd.watch.stats!().lastError!,
    /^(listeners\[0\].tick failed: an error without text|onChange failed: later)$/,
  );
  const ending = lab({}, { listeners: [{ alert() {}, flush: promise, close: () => raise() }] });
  await ending.watch.flush?.();
  assert.equal(ending.watch.stats!().lastError, "listeners[0].flush failed: later");
  await ending.watch.close?.();
  assert.equal(ending.watch.stats!().lastError, "listeners[0].close failed: later");
});

test("A reading of nonsense form is a problem of its source, and its metric has no data", () => {
  const right = { value: 0.07, samples: 100, labels: {} };
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /no list/],
    [{ ...right }, /no list/],
    [[null], /reading 0/],
    [[right, undefined], /reading 1/],
    [[{ ...right, traces: null }], /reading 0/],
    [[{ ...right, traces: "t1" }], /reading 0/],
    [[{ ...right, traces: [1] }], /reading 0/],
    [[{ ...right, labels: undefined }], /reading 0/],
    [[{ ...right, labels: ["a"] }], /reading 0/],
    [[{ ...right, labels: { feature: { name: "a" } } }], /reading 0/],
    [[{ ...right, labels: { feature: 1n } }], /reading 0/],
    [[{ ...right, samples: "100" }], /reading 0/],
    [[{ ...right, value: "0.07" }], /reading 0/],
    [[{ ...right, value: null }], /reading 0/],
    [[{ ...right, above: 5n }], /reading 0/],
  ];
  for (const [given, problem] of wrong) {
    const { after, watch, story } = lab({}, { says: () => given as any });
    after(0);
    after(15_000);
    assert.deepEqual(story(), ["inactive>no_data"]);
    assert.match(watch.stats!().lastError!, problem);
    assert.equal(watch.all().length, 1);
    after(15_000, 0.07);
    assert.equal(story().at(-1), "no_data>firing!");
  }
});

/** In order when it is checked, and no more when it is used. */
function turning(field: "traces" | "value", times: number): any {
  let asked = 0;
  const reading = { value: 0.07, samples: 100, labels: {}, traces: [] };
  return Object.defineProperty(reading, field, {
    enumerable: true,
    get() {
      if (++asked > times) assert.fail("it has turned");
      return field === "value" ? 0.07 : [];
    },
  });
}

test("A rule that cannot be evaluated says so, and says so no more when it can", () => {
  const other = { ...RULE, name: "Slow", metric: "latency_p95" };
  const { after, events, watch } = lab([RULE, other]);
  after(0, () => [turning("traces", 1)]);
  assert.equal(watch.stats!().lastError, "rule Slow: it cannot be evaluated: it has turned");
  assert.deepEqual(events, []);
  after(15_000, 0.07);
  assert.equal(watch.stats!().lastError, undefined);
  assert.deepEqual(
    events.map(({ to, isQuiet }) => [to, isQuiet]),
    [
      ["firing", false],
      ["firing", false],
    ],
  );
});

test("An alert that cannot be told takes nothing from the others, and is told when it can be", () => {
  let isBroken = false;
  const where = Object.defineProperties(
    {},
    {
      feature: { enumerable: true, get: () => (isBroken ? assert.fail("no words") : "a") },
      toJSON: { value: () => ({ feature: "a" }) },
    },
  );
  const { after, story } = lab([RULE, { ...RULE, name: "Broken", metric: "latency_p95", where }]);
  isBroken = true;
  after(0, 0.07);
  assert.deepEqual(story(), ["inactive>firing!"]);
  isBroken = false;
  after(15_000);
  assert.deepEqual(story(), ["inactive>firing!", "firing>firing!"]);
});

test("What an earlier process left of an alert in nonsense form is left alone", (t) => {
  const state = newState(t);
  const { after } = lab({}, { state });
  after(0, 0.07);
  state.save();
  const part = state.load("alerts") as { alerts: { value: unknown }[] };
  part.alerts[0]!.value = "seven";
  state.changed("alerts", () => part);
  state.save();
  const next = lab({}, { state });
  assert.deepEqual(next.watch.all(), []);
  assert.deepEqual(next.after(0).length, 1);
});

test("The first look at what is well is heard once, quietly: whoever remembers that it fired learns that it does not", () => {
  const ear = listener();
  const group = (feature: string, value?: number) => ({ value, samples: 50, labels: { feature } });
  const { after, first, story } = lab({ by: "feature" }, { listeners: [ear] });
  after(0, [group("a", 0.01), group("b")]);
  after(15_000);
  after(15_000, [group("a", 0.01), group("b"), group("c", 0.01), group("d", 0.07)]);
  after(15_000);
  assert.deepEqual(
    first.map(({ alert, isQuiet }) => [alert.labels["feature"], alert.state, isQuiet]),
    [
      ["a", "inactive", true],
      ["c", "inactive", true],
    ],
  );
  assert.deepEqual(story(), ["inactive>no_data", "inactive>firing!"]);
  assert.equal(ear.heard.filter((at) => at !== "tick").length, 4);
});

test("The first look costs a state nothing: what is well is not written", () => {
  let written = 0;
  const { after, first } = lab({}, { state: { load: () => undefined, changed: () => written++, save() {} } });
  after(0);
  after(15_000);
  assert.deepEqual([first.length, written], [1, 0]);
});

test("Many groups with confidence: each reading is looked up once, and none beyond the thousandth is judged", () => {
  let asked = 0;
  let listed = 0;
  const groups = Array.from({ length: 3_000 }, (_, i) => ({
    samples: 100,
    get value() {
      asked++;
      return 0.07;
    },
    get labels() {
      listed++;
      return { user: `u${i}` };
    },
  }));
  const { watch } = lab({ by: "user", confidence: 0.99 }, { says: groups });
  watch.evaluate();
  assert.equal(watch.all().length, 1_000);
  // Checked, all of them; judged and tested for chance, a thousand of them.
  assert.ok(asked <= 3_000 + 4 * 1_000, `${asked} values`);
  assert.ok(listed <= 3 * 3_000, `${listed} labels`);
  assert.match(watch.stats!().lastError!, /more than 1000 groups/);
});

test("What fires beyond the place of the thousandth group is still judged", () => {
  const group = (i: number, value: number) => ({ value, samples: 5, labels: { user: `u${i}` } });
  const many = Array.from({ length: 1_500 }, (_, i) => group(i, 0.01));
  const { after, watch } = lab({ by: "user" }, { says: [group(-1, 0.07)] });
  after(0);
  assert.equal(watch.active().length, 1);
  after(15_000, [...many, group(-1, 0.01)]);
  assert.equal(watch.active().length, 0);
  // Back within the cap: that is no problem any more.
  after(15_000, []);
  after(15_000, [group(1, 0.01)]);
  assert.equal(watch.stats!().lastError, undefined);
});

function newState(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "sightline-alerts-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return stateFile(join(folder, "state.json"));
}

/** Lines of ours on stderr from now on. */
function stderrOf(t: TestContext): string[] {
  const lines: string[] = [];
  const write = process.stderr.write.bind(process.stderr);
  t.mock.method(process.stderr, "write", (chunk: any, ...rest: any[]) => {
    if (!String(chunk).startsWith("sightline: ")) return write(chunk, ...rest);
    lines.push(String(chunk));
    return true;
  });
  return lines;
}

test("Two of one name on one state: the newer one goes on with what fires, the older one is silent and says so once", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const lines = stderrOf(t);
  const state = newState(t);
  const clock = fakeClock();
  const ear = listener();
  const older = lab({}, { state, clock, everyMs: 15_000, listeners: [ear] });
  older.watch.open!();
  older.after(0, 0.07);
  const heard = ear.heard.length;
  const newer = lab({}, { state, clock, says: 0.07 });
  assert.deepEqual(newer.after(0), [], "it fires already, and nobody is told again");
  assert.equal(newer.watch.active().length, 1);
  older.say(0.01);
  for (let i = 0; i < 4; i++) {
    clock.advance(15_000);
    t.mock.timers.tick(15_000);
    if (i === 0) assert.deepEqual(lines, []);
  }
  assert.deepEqual(lines, [
    'sightline: two alerts() with the name "alerts" use one state; the older one is silent. Close the one that is not needed, or give each a name of its own: alerts({ name }).\n',
  ]);
  assert.deepEqual([older.story(), ear.heard.length], [["inactive>firing!"], heard]);
  older.watch.silence(SILENCE);
  state.save();
  assert.deepEqual(newer.after(0, 0.01).length, 1);
  assert.deepEqual(newer.story(), ["firing>resolved!"]);
  const part = state.load("alerts") as { readonly silences: { readonly silences: readonly unknown[] } };
  assert.deepEqual(part.silences.silences, [], "what the older one is told is not written");
});

test("Two of one name with rules of their own: what fires by a rule that is gone is told as over once, by the newer one", (t) => {
  const state = newState(t);
  const clock = fakeClock();
  const older = lab([{ ...RULE, name: "Own" }], { state, clock });
  older.after(0, 0.07);
  const newer = lab([RULE], { state, clock, says: 0.01 });
  newer.after(0);
  assert.equal(newer.events[0]!.alert.rule.name, "Own");
  for (let i = 0; i < 3; i++) {
    older.after(15_000, 0.01);
    newer.after(0);
  }
  assert.deepEqual([older.story(), newer.story()], [["inactive>firing!"], ["firing>resolved!"]]);
});

test("A reconfiguration hands over: the old one tells nothing more, closes in silence, and says nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const lines = stderrOf(t);
  const state = newState(t);
  const clock = fakeClock();
  const ear = listener();
  const older = lab({}, { state, clock, everyMs: 15_000, listeners: [ear] });
  older.watch.open!();
  older.after(0, 0.07);
  const newer = lab({}, { state, clock, everyMs: 15_000, says: 0.01 });
  newer.watch.open!();
  older.say(0.01);
  await older.watch.close!();
  assert.deepEqual(ear.heard, ["inactive>firing", "tick", "flush", "close"]);
  clock.advance(60_000);
  t.mock.timers.tick(60_000);
  assert.deepEqual([newer.story(), lines], [["firing>resolved!", "resolved>inactive"], []]);
  await newer.watch.close!();
});

test("Alerts that are refused take nothing over", (t) => {
  const state = newState(t);
  const clock = fakeClock();
  const { after, story } = lab({}, { state, clock });
  assert.throws(() => lab({}, { state, clock, silences: [{ ...SILENCE, comment: "" }] }), ConfigError);
  after(0, 0.07);
  assert.deepEqual(story(), ["inactive>firing!"]);
});

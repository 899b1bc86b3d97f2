import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fakeClock } from "sightline/testing";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { type Lab, lab, memoryState, RULE } from "./alerts-lab.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** One process, then the next: its monotonic clock begins at zero, the wall clock goes on. */
function restart(
  rule: Partial<AlertRule>,
  before: (first: Lab) => void,
  options: { gapMs?: number; next?: Partial<AlertRule> | readonly AlertRule[] } = {},
): { first: Lab; second: Lab } {
  const state = memoryState();
  const first = lab(rule, { state });
  before(first);
  state.save();
  const clock = fakeClock(first.clock.epochMs() + (options.gapMs ?? 10_000));
  const second = lab(options.next ?? rule, { state, clock, says: undefined });
  return { first, second };
}

test("Restart firing: it goes on, is not told again, and the next process tells that it is over", () => {
  const { first, second } = restart({}, ({ after }) => after(0, 0.07));
  assert.deepEqual(second.watch.active()[0], {
    ...first.watch.active()[0]!,
    isStale: true,
    message: second.watch.active()[0]!.message,
  });
  second.after(15_000);
  second.after(15_000, 0.07);
  assert.deepEqual([second.story(), second.watch.active()[0]!.isStale], [[], undefined]);
  second.after(15_000, 0.01);
  assert.deepEqual(second.story(), ["firing>resolved!"]);
  assert.equal(second.events[0]!.alert.firedAt, first.events[0]!.alert.firedAt);
});

test("Restart firing: one that was quiet is told by the next process, when its cooldown is over", () => {
  const { second } = restart(
    { cooldownMs: 5 * MINUTE },
    ({ after }) => {
      after(0, 0.07);
      after(MINUTE, 0.01);
      after(MINUTE, 0.07);
    },
    { gapMs: MINUTE },
  );
  second.say(0.07);
  second.after(119_999);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>firing!"]);
});

test("Restart firing: without data in the next process it is over after staleMs there", () => {
  const { second } = restart({}, ({ after }) => after(0, 0.07), { gapMs: 24 * HOUR });
  second.after(15_000);
  second.after(HOUR - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>resolved!"]);
});

test("Restart pending: after a short gap it keeps what it had, and neither the gap nor the wait for data counts", () => {
  const { first, second } = restart(
    { forMs: 2 * MINUTE },
    ({ after }) => {
      after(0, 0.07);
      after(MINUTE);
    },
    { gapMs: 3 * MINUTE },
  );
  const { startedAt } = first.watch.all()[0]!;
  second.after(15_000);
  assert.deepEqual([second.watch.all()[0]!.state, second.watch.all()[0]!.startedAt], ["pending", startedAt]);
  second.after(15_000, 0.07);
  second.after(MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["pending>firing!"]);
  assert.equal(second.watch.active()[0]!.startedAt, startedAt);
});

test("Restart pending: after a gap longer than its window it is forgotten", () => {
  const { second } = restart({ forMs: 2 * MINUTE }, ({ after }) => after(0, 0.07), { gapMs: 5 * MINUTE + 1 });
  assert.equal(second.watch.all().length, 0);
  second.after(0, 0.07);
  assert.deepEqual(second.story(), ["inactive>pending"]);
});

test("Restart pending: it waits for data as long as its window, then it has none", () => {
  const { second } = restart({ forMs: 2 * MINUTE }, ({ after }) => after(0, 0.07));
  second.after(5 * MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["pending>no_data"]);
});

test("Restart pending: a second restart before the first data keeps what it had", () => {
  const state = memoryState();
  const first = lab({ forMs: 2 * MINUTE }, { state });
  first.after(0, 0.07);
  first.after(MINUTE);
  for (let i = 0; i < 2; i++) {
    state.save();
    lab({ forMs: 2 * MINUTE }, { state, clock: fakeClock(first.clock.epochMs()), says: undefined }).after(MINUTE);
  }
  state.save();
  const last = lab({ forMs: 2 * MINUTE }, { state, clock: fakeClock(first.clock.epochMs()), says: 0.07 });
  last.after(0);
  last.after(MINUTE);
  assert.deepEqual(last.story(), ["pending>firing!"]);
});

test("Rule removed: what fired by it is over, told once; what was pending is forgotten", () => {
  const other = { ...RULE, name: "Other" };
  const { second } = restart({}, ({ after }) => after(0, 0.07), { next: [other] });
  second.after(15_000);
  second.after(15_000);
  assert.deepEqual(second.story(), ["firing>resolved!", "inactive>no_data"]);
  assert.equal(second.events[0]!.alert.message, "error_rate was 7 %, above 5 %; its rule is not there any more");
  assert.deepEqual(
    second.watch.all().map(({ rule }) => rule.name),
    ["Other"],
  );
  const pending = restart({ forMs: MINUTE }, ({ after }) => after(0, 0.07), { next: [other] });
  pending.second.after(15_000);
  assert.deepEqual(pending.second.story(), ["inactive>no_data"]);
});

test("Rule changed: with another threshold it goes on by that, about something else it is another rule", () => {
  const raised = restart({}, ({ after }) => after(0, 0.07), { next: { threshold: 0.1 } });
  raised.second.after(15_000, 0.07);
  assert.deepEqual(raised.second.story(), ["firing>resolved!"]);
  assert.equal(raised.second.events[0]!.alert.message, "error_rate is 7 %, no longer above 10 %");
  for (const next of [
    { metric: "latency_p95" },
    { by: "feature" },
    { labels: { a: "b" } },
    { comparison: "<" },
  ] as const) {
    const { second } = restart({}, ({ after }) => after(0, 0.07), { next });
    second.after(15_000);
    assert.equal(second.story()[0], "firing>resolved!", JSON.stringify(next));
  }
});

test("Clock jump between two processes: back is no gap, a year ahead is a long one, and no cooldown is longer than it was", () => {
  const flapping = ({ after }: Lab) => {
    after(0, 0.07);
    after(15_000, 0.01);
    after(15_000, 0.07);
  };
  const back = restart({}, flapping, { gapMs: -365 * 24 * HOUR }).second;
  back.after(0, 0.07);
  back.after(270_000 - 1);
  assert.deepEqual(back.story(), []);
  back.after(1);
  assert.deepEqual(back.story(), ["firing>firing!"]);
  const ahead = restart({}, flapping, { gapMs: 365 * 24 * HOUR }).second;
  ahead.after(0, 0.07);
  assert.deepEqual(ahead.story(), ["firing>firing!"]);
});

test("Silences of an earlier process go on to their time, those of options are not doubled", () => {
  const state = memoryState();
  const silences = [{ matchers: { rule: "x" }, forMs: HOUR, comment: "option" }];
  const first = lab({}, { state, silences });
  first.watch.silence({ matchers: { rule: /^high/i, severity: "sev2" }, forMs: HOUR, comment: "deploy" });
  first.watch.silence({ matchers: { rule: /./ }, untilMs: first.clock.epochMs() + MINUTE, comment: "short" });
  first.after(0, 0.07);
  state.save();
  const second = lab({}, { state, silences, clock: fakeClock(first.clock.epochMs() + 2 * MINUTE), says: 0.07 });
  assert.deepEqual(
    second.watch
      .silences()
      .map(({ comment }) => comment)
      .sort(),
    ["deploy", "option"],
  );
  second.after(58 * MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>firing!"]);
});

test("Silences keep their ids, whatever the options of the next process are", () => {
  const state = memoryState();
  const first = lab({}, { state });
  const id = first.watch.silence({ matchers: { rule: "x" }, forMs: HOUR, comment: "by hand" });
  state.save();
  const silences = [1, 2].map((n) => ({ matchers: { rule: "y" }, forMs: HOUR, comment: `option ${n}` }));
  const second = lab({}, { state, silences, clock: fakeClock(first.clock.epochMs()) });
  assert.deepEqual(
    second.watch
      .silences()
      .map(({ comment }) => comment)
      .sort(),
    ["by hand", "option 1", "option 2"],
  );
  assert.equal(second.watch.silences().find((silence) => silence.id === id)!.comment, "by hand");
});

test("A cooldown that is shorter now is that long at most", () => {
  const flapping = ({ after }: Lab) => {
    after(0, 0.07);
    after(15_000, 0.01);
    after(15_000, 0.07);
  };
  const { second } = restart({ cooldownMs: HOUR }, flapping, { next: { cooldownMs: MINUTE } });
  second.after(0, 0.07);
  second.after(MINUTE - 1);
  assert.deepEqual(second.story(), []);
  second.after(1);
  assert.deepEqual(second.story(), ["firing>firing!"]);
});

test("What does not pend, fire or cool down is not written again and again", () => {
  const state = memoryState();
  let changes = 0;
  const { changed } = state;
  state.changed = (...args) => {
    changes++;
    changed(...args);
  };
  const { after } = lab({ cooldownMs: MINUTE }, { state });
  for (let i = 0; i < 5; i++) after(15_000);
  assert.equal(changes, 0);
  after(15_000, 0.07);
  after(15_000);
  assert.equal(changes, 2);
  after(15_000, 0.01);
  state.save();
  after(MINUTE);
  const whenOver = changes;
  for (let i = 0; i < 5; i++) after(15_000);
  assert.equal(changes, whenOver);
  state.save();
  assert.deepEqual(JSON.parse(state.json).alerts.alerts, []);
});

test("A state that holds something else is left alone, entry by entry", () => {
  const state = memoryState();
  const { after } = lab({}, { state });
  after(0, 0.07);
  state.save();
  const saved = JSON.parse(state.json);
  saved.alerts.alerts.unshift(null, 7, {}, { rule: 3, group: "{" });
  saved.alerts.silences.silences = [null, { id: "a", matchers: 3 }];
  state.json = JSON.stringify(saved);
  assert.equal(lab({}, { state }).watch.active().length, 1);
  for (const alerts of [null, 3, [], { alerts: 7, silences: [] }, { savedAt: "x", alerts: ["y"] }]) {
    state.json = JSON.stringify({ alerts });
    assert.equal(lab({}, { state }).watch.active().length, 0);
  }
});

test("With a real file: written on close, and empty again when all is over", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "alerts-")), "monitors.json");
  const first = lab({ cooldownMs: 0 }, { state: stateFile(path) });
  first.after(0, 0.07);
  await first.watch.close!();
  const second = lab({ cooldownMs: 0 }, { state: stateFile(path), says: 0.07 });
  assert.equal(second.watch.active().length, 1);
  second.after(15_000, 0.01);
  await second.watch.close!();
  assert.equal(lab({}, { state: stateFile(path) }).watch.all().length, 0);
});

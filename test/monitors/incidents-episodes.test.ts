import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import type { Notification } from "../../src/monitors/channels/notification.ts";
import { incidents } from "../../src/monitors/incidents/incidents.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { alertEvent, type Desk, damped, desk, MINUTE, memoryState, rule } from "./incidents-support.ts";

const actions = (told: readonly Notification[]): string[] => told.map(({ action }) => action);
const updates = (told: readonly Notification[]): (string | undefined)[] =>
  told.filter(({ action }) => action === "update").map(({ title }) => title.split(":")[0]);

/** Messages that a pager makes a page of: what opens a key that is not open. */
function pagesOf(told: readonly Notification[]): number {
  const open = new Set<string>();
  let pages = 0;
  for (const { key, action } of told) {
    if (action === "resolve") open.delete(key);
    else if (action !== "acknowledge" && !open.has(key)) {
      open.add(key);
      pages++;
    }
  }
  return pages;
}

/** Seconds pass, with a tick for each fifteen. */
function seconds({ clock, tracked }: Desk, count: number): void {
  for (let i = 0; i < count; i += 15) {
    clock.advance(15_000);
    tracked.tick(clock.epochMs());
  }
}

test("an incident with more alerts than it shows is over with the last of all of them, also after a restart", () => {
  const state = memoryState();
  let { tracked, told, fire, end, clock } = desk({ state });
  for (let i = 0; i < 30; i++) fire({ name: `user ${i}` });
  assert.equal(tracked.open()[0]?.alerts.length, 20);
  assert.equal(tracked.open()[0]?.leftOut.alerts, 10);
  for (let i = 0; i < 20; i++) end({ name: `user ${i}` });
  assert.equal(tracked.open().length, 1);
  state.save();
  ({ tracked, told, fire, end } = desk({ state }, clock, told));
  for (let i = 20; i < 29; i++) end({ name: `user ${i}` });
  fire({ name: "user 29" });
  assert.equal(tracked.open().length, 1);
  end({ name: "user 29" });
  assert.deepEqual(actions(told), ["trigger", "resolve"]);
});

test("beyond a thousand alerts that fire their ends are not waited for", () => {
  const { tracked, fire, end } = desk();
  for (let i = 0; i < 1_001; i++) fire({ name: `user ${i}` });
  assert.equal(tracked.open()[0]?.leftOut.alerts, 981);
  for (let i = 0; i < 1_000; i++) end({ name: `user ${i}` });
  assert.equal(tracked.open().length, 0);
});

test("a reopening that is told is a new episode: not acknowledged, and all levels are told again, by its own clock", async () => {
  const { tracked, told, fire, end, pass } = desk();
  fire();
  const { id } = tracked.open()[0]!;
  pass(30);
  tracked.acknowledge(id, { by: "ada" });
  await tracked.mitigate(id, undefined, { by: "ada" });
  end();
  pass(5);
  fire();
  const again = tracked.get(id)!;
  assert.equal(again.status, "detected");
  assert.equal(again.acknowledgedAt ?? again.acknowledgedBy ?? again.mitigatingAt, undefined);
  assert.equal(again.level, "L1");
  assert.equal(again.clocks.isOverdue, false);
  assert.equal(again.clocks.openMs, 30 * MINUTE);
  assert.equal(again.clocks.episodeMs, 0);
  told.length = 0;
  pass(9);
  assert.deepEqual(updates(told), []);
  pass(21);
  assert.deepEqual(updates(told), ["Escalated to L2", "Overdue", "Escalated to L3"]);
  tracked.acknowledge(id, { by: "bob" });
  assert.equal(tracked.get(id)?.acknowledgedBy, "bob");
  assert.equal(tracked.get(id)?.clocks.acknowledgedAfterMs, 30 * MINUTE);
});

test("no two messages of an incident have the same id, however often it is reopened", () => {
  const { tracked, told, fire, end, pass } = desk();
  for (let i = 0; i < 3; i++) {
    fire({ severity: "sev3" });
    fire({ name: "worse", severity: "sev2" });
    pass(30);
    tracked.acknowledge(tracked.open()[0]!.id, { by: "ada" });
    end({ severity: "sev3" });
    end({ name: "worse", severity: "sev2" });
  }
  assert.equal(new Set(told.map(({ key }) => key)).size, 1);
  assert.equal(new Set(told.map(({ id }) => id)).size, told.length);
  assert.ok(told.length > 15);
});

test("four rules of one runbook that flap in turn for an hour are one page", () => {
  const made = desk(damped);
  for (let i = 0; i < 60; i++) {
    made.fire({ name: `rule ${i % 4}` });
    seconds(made, 30);
    made.end({ name: `rule ${i % 4}` });
    seconds(made, 30);
  }
  assert.equal(pagesOf(made.told), 1, made.words().join("\n"));
  assert.equal(made.tracked.all().length, 1);
});

test("a rule by user with a different user each time is one page in an hour", () => {
  const made = desk(damped);
  for (let i = 0; i < 120; i++) {
    made.fire({}, { labels: { user: `${i}` } });
    seconds(made, 15);
    made.end({}, { labels: { user: `${i}` } });
    seconds(made, 15);
  }
  assert.equal(pagesOf(made.told), 1, made.words().join("\n"));
});

for (const [what, options] of Object.entries({
  "are reopened": {},
  "are new ones each time": { reopenMs: 0 },
  "resolve at once": { resolveAfterMs: 0 },
})) {
  test(`incidents that ${what} are at most six pages an hour, whatever the rhythm of the flapping`, () => {
    for (let on = 30; on <= 630; on += 75) {
      for (let off = 30; off <= 630; off += 75) {
        const made = desk({ ...damped, ...options });
        for (let at = 0, i = 0; at < 3_600; i++, at += on + off) {
          made.fire({ name: `rule ${i % 4}` });
          seconds(made, on);
          made.end({ name: `rule ${i % 4}` });
          seconds(made, off);
        }
        const from = made.told[0]!.time;
        const inHour = made.told.filter(({ time }) => time < from + 60 * MINUTE);
        assert.ok(pagesOf(inHour) <= 6, `${on} s on, ${off} s off: ${pagesOf(inHour)}`);
      }
    }
  });
}

test("what fires again soon after people were told is told when the cooldown ends, and its minutes count from then", () => {
  const made = desk(damped);
  const { tracked, told, fire, end, pass } = made;
  fire();
  pass(1);
  end();
  pass(5);
  assert.deepEqual(actions(told), ["trigger", "resolve"]);
  fire();
  assert.equal(tracked.open().length, 1, "it is open, for whoever looks");
  pass(3);
  assert.equal(told.length, 2);
  pass(1);
  assert.deepEqual(updates(told), ["Open again"]);
  pass(9);
  assert.deepEqual(updates(told), ["Open again"]);
  pass(1);
  assert.deepEqual(updates(told), ["Open again", "Escalated to L2"]);
});

test("what is over again before the cooldown ends is never told, and neither is its end", () => {
  const { tracked, told, fire, end, pass } = desk({ ...damped, resolveAfterMs: 0 });
  fire();
  end();
  pass(2);
  fire();
  end();
  pass(60);
  assert.deepEqual(actions(told), ["trigger", "resolve"]);
  assert.equal(tracked.all()[0]?.periods.length, 2);
});

test("a new incident within the cooldown of its kind is told later as what it is: a trigger", () => {
  const { tracked, told, fire, end, pass } = desk({ ...damped, resolveAfterMs: 0, reopenMs: 0 });
  fire();
  end();
  pass(1);
  fire({ name: "second" });
  assert.equal(tracked.open().length, 1);
  assert.equal(told.length, 2);
  pass(9);
  assert.deepEqual(actions(told), ["trigger", "resolve", "trigger"]);
  assert.equal(told[2]?.key, tracked.open()[0]?.id);
});

test("what is graver than what was told is told at once, cooldown or not; other kinds are too", () => {
  const { told, fire, end, pass } = desk({ ...damped, resolveAfterMs: 0 });
  fire({ severity: "sev3" });
  end({ severity: "sev3" });
  pass(1);
  fire({ severity: "sev3" });
  assert.equal(told.length, 2);
  fire({ name: "worse", severity: "sev1" });
  assert.deepEqual(
    told.map(({ action, severity }) => `${action} ${severity}`),
    ["trigger sev3", "resolve sev3", "update sev1"],
  );
  fire({ runbook: "cost_spike", name: "cost" });
  assert.equal(told.length, 4);
});

test("who acknowledges an incident of which nobody was told yet is not told of it again", () => {
  const { tracked, told, fire, end, pass } = desk({ ...damped, resolveAfterMs: 0 });
  fire();
  end();
  pass(1);
  fire();
  tracked.acknowledge(tracked.open()[0]!.id, { by: "ada" });
  pass(14);
  end();
  assert.deepEqual(actions(told), ["trigger", "resolve", "acknowledge", "resolve"]);
  assert.equal(tracked.all()[0]?.acknowledgedBy, "ada");
});

test("by default an incident resolves five minutes after its alerts, and its clocks stop with them", () => {
  const { tracked, told, fire, end, pass, clock } = desk(damped);
  fire();
  const began = clock.epochMs();
  pass(9);
  end();
  pass(4);
  assert.equal(tracked.open().length, 1);
  assert.deepEqual(actions(told), ["trigger"], "nobody is called about what is over");
  pass(1);
  const [incident] = tracked.all();
  assert.equal(incident?.status, "resolved");
  assert.equal(incident.clocks.openMs, 9 * MINUTE);
  assert.equal(incident.resolvedAt, began + 14 * MINUTE);
  assert.deepEqual(incident.periods, [{ from: began, to: began + 9 * MINUTE }]);
  assert.match(told[1]!.title, /^Resolved after 9 min:/);
  assert.match(told[1]!.text, /^All of its alerts have been over for 5 min\./);
  assert.match(
    tracked.postMortem(incident.id)!,
    /It was over at 2026-01-01 00:09:00 UTC \\?\(resolved at 2026-01-01 00:14:00 UTC.*after 9 min\./,
  );
});

test("two with names of their own share a state; of two with one name the first falls silent and writes no more", async () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  const other = desk({ state, name: "staging" }, first.clock);
  assert.equal(other.tracked.all().length, 0);
  state.save();
  const second = desk({ state }, first.clock);
  const { id } = second.tracked.open()[0]!;
  const before = first.tracked.get(id);
  const page = first.told.length;
  first.fire({ runbook: "cost_spike" });
  first.end();
  first.tracked.acknowledge(id, { by: "ada" });
  first.tracked.note(id, "text");
  first.tracked.resolve(id, { by: "ada" });
  await first.tracked.mitigate(id, undefined, { by: "ada" });
  first.pass(60);
  assert.equal(first.told.length, page);
  assert.deepEqual(first.tracked.get(id)?.timeline, before?.timeline);
  await first.tracked.close();
  state.save();
  assert.equal((state.load("incidents") as any).incidents.length, 1);
  assert.equal((state.load("incidents") as any).incidents[0].status, "detected");
  assert.equal(other.tracked.all().length, 0);
  other.fire();
  assert.notEqual(other.tracked.open()[0]?.id, id);
});

test("an option that is refused takes over nobody's part of the state", () => {
  const state = memoryState();
  const first = desk({ state });
  assert.throws(() => incidents({ state, statusPath: "/dev/null/status.html" }), /cannot be written/);
  first.fire();
  assert.equal(first.told.length, 1);
});

test("when people are told, the state is on the disk: who is killed then goes on with the same incident, and ends it", () => {
  const folder = mkdtempSync(join(tmpdir(), "incidents-"));
  try {
    const path = join(folder, "state.json");
    const [left, leftToo] = [join(folder, "left.json"), join(folder, "left-too.json")];
    const clock = fakeClock();
    const told: Notification[] = [];
    const state = stateFile(path);
    const first = desk(
      {
        state,
        notify: {
          notify(message) {
            told.push(message);
            copyFileSync(path, left);
            copyFileSync(path, leftToo);
          },
        },
      },
      clock,
    );
    first.fire();
    assert.ok(readFileSync(left, "utf8").includes(told[0]!.key));
    const second = desk({ state: stateFile(left) }, clock);
    second.pass(1);
    // Whether the first message has left the house is not known: it is said again, and is the same one.
    assert.deepEqual(
      second.told.map(({ id, key }) => [id, key]),
      [[told[0]?.id, told[0]?.key]],
    );
    second.end();
    assert.equal(second.told[1]?.key, told[0]?.key);
    assert.equal(second.told[1]?.action, "resolve");
    // Over before anything was said again: its end is told all the same.
    const third = desk({ state: stateFile(leftToo) }, clock);
    third.end();
    assert.deepEqual(
      third.told.map(({ key, action }) => [key, action]),
      [[told[0]?.key, "resolve"]],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an incident of which the state knows nothing has the same id in the next process, and another one in another service", () => {
  const state = memoryState();
  const startedAt = 1_767_225_600_123;
  const first = desk({ state });
  first.fire({}, { startedAt });
  const lost = memoryState();
  // What was there before the incident opened.
  const salt = (state.load("incidents") as any).salt;
  lost.changed("incidents", () => ({ ...(state.load("incidents") as any), incidents: [] }));
  lost.save();
  const second = desk({ state: lost });
  second.clock.advance(3 * MINUTE);
  second.fire({}, { startedAt });
  assert.equal(typeof salt, "string");
  assert.equal(second.told[0]?.id, first.told[0]?.id);
  const elsewhere = desk({ state: memoryState() });
  elsewhere.fire({}, { startedAt });
  assert.notEqual(elsewhere.told[0]?.key, first.told[0]?.key);
});

test("hundreds of incidents at once do not write the state hundreds of times", () => {
  const state = memoryState();
  let saves = 0;
  const { fire } = desk({ state: { ...state, save: () => void saves++ } });
  for (let i = 0; i < 300; i++) fire({ name: `${i}`, runbook: `r${i}` });
  assert.ok(saves <= 2, `${saves}`);
});

test("an incident whose alert does not fire any more after a restart is over, and calls nobody", () => {
  const state = memoryState();
  const first = desk({ ...damped, state });
  first.fire();
  state.save();
  const second = desk({ ...damped, state }, first.clock);
  second.tracked.alert(alertEvent("inactive", second.clock.epochMs(), {}, { from: "inactive", isQuiet: true }));
  second.pass(5);
  assert.equal(second.tracked.open().length, 0);
  second.pass(60);
  assert.deepEqual(actions(second.told), ["resolve"]);
});

test("alerts() without a state of its own says so itself", () => {
  const state = memoryState();
  const clock = fakeClock();
  const told: Notification[] = [];
  const start = (value: number): (() => void) => {
    const watch = alerts({
      clock,
      everyMs: false,
      rules: [{ ...rule, windowMs: MINUTE }],
      sources: [
        {
          metrics: [{ name: rule.metric, unit: "share", description: "" }],
          read: () => [{ value, samples: 100, labels: {} }],
        },
      ],
      listeners: [incidents({ clock, state, notify: { notify: (message) => void told.push(message) } })],
    });
    return () => {
      clock.advance(MINUTE);
      watch.evaluate();
    };
  };
  start(0.2)();
  state.save();
  const pass = start(0);
  for (let i = 0; i < 40; i++) pass();
  assert.deepEqual(actions(told), ["trigger", "resolve"]);
});

test("an alert that goes on firing after a restart does not reopen what was resolved by hand", () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  first.tracked.resolve(first.tracked.open()[0]!.id, { by: "ada" });
  state.save();
  const second = desk({ state }, first.clock);
  second.fire({}, { from: "firing", isQuiet: true });
  assert.equal(second.tracked.open().length, 0);
});

test("while all alerts of an incident are silenced nobody is called about it; the clocks go on, and what is due is told after", () => {
  const { tracked, told, fire, pass } = desk();
  const silence = (name: string, isSilenced: boolean): void =>
    fire({ name }, { from: "firing", isQuiet: true, isSilenced });
  fire({ name: "a" });
  fire({ name: "b" });
  silence("a", true);
  pass(10);
  assert.deepEqual(updates(told), ["Escalated to L2"], "the other one is heard");
  silence("b", true);
  pass(50);
  assert.deepEqual(updates(told), ["Escalated to L2"]);
  assert.equal(tracked.open()[0]?.clocks.openMs, 60 * MINUTE);
  silence("b", false);
  pass(1);
  assert.deepEqual(updates(told), ["Escalated to L2", "Escalated to L3", "Overdue"]);
});

test("a silenced alert raises no incident that it belongs to, and is not what a cooldown was waiting for", () => {
  const { tracked, told, fire, end, pass } = desk({ ...damped, resolveAfterMs: 0 });
  fire({ severity: "sev3" });
  fire({ severity: "sev1" }, { from: "firing", isQuiet: true, isSilenced: true });
  assert.equal(tracked.open()[0]?.severity, "sev3");
  end();
  pass(1);
  fire({ severity: "sev3" });
  fire({ severity: "sev3" }, { from: "firing", isQuiet: true, isSilenced: true });
  pass(30);
  assert.deepEqual(actions(told), ["trigger", "resolve"]);
  end();
  assert.equal(told.length, 2);
});

test("callbacks and a notifier that are async and reject end nothing, and a promise is no address", async () => {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  process.on("unhandledRejection", onRejection);
  try {
    const messages: Notification[] = [];
    const fails = async (): Promise<never> => Promise.reject(new Error("broken"));
    const { tracked, fire, pass, end } = desk({
      onChange: fails,
      traceUrl: fails as never,
      notify: {
        notify(message) {
          messages.push(message);
          return fails() as never;
        },
        tick: fails as never,
      },
    });
    fire({}, { traces: ["a".repeat(32)] });
    fire({ severity: "sev4", name: "drift" }, { traces: ["b".repeat(32)] });
    pass(11);
    end();
    assert.doesNotMatch(tracked.postMortem(tracked.all()[0]!.id)!, /\[object|\]\(/);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(rejections, []);
    assert.deepEqual(messages[0]?.links, []);
    assert.equal(messages.length, 4);
  } finally {
    process.off("unhandledRejection", onRejection);
  }
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import { consoleChannel } from "../../src/monitors/channels/console.ts";
import { notifier } from "../../src/monitors/channels/notifier.ts";
import { incidents } from "../../src/monitors/incidents/incidents.ts";
import type { Source } from "../../src/monitors/reading.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { desk, MINUTE, memoryState } from "./incidents-support.ts";

const DAY = 24 * 60 * MINUTE;

/** `Escalated to L2`, `Overdue`: what has been told after the trigger. */
const updates = (told: readonly { action: string; title: string }[]): (string | undefined)[] =>
  told.filter(({ action }) => action === "update").map(({ title }) => title.split(":")[0]);

test("L2 is told after its minutes without an acknowledgement, L3 after its minutes without a resolution, each once", () => {
  const { tracked, told, fire, pass } = desk();
  fire();
  pass(9);
  assert.deepEqual(updates(told), []);
  pass(1);
  assert.deepEqual(updates(told), ["Escalated to L2"]);
  assert.match(
    told[1]!.text,
    /^L2, Platform team: Ask the provider for more quota at once\. Told as nobody has acknowledged/,
  );
  assert.equal(told[1]!.facts["level"], "L2: Platform team");
  pass(19);
  assert.deepEqual(updates(told), ["Escalated to L2", "Overdue"]);
  pass(1);
  assert.match(told.at(-1)!.text, /^L3, Account manager: .* Told as it is not resolved after 30 min\./);
  pass(600);
  assert.deepEqual(updates(told), ["Escalated to L2", "Overdue", "Escalated to L3"]);
  assert.equal(tracked.open()[0]?.level, "L3");
  assert.deepEqual(
    tracked.open()[0]?.timeline.map(({ kind }) => kind),
    ["detected", "escalated", "overdue", "escalated"],
  );
});

test("an acknowledgement stops L2 and not L3; beginning to mitigate is one", async () => {
  for (const by of ["acknowledge", "mitigate"] as const) {
    const { tracked, told, fire, pass } = desk();
    fire();
    pass(5);
    const { id } = tracked.open()[0]!;
    await tracked[by](id, { by: "ada" } as never);
    pass(60);
    assert.deepEqual(updates(told), ["Overdue", "Escalated to L3"]);
  }
});

test("a resolution stops all levels", () => {
  const { told, fire, end, pass } = desk();
  fire();
  pass(5);
  end();
  pass(120);
  assert.deepEqual(updates(told), []);
});

test("an automatic action does not count as an acknowledgement", async () => {
  const { tracked, told, fire, pass } = desk({ mitigations: { open_circuit() {} }, automatic: ["open_circuit"] });
  fire({ runbook: "api_outage", severity: "sev1" });
  await tracked.flush();
  assert.equal(tracked.open()[0]?.status, "mitigating");
  pass(5);
  assert.deepEqual(updates(told), ["Escalated to L2"]);
});

test("reopened, levels count from then on", () => {
  const { told, fire, end, pass } = desk();
  fire();
  pass(8);
  end();
  pass(20);
  fire();
  pass(9);
  assert.deepEqual(updates(told), ["Open again"]);
  pass(1);
  assert.deepEqual(updates(told), ["Open again", "Escalated to L2"]);
});

test("the wall clock set a day ahead escalates nothing at once", () => {
  const { tracked, told, clock, fire, pass } = desk();
  fire();
  clock.jump(DAY);
  pass(5);
  assert.deepEqual(updates(told), []);
  assert.equal(tracked.open()[0]?.clocks.openMs, 5 * MINUTE);
});

test("the wall clock set a day back delays nothing", () => {
  const { tracked, told, clock, fire, pass } = desk();
  fire();
  pass(5);
  clock.jump(-DAY);
  pass(5);
  assert.deepEqual(updates(told), ["Escalated to L2"]);
  tracked.acknowledge(tracked.open()[0]!.id, { by: "ada" });
  assert.equal(tracked.open()[0]?.clocks.acknowledgedAfterMs, 10 * MINUTE);
});

test("ticks at any times of the monotonic clock tell both levels that have passed, in order", () => {
  const { tracked, told, clock, fire } = desk();
  fire();
  clock.advance(DAY);
  tracked.tick(clock.epochMs());
  tracked.tick(clock.epochMs());
  assert.deepEqual(updates(told), ["Escalated to L2", "Escalated to L3", "Overdue"]);
});

test("after a restart the clocks go on, the time between counts, and nothing is told twice", () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  first.pass(10);
  state.save();
  assert.deepEqual(updates(first.told), ["Escalated to L2"]);
  // Another process: its monotonic clock begins at zero, four minutes have passed.
  const second = desk({ state });
  second.clock.advance(14 * MINUTE);
  const restarted = desk({ state }, second.clock);
  assert.equal(restarted.tracked.open()[0]?.clocks.openMs, 14 * MINUTE);
  restarted.pass(1);
  assert.deepEqual(restarted.told, []);
  restarted.pass(1);
  assert.deepEqual(updates(restarted.told), ["Overdue"]);
  restarted.pass(14);
  assert.deepEqual(updates(restarted.told), ["Overdue", "Escalated to L3"]);
  restarted.end();
  assert.equal(restarted.tracked.open().length, 0);
  assert.deepEqual(new Set(restarted.told.map(({ key }) => key)), new Set(first.told.map(({ key }) => key)));
});

test("the wall clock set back while no process runs counts as no time", () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  first.pass(8);
  state.save();
  const restarted = desk({ state });
  restarted.clock.jump(-DAY);
  const again = desk({ state }, restarted.clock);
  assert.equal(again.tracked.open()[0]?.clocks.openMs, 8 * MINUTE);
  again.pass(2);
  assert.deepEqual(updates(again.told), ["Escalated to L2"]);
});

test("while an incident is open its clocks are saved each minute, so that a jump before a crash counts for a minute at most", () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  state.save();
  first.pass(5);
  state.save();
  assert.equal((state.load("incidents") as any).time.steadyMs, 5 * MINUTE);
});

test("tickets, reopening and similar incidents outlive a restart, through a real file", () => {
  const folder = mkdtempSync(join(tmpdir(), "incidents-"));
  try {
    const path = join(folder, "state.json");
    const state = stateFile(path);
    const first = desk({ state });
    first.fire();
    first.fire({ name: "drift", severity: "sev4" });
    first.pass(3);
    first.end();
    state.save();
    const next = stateFile(path);
    const second = desk({ state: next }, first.clock);
    second.pass(5);
    second.end({ name: "drift", severity: "sev4" });
    second.fire();
    assert.deepEqual(
      second.told.map(({ action, severity }) => `${action} ${severity}`),
      ["resolve sev4", "update sev2"],
    );
    assert.equal(second.tracked.open()[0]?.id, first.tracked.all()[0]?.id);
    assert.equal(second.tracked.open()[0]?.clocks.openMs, 3 * MINUTE);
    next.save();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("for how long incidents have been watched for is remembered, also where nothing ever happened", () => {
  const state = memoryState();
  const first = desk({ state });
  state.save();
  first.clock.advance(3 * DAY);
  const second = desk({ state }, first.clock);
  assert.equal(second.tracked.statusPage().uptime.days.filter(({ status }) => status === "operational").length, 4);
});

test("a state that is broken, as a whole or in one incident, costs no more than that", () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  first.fire({ runbook: "elevated_latency", name: "p95" });
  state.save();
  const saved = state.load("incidents") as any;
  delete saved.incidents[0].timeline;
  saved.incidents[0].alerts = "none";
  const half = desk({ state: { ...state, load: () => saved } });
  assert.deepEqual(
    half.tracked.all().map(({ runbook }) => runbook),
    ["elevated_latency"],
  );
  for (const broken of [7, "text", [], { incidents: 1 }, { time: { steadyMs: "x" }, incidents: [] }]) {
    const empty = desk({ state: { ...state, load: () => broken } });
    empty.fire();
    assert.equal(empty.tracked.open().length, 1);
  }
});

test("a message has the same id when a process tells it again after a crash", () => {
  const state = memoryState();
  const first = desk({ state });
  first.fire();
  first.pass(9);
  state.save();
  first.pass(1);
  // What the first process told last was not saved: the second tells it once more.
  const second = desk({ state }, first.clock);
  second.tracked.tick(second.clock.epochMs());
  assert.equal(second.told[0]?.id, first.told[1]?.id);
  assert.match(second.told[0]!.id, /^inc_.*:L2$/);
});

test("mitigate runs the wired callback with the incident, timed, and its result is on the timeline", async () => {
  const seen: string[] = [];
  let isLimited = false;
  const { tracked, clock, fire } = desk({
    mitigations: {
      async reduce_concurrency(incident) {
        seen.push(incident.runbook ?? "");
        clock.advance(2_000);
        isLimited = true;
      },
    },
  });
  fire();
  const { id } = tracked.open()[0]!;
  const after = await tracked.mitigate(id, "reduce_concurrency", { by: "ada" });
  assert.equal(isLimited, true);
  assert.deepEqual(seen, ["rate_limit_exhaustion"]);
  assert.equal(after?.status, "mitigating");
  assert.deepEqual(after.timeline.at(-1), {
    time: clock.epochMs(),
    kind: "action",
    text: "reduce_concurrency was run, in 2 s",
    by: "ada",
    action: "reduce_concurrency",
  });
});

test("a callback that throws or rejects is on the timeline, and throws at nobody", async () => {
  const { tracked, fire } = desk({
    mitigations: {
      reduce_concurrency() {
        throw new TypeError("no limiter");
      },
      enable_backoff: async () => Promise.reject("not an error"),
    },
  });
  fire();
  const { id } = tracked.open()[0]!;
  await tracked.mitigate(id, "reduce_concurrency", { by: "ada" });
  const after = await tracked.mitigate(id, "enable_backoff", { by: "ada" });
  assert.deepEqual(
    after?.timeline.filter(({ hasFailed }) => hasFailed).map(({ text }) => text),
    ["reduce_concurrency failed after 0 s: TypeError: no limiter", "enable_backoff failed after 0 s: not an error"],
  );
  assert.equal(after?.status, "mitigating", "a person is at it, whatever the callback does");
});

test("a callback that hangs is given up after half a minute", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { tracked, fire } = desk({ mitigations: { reduce_concurrency: () => new Promise(() => {}) } });
  fire();
  const ended = tracked.mitigate(tracked.open()[0]!.id, "reduce_concurrency", { by: "ada" });
  t.mock.timers.tick(29_999);
  assert.equal(
    tracked.open()[0]?.timeline.some(({ kind }) => kind === "action"),
    false,
  );
  t.mock.timers.tick(1);
  assert.match((await ended)?.timeline.at(-1)?.text ?? "", /has not ended within 30 s$/);
});

test("nothing is run by itself unless it is listed", async () => {
  let runs = 0;
  const { tracked, fire, pass } = desk({ mitigations: { reduce_concurrency: () => void runs++ } });
  fire();
  pass(60);
  await tracked.flush();
  assert.equal(runs, 0);
});

test("a listed action is run once for each incident whose runbook has it, also when that is reopened", async () => {
  const runs: string[] = [];
  const { tracked, told, fire, end, pass } = desk({
    mitigations: {
      reduce_concurrency: (incident) => void runs.push(incident.id),
      cap_tokens: () => void runs.push("cap_tokens"),
    },
    automatic: ["reduce_concurrency"],
  });
  fire();
  fire({ name: "cost", runbook: "cost_spike" });
  await tracked.flush();
  const [incident] = tracked.open();
  assert.deepEqual(runs, [incident?.id]);
  assert.equal(incident?.timeline.at(-1)?.by, "automatic");
  assert.equal(incident?.status, "mitigating");
  end();
  pass(1);
  fire();
  await tracked.flush();
  assert.equal(runs.length, 1);
  pass(60);
  end();
  pass(60);
  fire();
  await tracked.flush();
  assert.equal(runs.length, 2);
  assert.equal(told[0]?.action, "trigger", "people are told before anything is done");
});

test("an automatic action that fails leaves the incident as it was, and the others run", async () => {
  let runs = 0;
  const { tracked, fire } = desk({
    mitigations: {
      reduce_concurrency() {
        throw new Error("no limiter");
      },
      enable_backoff: () => void runs++,
    },
    automatic: ["reduce_concurrency", "enable_backoff"],
  });
  fire();
  await tracked.flush();
  assert.equal(runs, 1);
  assert.deepEqual(
    tracked
      .open()[0]
      ?.timeline.slice(1)
      .map(({ action, hasFailed }) => [action, hasFailed ?? false]),
    [
      ["reduce_concurrency", true],
      ["enable_backoff", false],
    ],
  );
});

test("flush waits for actions that run, until its signal comes", async () => {
  let release = (): void => {};
  const { tracked, fire } = desk({
    mitigations: { reduce_concurrency: () => new Promise<void>((resolve) => (release = resolve)) },
    automatic: ["reduce_concurrency"],
  });
  fire();
  const aborted = new AbortController();
  const flushed = tracked.flush(aborted.signal);
  aborted.abort();
  await flushed;
  assert.equal(tracked.open()[0]?.timeline.length, 1);
  const whole = tracked.flush();
  release();
  await whole;
  assert.equal(tracked.open()[0]?.timeline.length, 2);
});

test("an action that ends after the incident was resolved is noted and opens nothing", async () => {
  let release = (): void => {};
  const { tracked, fire, end, pass } = desk({
    mitigations: { reduce_concurrency: () => new Promise<void>((resolve) => (release = resolve)) },
    automatic: ["reduce_concurrency"],
  });
  fire();
  pass(1);
  end();
  release();
  await tracked.flush();
  const [incident] = tracked.all();
  assert.equal(incident?.status, "resolved");
  assert.equal(incident.timeline.at(-1)?.kind, "action");
  assert.equal(incident.clocks.openMs, MINUTE);
});

const base = { metric: "error_rate", comparison: ">", windowMs: 5 * MINUTE, runbook: "api_outage" } as const;
const rules: readonly AlertRule[] = [
  { ...base, name: "High", threshold: 0.02, severity: "sev3" },
  { ...base, name: "Critical", threshold: 0.05, severity: "sev2" },
  { ...base, name: "Outage", threshold: 0.5, severity: "sev1" },
];

test("a figure that gets worse is one incident that rises, is told in order, and ends with it", async () => {
  const clock = fakeClock();
  let value = 0;
  const source: Source = {
    metrics: [{ name: "error_rate", unit: "share", description: "" }],
    read: () => [{ value, samples: 100, labels: {}, traces: ["f".repeat(32)] }],
  };
  const lines: string[] = [];
  const stream = { write: (text: string) => lines.push(text) };
  const notify = notifier({ channels: [consoleChannel({ stream })], clock });
  const response = incidents({ notify, clock });
  const watch = alerts({ clock, everyMs: false, rules, sources: [source], listeners: [response] });
  const pass = async (minutes: number, next: number): Promise<void> => {
    value = next;
    for (let i = 0; i < minutes; i++) {
      clock.advance(MINUTE);
      watch.evaluate();
      await notify.flush?.();
    }
  };
  await pass(2, 0);
  await pass(2, 0.03);
  await pass(2, 0.8);
  const [incident] = response.open();
  assert.equal(response.open().length, 1);
  assert.equal(incident?.severity, "sev1");
  assert.deepEqual(incident.traces, ["f".repeat(32)]);
  await pass(4, 0.8);
  assert.equal(response.open()[0]?.level, "L2");
  await pass(10, 0);
  assert.equal(response.open().length, 0);
  assert.equal(response.statusPage().status, "operational");
  const told = lines
    .join("")
    .split("\n")
    .filter((line) => /^\S/.test(line));
  assert.equal(told.length, 4, lines.join(""));
  for (const [index, words] of ["API Outage", "Now sev1", "Escalated to L2", "Resolved after"].entries()) {
    assert.ok(told[index]?.includes(words), told[index]);
  }
  await watch.close?.();
  await response.close();
});

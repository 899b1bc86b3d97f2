/** Who has what waits when a notifier is closed, used again, replaced by another of the same state, or killed. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import { configure, shutdown } from "../../src/index.ts";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import { type Notifier, type NotifierOptions, notifier } from "../../src/monitors/channels/notifier.ts";
import { pagerDuty } from "../../src/monitors/channels/pagerduty.ts";
import type { Source } from "../../src/monitors/reading.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { channelServers } from "../support/channel-servers.ts";
import { messageOf, probe, told, turns, until } from "../support/notifications.ts";
import { bundlePrograms, type Programs } from "../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sightline-handover-"));
const CHILD = "test/monitors/children/notifier-killed.ts";
const GONE = AbortSignal.abort();
const made: { close?(signal?: AbortSignal): void | Promise<void> }[] = [];
let programs: Programs;

before(async () => {
  programs = await bundlePrograms("notifier-killed", [CHILD]);
});
after(() => programs.remove());
afterEach(async () => {
  configure({ enabled: false });
  for (const one of made.splice(0).reverse()) await one.close?.(GONE);
});
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

function start(options: NotifierOptions): Notifier {
  const notify = notifier({ random: () => 1, ...options });
  made.push(notify);
  return notify;
}

const down = () => {
  throw new SinkError("down", { retry: "later" });
};
const trigger = () => messageOf({ key: "k" });
const resolve = () => messageOf({ key: "k", action: "resolve" });

/** An error rate that a test sets. */
function gauge() {
  const now = { value: 0 };
  const source: Source = {
    metrics: [{ name: "error_rate", unit: "share", description: "Failed calls" }],
    read: () => [{ value: now.value, samples: 100, labels: {} }],
  };
  return { now, source };
}
const rule = (more: Partial<AlertRule> = {}): AlertRule => ({
  name: "High error rate",
  metric: "error_rate",
  comparison: ">",
  threshold: 0.05,
  windowMs: 60_000,
  severity: "sev2",
  ...more,
});

test("of two alerts() with one notifier, the one that closes takes nothing from the other", async () => {
  const page = probe("p");
  const notify = start({ channels: [page] });
  const { now, source } = gauge();
  const watch = (name: string) =>
    alerts({ name, rules: [rule({ name })], sources: [source], listeners: [notify], everyMs: false });
  const [first, second] = [watch("first"), watch("second")];
  made.push(second);
  await first.close?.();
  now.value = 0.5;
  second.evaluate();
  await until(() => page.sent.length === 1);
  assert.match(told(page)[0]!, /^trigger second/);
  assert.equal(notify.stats().deadLetters, 0);
});

test("after shutdown and the next configure the same notifier goes on", async () => {
  const page = probe("p");
  const notify = start({ channels: [page] });
  const { now, source } = gauge();
  const watch = () => alerts({ rules: [rule()], sources: [source], listeners: [notify], everyMs: false });
  configure({ sinks: [watch()] });
  await shutdown();
  const second = watch();
  configure({ sinks: [second] });
  now.value = 0.5;
  second.evaluate();
  await until(() => page.sent.length === 1);
  assert.equal(notify.stats().deadLetters, 0);
});

test("without a state what still waits at the end is a dead letter, counted, and sent by whoever uses it again", async () => {
  const page = probe("p");
  page.script = down;
  const heard: string[] = [];
  const notify = start({
    channels: [page],
    deadLetters: ({ reason, notification: { key } }) => heard.push(`${reason} ${key}`),
  });
  notify.notify(trigger());
  notify.notify(messageOf({ key: "other" }));
  notify.notify(messageOf({ key: "over" }));
  await notify.close(AbortSignal.timeout(20));
  assert.deepEqual(heard.sort(), ["closed k", "closed other", "closed over"]);
  const { waiting, deadLetters, channels } = notify.stats();
  assert.deepEqual([waiting, deadLetters, channels["p"]?.dead], [0, 3, 3]);
  page.script = undefined;
  notify.notify(messageOf({ key: "over", action: "resolve" }));
  await notify.flush();
  assert.deepEqual(told(page).sort(), ["resolve over", "trigger k", "trigger other"]);
  assert.equal(notify.stats().deadLetters, 0);
});

test("reconfigured while a channel is down, what waits is told once, by the new notifier, and so is its end", async () => {
  const [old, page] = [probe("p"), probe("p")];
  old.script = down;
  page.script = down;
  const clock = fakeClock();
  const path = join(folder, "reconfigured.json");
  const { now, source } = gauge();
  const build = (channel: typeof page) => {
    const state = stateFile(path);
    const notify = start({ channels: [channel], state, clock });
    const watch = alerts({ rules: [rule()], sources: [source], listeners: [notify], everyMs: false, state, clock });
    configure({ sinks: [watch] });
    return { notify, watch };
  };
  now.value = 0.5;
  const first = build(old);
  first.watch.evaluate();
  await until(() => first.notify.stats().retried === 1);
  const second = build(page);
  await until(() => page.attempts === 1);
  assert.deepEqual([first.notify.stats().waiting, second.notify.stats().waiting], [0, 1]);
  old.script = undefined;
  page.script = undefined;
  const pass = async () => {
    clock.advance(60_000);
    first.notify.tick();
    second.notify.tick();
    second.watch.evaluate();
    await turns();
  };
  await pass();
  now.value = 0;
  await pass();
  assert.deepEqual(told(old), []);
  assert.deepEqual(
    told(page).map((text) => text.split(" ")[0]),
    ["trigger", "resolve"],
  );
  // The state holds what the new one has written, and nothing of the old one's.
  await first.notify.close();
  await second.notify.close();
  const third = start({ channels: [probe("p")], state: stateFile(path), clock });
  assert.equal(third.stats().waiting, 0);
});

test("what is on its way as another notifier takes over is told once, and its thread goes on", async () => {
  for (const fails of [false, true]) {
    const [old, page] = [probe("p"), probe("p")];
    let go = () => {};
    old.script = () =>
      new Promise((well, bad) => (go = () => (fails ? bad(new SinkError("x", { retry: "later" })) : well())));
    const clock = fakeClock();
    const state = stateFile(join(folder, `underway-${fails}.json`));
    const first = start({ channels: [old], state, clock });
    first.notify(trigger());
    await until(() => old.attempts === 1);
    const second = start({ channels: [page], state, clock });
    await first.close();
    await turns();
    assert.equal(page.attempts, 0);
    go();
    await until(() => second.stats().sent + second.stats().retried === 1);
    clock.advance(1_000);
    second.tick();
    await turns();
    assert.deepEqual([told(old), told(page)], fails ? [[], ["trigger k"]] : [["trigger k"], []]);
    // Whoever still has the old one speaks to the new one.
    first.notify(resolve());
    await first.flush();
    assert.deepEqual(told(page).at(-1), "resolve k");
    assert.deepEqual(page.sent.at(-1)?.thread, { n: "1" });
    assert.equal(old.attempts, 1);
  }
});

test("dead letters of a notifier that was replaced are sent once, in a file or in memory", async () => {
  for (const deadLetters of [undefined, join(folder, "replaced.ndjson")]) {
    const page = probe("p");
    page.script = () => {
      throw new SinkError("no", { retry: "never" });
    };
    const state = stateFile(join(folder, `letters-${deadLetters !== undefined}.json`));
    const options = { channels: [page], state, ...(deadLetters !== undefined && { deadLetters }) };
    const first = start(options);
    first.notify(trigger());
    await until(() => first.stats().deadLetters === 1);
    const second = start(options);
    page.script = undefined;
    assert.equal(first.retryDeadLetters(), 1);
    assert.equal(second.retryDeadLetters(), 0);
    await second.flush();
    assert.deepEqual(told(page), ["trigger k"]);
  }
});

test("killed a second after the vendor has taken a page, the next process pages nobody again, and knows its end", async () => {
  await using servers = await channelServers();
  const path = join(folder, "killed.json");
  const { url, routingKey, incidents } = servers.pagerDuty;
  const paged = () => incidents.filter(({ key }) => key === "k");
  const child = spawn(process.execPath, [programs.path(CHILD), url, routingKey, path, "warm"], { stdio: "inherit" });
  await until(() => paged().length === 1);
  // It is written within a second: the key, and that nothing waits.
  await until(() => /"waiting":\[\],"keys":\[\["k"/.test(readFileSync(path, "utf8")));
  child.kill("SIGKILL");
  await once(child, "exit");
  const notify = start({ channels: [pagerDuty({ url, routingKey })], state: stateFile(path) });
  assert.equal(notify.stats().waiting, 0);
  await notify.flush();
  notify.notify(resolve());
  await notify.flush();
  assert.deepEqual(
    paged().map(({ key, status, triggers }) => [key, status, triggers]),
    [["k", "resolved", 1]],
  );
});

test("killed before the vendor answers, the next process sends the page with the same key", async () => {
  await using servers = await channelServers();
  servers.script("pagerDuty", "hang");
  const path = join(folder, "unanswered.json");
  const { url, routingKey, incidents } = servers.pagerDuty;
  const child = spawn(process.execPath, [programs.path(CHILD), url, routingKey, path], { stdio: "inherit" });
  await until(() => servers.of("pagerDuty").length === 1);
  child.kill("SIGKILL");
  await once(child, "exit");
  const notify = start({ channels: [pagerDuty({ url, routingKey })], state: stateFile(path) });
  await notify.flush();
  assert.deepEqual(
    incidents.map(({ key, triggers }) => [key, triggers]),
    [["k", 1]],
  );
});

test("a rule that flaps for an hour with another user each time pages no more than every five minutes", async () => {
  const page = probe("p");
  const clock = fakeClock();
  const notify = start({ channels: [page], clock });
  const known = new Map<string, number>();
  const source: Source = {
    metrics: [{ name: "error_rate", unit: "share", description: "Failed calls" }],
    read: () => [...known].map(([user, value]) => ({ value, samples: 100, labels: { user } })),
  };
  const watch = alerts({
    rules: [rule({ by: "user" })],
    sources: [source],
    listeners: [notify],
    everyMs: false,
    clock,
  });
  made.push(watch);
  let lastTold = 0;
  for (let step = 0; step < 240; step++) {
    if (step % 2 === 0) {
      known.clear();
      known.set(`user ${step}`, 0.5);
    } else known.set(`user ${step - 1}`, 0);
    watch.evaluate();
    await turns(4);
    lastTold = Math.max(lastTold, page.sent.length);
    clock.advance(15_000);
  }
  const triggers = told(page).filter((text) => text.startsWith("trigger"));
  assert.ok(triggers.length <= 12 && triggers.length >= 10, `${triggers.length} pages`);
  assert.ok(notify.stats().skipped > 80);
  // What still fires at the end of the cooldown is told then.
  clock.advance(300_000);
  known.clear();
  known.set("user a", 0.5);
  watch.evaluate();
  known.set("user a", 0);
  watch.evaluate();
  known.set("user b", 0.5);
  watch.evaluate();
  await turns();
  const count = page.sent.length;
  clock.advance(299_000);
  notify.tick();
  await turns();
  assert.equal(page.sent.length, count);
  clock.advance(1_000);
  notify.tick();
  await turns();
  assert.deepEqual(page.sent.at(-1)?.notification.action, "trigger");
  assert.deepEqual(
    page.sent.at(-1)?.notification.alerts.map(({ labels }) => labels["user"]),
    ["user b"],
  );
});

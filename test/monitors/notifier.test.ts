/** Routing, queues, retries, merging, dead letters: with channels that do what a script says, on a clock that stands still. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { ConfigError, SinkError } from "../../src/core/errors.ts";
import { configure, flush, memorySink, withSpan } from "../../src/index.ts";
import { deadLetterBox } from "../../src/monitors/channels/dead-letters.ts";
import type { Channel, Notification } from "../../src/monitors/channels/notification.ts";
import { type Notifier, type NotifierOptions, notifier } from "../../src/monitors/channels/notifier.ts";
import { titled } from "../../src/monitors/channels/options.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { eventOf, messageOf, type Probe, probe, told, turns, until } from "../support/notifications.ts";

const folder = mkdtempSync(join(tmpdir(), "sightline-notifier-"));
const made: Notifier[] = [];
const GONE = AbortSignal.abort();

afterEach(async () => {
  for (const one of made.splice(0)) await one.close(GONE);
});
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

function start(options: Partial<NotifierOptions> & Pick<NotifierOptions, "channels">) {
  const clock = fakeClock();
  // A random number of 1: the longest wait of the schedule.
  const notify = notifier({ clock, random: () => 1, ...options });
  made.push(notify);
  const pass = async (ms: number) => {
    clock.advance(ms);
    notify.tick();
    await turns();
  };
  return { notify, clock, pass };
}

const later = (retryAfterMs?: number) => new SinkError("down", { retry: "later", retryAfterMs });
const refuse = () => new SinkError("bad token", { retry: "never" });
const down =
  (error = later) =>
  () => {
    throw error();
  };
const trigger = (more: Partial<Notification> = {}) => messageOf({ key: "k", ...more });
const update = (more: Partial<Notification> = {}) => messageOf({ key: "k", action: "update", ...more });
const acknowledge = (more: Partial<Notification> = {}) => messageOf({ key: "k", action: "acknowledge", ...more });
const resolve = (more: Partial<Notification> = {}) => messageOf({ key: "k", action: "resolve", ...more });

test("the default routes are the course's: SEV1 and SEV2 page, SEV3 goes to the team, SEV4 becomes a ticket", async () => {
  const [page, team, ticket] = [probe("p"), probe("t"), probe("j")];
  const { notify } = start({ channels: { page: [page], team: [team], ticket: [ticket] } });
  for (const severity of ["sev1", "sev2", "sev3", "sev4"] as const)
    notify.notify(messageOf({ key: severity, severity }));
  await notify.flush();
  assert.deepEqual(
    [told(page), told(team), told(ticket)],
    [["trigger sev1", "trigger sev2"], ["trigger sev3"], ["trigger sev4"]],
  );
});

test("where a group is missing the next one is told, but nothing that is no page becomes one", async () => {
  const page = probe("p");
  const { notify } = start({ channels: { page: [page] } });
  for (const severity of ["sev2", "sev3", "sev4"] as const) notify.notify(messageOf({ key: severity, severity }));
  await notify.flush();
  assert.deepEqual(told(page), ["trigger sev2"]);
  assert.equal(notify.stats().unrouted, 2);
  const team = probe("t");
  const other = start({ channels: { team: [team] } }).notify;
  for (const severity of ["sev1", "sev3", "sev4"] as const) other.notify(messageOf({ key: severity, severity }));
  await other.flush();
  assert.deepEqual(told(team), ["trigger sev1", "trigger sev3", "trigger sev4"]);
});

test("routes of one's own go by severity and label, first come first served, on with continue", async () => {
  const [alpha, all, loud] = [probe("alpha"), probe("all"), probe("loud")];
  const { notify } = start({
    channels: { alpha: [alpha], all: [all], loud: [loud, all] },
    routes: [
      { severities: ["sev1"], to: "loud", continue: true },
      { match: { team: "alpha", feature: "summarizer" }, to: ["alpha"] },
      { match: { owner: "nobody" }, to: [] },
      { to: "all" },
    ],
  });
  notify.notify(messageOf({ key: "a", severity: "sev1" }));
  notify.notify(messageOf({ key: "b", alerts: [], facts: { owner: "nobody" } }));
  notify.notify(messageOf({ key: "c", alerts: [], facts: {} }));
  await notify.flush();
  assert.deepEqual([told(loud), told(alpha), told(all)], [["trigger a"], ["trigger a"], ["trigger a", "trigger c"]]);
  assert.equal(notify.stats().unrouted, 1);
});

test("options, routes and channels that do not go together are told at once", () => {
  const c = probe("c");
  const wrong: [unknown, RegExp][] = [
    [{}, /no channels|lists? of channels|groups of channels/],
    [{ channels: [] }, /no channels/],
    [{ channels: { page: [{}] } }, /channels\.page must be a list of channels/],
    [{ channels: { page: c } }, /channels\.page must be a list of channels/],
    [{ channels: { page: [probe("same")], team: [probe("same")] } }, /two channels are called "same"/],
    [{ channels: { oncall: [c] } }, /no route leads to channels\.oncall/],
    [{ channels: { page: [c] }, routes: [{ to: "team" }] }, /leads to "team"; there is page/],
    [{ channels: { page: [c] }, routes: [{}] }, /needs "to"/],
    [{ channels: { page: [c] }, routes: [{ to: "page", severities: ["high"] }] }, /severity "high"/],
    [{ channels: [c], routes: [{ to: "page" }] }, /there are none/],
    [{ channels: [c], maxPerMinute: 0 }, /maxPerMinute/],
    [{ channels: [c], deadLetters: "/proc/none/x" }, /deadLetters/],
    [{ channels: [c], colour: 1 }, /no option "colour"/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => notifier(options as NotifierOptions),
      (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("an incident that becomes worse is a trigger for the channel that hears of it now, and its end reaches all", async () => {
  const [page, team] = [probe("p"), probe("t")];
  const { notify } = start({ channels: { page: [page], team: [team] } });
  const send = async (message: Notification) => {
    notify.notify(message);
    await notify.flush();
  };
  await send(trigger({ severity: "sev3" }));
  await send(acknowledge({ severity: "sev3" }));
  await send(update({ severity: "sev2" }));
  await send(resolve({ severity: "sev2" }));
  assert.deepEqual(told(page), ["trigger k", "resolve k"]);
  assert.deepEqual(told(team), ["trigger k", "acknowledge k", "update k", "resolve k"]);
  assert.deepEqual(team.sent.at(-1)?.thread, { n: "1" });
});

test("nobody is told of the end of what he was not told of, nor of an acknowledgement", async () => {
  const page = probe("p");
  const { notify } = start({ channels: [page] });
  notify.notify(resolve());
  notify.notify(acknowledge());
  await notify.flush();
  assert.deepEqual(told(page), []);
});

test("a channel that hangs delays nobody, and one that throws at once neither", async () => {
  const hanging = probe("hanging");
  hanging.script = () => new Promise(() => {});
  const broken: Channel = {
    name: "broken",
    send() {
      throw new TypeError("no promise at all");
    },
    preview: () => undefined,
  };
  const well = probe("well");
  const { notify } = start({ channels: [hanging, broken, well] });
  for (const key of ["a", "b", "c"]) notify.notify(messageOf({ key }));
  await until(() => well.sent.length === 3);
  assert.equal(notify.stats().channels["hanging"]?.waiting, 3);
  assert.match(notify.stats().channels["broken"]?.lastError ?? "", /^channel "broken": failed with TypeError$/);
});

test("an attempt without an end is called off after sendTimeoutMs, and made again", async () => {
  const page = probe("p");
  let wasTold = false;
  page.script = (attempt, _, signal) => {
    signal.addEventListener("abort", () => (wasTold = true));
    return attempt === 1 ? new Promise(() => {}) : undefined;
  };
  const { notify, pass } = start({ channels: [page], sendTimeoutMs: 20 });
  notify.notify(trigger());
  await until(() => notify.stats().retried === 1);
  assert.equal(wasTold, true);
  await pass(1_000);
  assert.deepEqual(told(page), ["trigger k"]);
});

test("a channel that is down is tried after 1, 2, 4 … 30 s, and what waits arrives in the order of its key", async () => {
  const page = probe("p");
  page.script = down();
  const { notify, clock, pass } = start({ channels: [page] });
  const times: number[] = [];
  const begin = clock.monotonicMs();
  notify.notify(trigger());
  notify.notify(acknowledge());
  await until(() => page.attempts === 1);
  for (let second = 0; second < 130; second++) {
    const before = page.attempts;
    await pass(1_000);
    if (page.attempts > before) times.push(clock.monotonicMs() - begin);
  }
  assert.deepEqual(times, [1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000, 121_000]);
  page.script = undefined;
  await pass(30_000);
  await until(() => page.sent.length === 2);
  assert.deepEqual(told(page), ["trigger k", "acknowledge k"]);
  assert.equal(notify.stats().waiting, 0);
});

test("a server's Retry-After is waited for, whatever the schedule says", async () => {
  const page = probe("p");
  page.script = (attempt) => {
    if (attempt === 1) throw later(120_000);
  };
  const { notify, pass } = start({ channels: [page] });
  notify.notify(trigger());
  await until(() => page.attempts === 1);
  await pass(119_000);
  // Not even a flush comes before: the server has said so.
  await notify.flush();
  assert.equal(page.attempts, 1);
  await pass(1_000);
  assert.deepEqual(told(page), ["trigger k"]);
});

test("one message that always fails does not keep the others waiting", async () => {
  const page = probe("p");
  page.script = (_, { key }) => {
    if (key === "poison") throw later();
  };
  const { notify, pass } = start({ channels: [page] });
  notify.notify(messageOf({ key: "poison", severity: "sev1" }));
  for (const key of ["a", "b", "c"]) notify.notify(messageOf({ key, severity: "sev4" }));
  for (let second = 0; second < 5; second++) await pass(1_000);
  assert.deepEqual(told(page), ["trigger a", "trigger b", "trigger c"]);
  assert.equal(notify.stats().waiting, 1);
});

test("nobody is paged about what is over: a trigger that could not be sent gives way to its end, which says so", async () => {
  const page = probe("p");
  page.script = down();
  const { notify, pass } = start({ channels: [page] });
  notify.notify(trigger());
  await until(() => page.attempts === 1);
  notify.notify(update());
  notify.notify(resolve({ text: "All is well." }));
  page.script = undefined;
  await pass(1_000);
  assert.deepEqual(told(page), ["resolve k"]);
  assert.equal(
    page.sent[0]?.notification.text,
    "All is well.\nThis stands for 2 earlier messages that could not be sent in time.",
  );
  assert.deepEqual(
    { ...notify.stats(), channels: 0 },
    {
      waiting: 0,
      sent: 1,
      repeated: 0,
      retried: 1,
      merged: 2,
      skipped: 0,
      deadLetters: 0,
      lost: 0,
      unrouted: 0,
      malformed: 0,
      channels: 0,
    },
  );
});

test("a trigger that is on its way as its end comes is followed by it, or gives way when it fails", async () => {
  for (const fails of [false, true]) {
    const page = probe("p");
    let go = () => {};
    page.script = (attempt) =>
      attempt > 1 ? undefined : new Promise((resolve, reject) => (go = () => (fails ? reject(later()) : resolve())));
    const { notify, pass } = start({ channels: [page] });
    notify.notify(trigger());
    await until(() => page.attempts === 1);
    notify.notify(resolve());
    go();
    await turns();
    await pass(1_000);
    assert.deepEqual(told(page), fails ? ["resolve k"] : ["trigger k", "resolve k"]);
  }
});

test("the newest state wins where messages have to wait, and an acknowledgement is not lost in it", async () => {
  const page = probe("p");
  page.script = down();
  const { notify, pass } = start({ channels: [page] });
  notify.notify(trigger({ title: "one" }));
  await until(() => page.attempts === 1);
  notify.notify(update({ title: "two", severity: "sev1" }));
  notify.notify(acknowledge());
  notify.notify(update({ title: "three" }));
  notify.notify(update({ title: "four", text: "" }));
  page.script = undefined;
  for (let second = 0; second < 3; second++) await pass(1_000);
  assert.deepEqual(told(page), ["trigger k", "acknowledge k", "update k"]);
  assert.deepEqual(
    page.sent.map(({ notification }) => notification.title.slice(0, 5)),
    ["two", "High ", "four"],
  );
  assert.equal(page.sent[2]?.notification.text, "This stands for an earlier message that could not be sent in time.");
});

test("what begins again after its end is a new trigger, with a thread of its own", async () => {
  const page = probe("p");
  const { notify } = start({ channels: [page] });
  for (const message of [trigger(), resolve(), update()]) {
    notify.notify(message);
    await notify.flush();
  }
  assert.deepEqual(told(page), ["trigger k", "resolve k", "trigger k"]);
  assert.deepEqual(
    page.sent.map(({ thread }) => thread),
    [undefined, { n: "1" }, undefined],
  );
});

test("what ends and begins again while its channel is down is told in that order, each in its own thread", async () => {
  const page = probe("p");
  const { notify, pass } = start({ channels: [page] });
  notify.notify(trigger());
  await notify.flush();
  page.script = down();
  notify.notify(resolve());
  await turns();
  notify.notify(trigger());
  page.script = undefined;
  await pass(1_000);
  assert.deepEqual(told(page), ["trigger k", "resolve k", "trigger k"]);
  assert.deepEqual(
    page.sent.map(({ thread }) => thread),
    [undefined, { n: "1" }, undefined],
  );
  notify.notify(resolve());
  await notify.flush();
  assert.deepEqual(page.sent.at(-1)?.thread, { n: "3" });
});

test("a storm of a hundred keys goes out at the channel's rate, the gravest first, and nothing is lost", async () => {
  const page = probe("p");
  const { notify, pass } = start({ channels: [page], maxPerMinute: 30 });
  for (let i = 0; i < 100; i++) notify.notify(messageOf({ key: `k${i}`, severity: i === 99 ? "sev1" : "sev3" }));
  for (let i = 0; i < 100; i++)
    notify.notify(messageOf({ key: `k${i}`, action: "update", severity: i === 99 ? "sev1" : "sev3" }));
  await turns(200);
  assert.equal(page.sent.length, 30);
  assert.equal(page.sent[0]?.notification.key, "k99");
  await pass(59_000);
  await turns(200);
  assert.equal(page.sent.length, 30);
  for (let minute = 0; minute < 3; minute++) {
    await pass(minute === 0 ? 1_000 : 60_000);
    await turns(200);
  }
  assert.equal(page.sent.length, 100);
  assert.equal(notify.stats().merged, 100);
});

test("a channel's own interval is kept between two messages", async () => {
  const page = probe("p", { intervalMs: 1_000 });
  const { notify, pass } = start({ channels: [page] });
  for (const key of ["a", "b", "c"]) notify.notify(messageOf({ key }));
  await turns();
  assert.equal(page.sent.length, 1);
  await pass(999);
  assert.equal(page.sent.length, 1);
  await pass(1);
  assert.equal(page.sent.length, 2);
});

test("more than a thousand waiting messages: the least severe and oldest become dead letters", async () => {
  const page = probe("p");
  page.script = down();
  const { notify } = start({ channels: [page] });
  for (let i = 0; i < 1_001; i++)
    notify.notify(messageOf({ key: `k${i}`, severity: i === 500 ? "sev4" : "sev1", alerts: [] }));
  assert.deepEqual([notify.stats().waiting, notify.stats().deadLetters], [1_000, 1]);
});

test("what is refused is a dead letter at once: in a file of mode 0600, told, and sent again when asked", async () => {
  const path = join(folder, "dead.ndjson");
  writeFileSync(path, "", { mode: 0o644 });
  const page = probe("p");
  page.script = down(refuse);
  const heard: string[] = [];
  const options = {
    channels: [page],
    deadLetters: path,
    onError: (error: SinkError, name: string) => heard.push(`${name}: ${error.message}`),
  };
  const { notify } = start(options);
  const message = trigger();
  notify.notify(message);
  notify.notify(messageOf({ key: "over" }));
  await until(() => notify.stats().deadLetters === 2);
  notify.notify(resolve({ key: "over" }));
  await until(() => notify.stats().waiting === 0);
  assert.deepEqual(heard, ["p: bad token", "p: bad token", "p: bad token"]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const letters = readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    letters.map(({ channel, reason, error, notification }) => [
      channel,
      reason,
      error,
      notification.key,
      notification.action,
    ]),
    [
      ["p", "refused", "bad token", "k", "trigger"],
      // Its trigger is gone: nobody is paged about what is over.
      ["p", "refused", "bad token", "over", "resolve"],
    ],
  );
  assert.equal(notify.stats().skipped, 1);
  // Somebody corrects the token, which takes a new process.
  await notify.close(GONE);
  page.script = undefined;
  const next = start(options).notify;
  assert.equal(next.stats().deadLetters, 2);
  assert.equal(next.retryDeadLetters(), 2);
  await next.flush();
  assert.deepEqual(told(page), ["trigger k", "resolve over"]);
  assert.equal(page.sent[0]?.notification.id, message.id);
  assert.equal(next.stats().deadLetters, 0);
  assert.throws(() => statSync(path), /ENOENT/);
});

test("dead letters are those that are there now; the channel counts each since the start", async () => {
  const page = probe("p");
  page.script = () => {
    throw new SinkError("no", { retry: "never" });
  };
  const { notify } = start({ channels: [page] });
  for (const key of ["a", "b", "c"]) notify.notify(messageOf({ key }));
  await until(() => notify.stats().deadLetters === 3);
  page.script = undefined;
  notify.notify(messageOf({ key: "a", action: "resolve" }));
  const { deadLetters, skipped, channels } = notify.stats();
  assert.deepEqual([deadLetters, skipped, channels["p"]?.dead], [2, 1, 3]);
});

test("what has become of it is said once, whoever says it first", () => {
  assert.equal(titled("resolve", "Resolved after 1 s by ada"), "Resolved after 1 s by ada");
  assert.equal(titled("resolve", "Resolved: High error rate"), "Resolved: High error rate");
  assert.equal(titled("resolve", "Resolved tickets: 3/min"), "Resolved: Resolved tickets: 3/min");
  assert.equal(titled("acknowledge", "Acknowledged by ada"), "Acknowledged by ada");
  assert.equal(titled("trigger", "Resolved tickets: 3/min"), "Resolved tickets: 3/min");
});

test("what cannot be sent for a day is a dead letter, on a clock that a jump of the wall clock does not move", async () => {
  const page = probe("p");
  page.script = down();
  const letters: string[] = [];
  const { notify, clock, pass } = start({ channels: [page], deadLetters: ({ reason }) => letters.push(reason) });
  notify.notify(trigger());
  await until(() => page.attempts === 1);
  clock.jump(40 * 86_400_000);
  await pass(30_000);
  clock.jump(-80 * 86_400_000);
  await pass(30_000);
  assert.deepEqual([page.attempts, notify.stats().waiting], [3, 1]);
  await pass(86_400_000);
  assert.deepEqual(letters, ["given_up"]);
  assert.deepEqual([notify.stats().waiting, notify.stats().deadLetters], [0, 1]);
});

test("what is active is sent again every repeatMs until its end, and not while it waits anyway", async () => {
  const am = probe("am", { repeatMs: 60_000, actions: ["trigger", "update", "resolve"] });
  const { notify, clock, pass } = start({ channels: [am] });
  notify.notify(trigger());
  await turns();
  for (let i = 0; i < 3; i++) await pass(60_000);
  assert.deepEqual(told(am), ["trigger k", "update k", "update k", "update k"]);
  assert.equal(am.sent.at(-1)?.notification.time, clock.epochMs());
  assert.equal(notify.stats().repeated, 3);
  am.script = down();
  for (let i = 0; i < 10; i++) await pass(60_000);
  assert.equal(notify.stats().waiting, 1);
  am.script = undefined;
  notify.notify(resolve());
  await pass(60_000);
  for (let i = 0; i < 5; i++) await pass(60_000);
  assert.deepEqual(told(am).slice(4), ["resolve k"]);
  assert.deepEqual([notify.stats().merged, notify.stats().deadLetters], [0, 0]);
});

test("a channel is not sent what it has no use for", async () => {
  const quiet = probe("q", { actions: ["trigger"] });
  const { notify } = start({ channels: [quiet] });
  for (const message of [trigger(), update(), acknowledge(), resolve(), trigger()]) {
    notify.notify(message);
    await notify.flush();
  }
  assert.deepEqual(told(quiet), ["trigger k", "trigger k"]);
});

test("a dry run gives each payload away and sends nothing; a preview too", async () => {
  const page = probe("p");
  const seen: unknown[] = [];
  const { notify } = start({ channels: { page: [page] }, dryRun: (name, payload) => seen.push([name, payload]) });
  notify.notify(trigger({ title: "High" }));
  await notify.flush();
  assert.deepEqual(seen, [["p", { would: "High" }]]);
  assert.equal(page.attempts + page.sent.length, 0);
  assert.deepEqual(notify.preview(trigger({ title: "Low" })), [{ channel: "p", payload: { would: "Low" } }]);
  assert.deepEqual(notify.preview(trigger({ severity: "sev4" })), []);
});

test("a test sends a message of SEV4 and its end to each channel, and says what became of it", async () => {
  const [page, broken] = [probe("p"), probe("broken")];
  broken.script = down(refuse);
  const { notify } = start({ channels: { page: [page], team: [broken] } });
  assert.deepEqual(await notify.test(), [
    { channel: "p", ok: true },
    { channel: "broken", ok: false, error: "bad token" },
  ]);
  assert.deepEqual(
    page.sent.map(({ notification: { action, severity }, thread }) => [action, severity, thread]),
    [
      ["trigger", "sev4", undefined],
      ["resolve", "sev4", { n: "1" }],
    ],
  );
});

test("flush without a signal tries everything once; with one it waits until the signal", async () => {
  const page = probe("p");
  page.script = down();
  const { notify } = start({ channels: [page] });
  notify.notify(trigger());
  await until(() => page.attempts === 1);
  await notify.flush();
  assert.equal(page.attempts, 2);
  const end = new AbortController();
  let isDone = false;
  const flushed = notify.flush(end.signal).then(() => (isDone = true));
  await until(() => page.attempts === 3);
  await turns();
  assert.equal(isDone, false);
  end.abort();
  await flushed;
  assert.equal(notify.stats().waiting, 1);
});

test("after close nothing is sent until somebody uses it again, and then nothing is lost", async () => {
  const page = probe("p", { repeatMs: 60_000 });
  const { notify, clock, pass } = start({ channels: [page] });
  notify.notify(trigger());
  await notify.close();
  clock.advance(60_000);
  await turns();
  assert.deepEqual(told(page), ["trigger k"]);
  notify.notify(messageOf({ key: "late" }));
  await pass(0);
  assert.deepEqual(told(page).sort(), ["trigger k", "trigger late", "update k"]);
  assert.equal(notify.stats().deadLetters, 0);
});

test("the end of what was told 40 days ago is told, in the same process and in the next, whatever the wall clock does", async () => {
  const page = probe("p");
  const state = () => stateFile(join(folder, "old.json"));
  const { notify, clock, pass } = start({ channels: [page], state: state() });
  for (const key of ["old", "older", "k"]) notify.notify(messageOf({ key }));
  await notify.flush();
  clock.jump(40 * 86_400_000);
  notify.notify(messageOf({ key: "new" }));
  await pass(40 * 86_400_000);
  notify.notify(messageOf({ key: "newer" }));
  notify.notify(resolve());
  await notify.flush();
  assert.deepEqual(told(page).at(-1), "resolve k");
  assert.deepEqual(page.sent.at(-1)?.thread, { n: "3" });
  await notify.close();
  clock.jump(40 * 86_400_000);
  const next = start({ channels: [page], state: state(), clock }).notify;
  next.notify(resolve({ key: "older" }));
  await next.flush();
  assert.deepEqual(told(page).at(-1), "resolve older");
});

test("what is over is forgotten after 30 days of running, not because the wall clock jumps", async () => {
  const page = probe("p", { actions: ["trigger", "resolve"] });
  const { notify, clock, pass } = start({ channels: [page] });
  notify.notify(trigger());
  await notify.flush();
  page.script = down(refuse);
  notify.notify(resolve());
  await until(() => notify.stats().deadLetters === 1);
  page.script = undefined;
  clock.jump(40 * 86_400_000);
  notify.notify(messageOf({ key: "other" }));
  await notify.flush();
  notify.retryDeadLetters();
  await notify.flush();
  // With its thread: the key was still known.
  assert.deepEqual([told(page).at(-1), page.sent.at(-1)?.thread], ["resolve k", { n: "1" }]);
  await pass(0);
});

test("no time is too long: neither an attempt's, nor that for which more of a group is waited for", async () => {
  const page = probe("p");
  const { notify } = start({ channels: [page], sendTimeoutMs: 2 ** 40, groupWaitMs: Number.POSITIVE_INFINITY });
  let attempts = 0;
  page.script = () => new Promise((done) => setTimeout(done, 30).ref());
  notify.notify(trigger());
  await until(() => page.sent.length === 1);
  assert.equal(notify.stats().retried, 0);
  const timers: number[] = [];
  const real = globalThis.setTimeout;
  globalThis.setTimeout = ((run: () => void, ms: number, ...more: unknown[]) => {
    timers.push(ms);
    attempts++;
    return real(run, ms, ...more);
  }) as typeof setTimeout;
  try {
    notify.alert(eventOf("firing"));
  } finally {
    globalThis.setTimeout = real;
  }
  assert.deepEqual([timers, attempts], [[2 ** 31 - 1], 1]);
});

test("letters beyond the thousandth are written in a moment, and the file has at most two thousand", () => {
  const path = join(folder, "many.ndjson");
  const box = deadLetterBox(path);
  const files = new Set<number>();
  for (let i = 0; i < 3_500; i++) {
    box.add({ time: 1, channel: "p", reason: "refused", error: "no", notification: messageOf({ key: `k${i}` }) });
    if (i % 10 === 0) files.add(statSync(path).ino);
  }
  assert.deepEqual([box.size, box.lost], [1_000, 2_500]);
  assert.ok(files.size <= 3, `written anew ${files.size} times`);
  const lines = readFileSync(path, "utf8").trim().split("\n");
  assert.ok(lines.length <= 2_000, `${lines.length} lines`);
  assert.equal(JSON.parse(lines.at(-1)!).notification.key, "k3499");
  const next = deadLetterBox(path);
  assert.equal(next.size, 1_000);
  next.takeAll((letters) => {
    assert.equal(letters[0]?.notification.key, "k2500");
    return [];
  });
  assert.throws(() => statSync(path), /ENOENT/);
});

test("callbacks that are async and fail end nothing, and a promise is no address", async () => {
  const page = probe("p");
  page.script = down(refuse);
  const rejected: unknown[] = [];
  const hear = (error: unknown) => rejected.push(error);
  process.on("unhandledRejection", hear);
  let calls = 0;
  const boom = async () => {
    calls++;
    throw new Error("boom");
  };
  const options = { channels: [page], onError: boom, deadLetters: boom, traceUrl: boom as unknown as () => string };
  const { notify } = start(options);
  notify.notify(trigger());
  await notify.flush();
  const dry = start({ channels: [page], dryRun: boom }).notify;
  dry.notify(trigger());
  await dry.flush();
  page.script = undefined;
  notify.retryDeadLetters();
  await notify.flush();
  await turns();
  process.off("unhandledRejection", hear);
  assert.deepEqual(rejected, []);
  assert.equal(calls, 4);
  assert.deepEqual(
    page.sent[0]?.notification.links.map(({ text }) => text),
    ["Runbook"],
  );
});

test("links lead to the traces of alerts, and to the runbook where it is an address", async () => {
  const page = probe("p");
  const { notify } = start({ channels: [page], traceUrl: (id) => `https://traces.example/${id}` });
  notify.notify(trigger({ links: [], facts: { runbook: "https://runbooks.example/a b" } }));
  await notify.flush();
  assert.deepEqual(page.sent[0]?.notification.links, [
    { text: "Runbook", href: "https://runbooks.example/a%20b" },
    { text: "Trace 01234567", href: "https://traces.example/0123456789abcdef0123456789abcdef" },
  ]);
});

test("what is no message, and callbacks that throw, do no harm", async () => {
  const page = probe("p");
  page.script = (attempt) => {
    if (attempt === 1) throw refuse();
  };
  const boom = () => {
    throw new Error("boom");
  };
  const { notify } = start({ channels: [page], onError: boom, deadLetters: boom, traceUrl: boom });
  const cyclic: any = trigger();
  cyclic.facts = { cyclic };
  for (const bad of [undefined, null, 1, {}, { key: "" }, { key: "k" }, { key: "k", action: "shout" }, cyclic]) {
    notify.notify(bad as Notification);
  }
  notify.notify({ key: "first", action: "trigger" } as Notification);
  notify.notify(trigger({ severity: "sev9" as never, time: Number.NaN, key: "x".repeat(999) }));
  await notify.flush();
  assert.equal(notify.stats().deadLetters, 1);
  assert.equal(page.sent.length, 1);
  assert.equal(page.sent[0]?.notification.key.length, 255);
  assert.equal(page.sent[0]?.notification.severity, "sev3");
});

test("nothing that a channel does is traced", async () => {
  const memory = memorySink();
  configure({ sinks: [memory] });
  const page: Probe = probe("p");
  page.script = async () => void (await withSpan("inside the channel", async () => 1));
  const { notify } = start({ channels: [page] });
  await withSpan("request", async () => notify.notify(trigger()));
  await notify.flush();
  await flush();
  configure({ enabled: false });
  assert.equal(page.sent.length, 1);
  assert.deepEqual(
    memory.records.flatMap((record) => (record.record === "span" ? record.name : [])),
    ["request"],
  );
});

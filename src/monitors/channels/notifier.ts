import { systemClock } from "../../core/clock.ts";
import { callBack, debug, guard, swallow } from "../../core/guard.ts";
import type { AlertListener } from "../alerts/alert.ts";
import { alertGroups } from "./alert-groups.ts";
import type { ChannelStats } from "./channel-stats.ts";
import { type DeadLetter, deadLetterBox } from "./dead-letters.ts";
import type { UnderWay } from "./deliver.ts";
import { dryRunOf } from "./dry-run.ts";
import { exitWatch } from "./exit-watch.ts";
import { handingOn, keeperOf, setKeeper } from "./keepers.ts";
import { normal } from "./normal.ts";
import type { Channel, Notification, Notify } from "./notification.ts";
import { checkNotifier, type NotifierOptions, namedGroups } from "./notifier-options.ts";
import { router } from "./route.ts";
import { sendTests, type TestOutcome } from "./send-tests.ts";
import { understanding } from "./understand.ts";
import { type SavedWorker, type Worker, worker } from "./worker.ts";

export type { NotifierOptions };

/** Figures since the start. */
export interface NotifierStats extends Omit<ChannelStats, "lastError" | "dead"> {
  /**
   * Dead letters that are kept now: `dead` of the channels without those that were sent again, are over (`skipped`), or had
   * no room (`lost`), and with those that the file had.
   */
  readonly deadLetters: number;
  readonly lost: number;
  /** Triggers that no route led anywhere. */
  readonly unrouted: number;
  /** What `notify` got and could not understand: no message, told to nobody; or no severity that there is, told as `sev3`. */
  readonly malformed: number;
  readonly channels: { readonly [name: string]: ChannelStats };
}

export interface Notifier extends Notify, AlertListener {
  tick(now?: number): void;
  /**
   * Tries everything that waits at once. With a signal until all is sent or the signal comes; without one until a channel
   * fails.
   */
  flush(signal?: AbortSignal): Promise<void>;
  /**
   * Flushes, and ends. What is not sent stays in `state`; without one it is a dead letter, `closed`. A notifier that is used
   * again goes on where it was, with those letters too: several `alerts()` may have one.
   */
  close(signal?: AbortSignal): Promise<void>;
  /** What each channel would send, with secrets left out. */
  preview(notification: Notification): { channel: string; payload: unknown }[];
  /** Sends a test message to each channel, and its resolve, whatever the routes; says what became of it. */
  test(signal?: AbortSignal): Promise<TestOutcome[]>;
  /** Sends the dead letters again, except for those of what is over; returns how many. */
  retryDeadLetters(): number;
  stats(): NotifierStats;
}

/**
 * Routes messages to channels and sees to it that they arrive, at least once: after `incidents()`, or directly as a listener
 * of `alerts()`. Each channel has a queue and a worker of its own. Failures are tried again after 1 s, 2 s, 4 s … 30 s, or
 * when the server says; of one key messages keep their order, and the newest state wins where they have to wait. What is
 * over before a channel could be told of it is told as resolved only: nobody is paged about it.
 *
 * @throws ConfigError for options, routes or channels that do not go together
 * @example
 * import { consoleChannel, notifier } from "sightline/monitors";
 * const notify = notifier({ channels: { page: [consoleChannel()] } });
 * await notify.flush();
 */
export function notifier(options: NotifierOptions): Notifier {
  checkNotifier(options);
  const { clock = systemClock, random = Math.random, name = "notifier", dryRun } = options;
  const state = dryRun ? undefined : options.state;
  const groups = namedGroups(options.channels);
  const isList = Array.isArray(options.channels);
  const route = router(Object.keys(groups), isList ? [{ to: Object.keys(groups) }] : options.routes);
  const box = deadLetterBox(dryRun ? undefined : options.deadLetters);
  const before = keeperOf(state, name);
  const saved = (guard(() => state?.load(name, taken), undefined) ?? {}) as {
    readonly channels?: { readonly [channel: string]: SavedWorker };
    readonly groups?: unknown;
  };
  const understood = understanding(name, options.traceUrl);
  let unrouted = 0;
  let isClosed = false;
  let isTaken = false;
  const underWay = new Map<string, UnderWay>();
  /** Dead letters for no other reason than that it was closed. */
  const buried = new Set<DeadLetter>();
  let told = 0;
  let isKept = false;

  const channels = [...new Set(Object.values(groups).flat())];
  const workers = new Map<Channel, Worker>(channels.map((channel) => [channel, workerOf(channel)]));
  const { groupBy = ["rule", "severity"], groupWaitMs = 0, groupCooldownMs: cooldownMs = 300_000 } = options;
  const grouping = { groupBy, groupWaitMs, cooldownMs, clock, emit: notify, changed: keep };
  const alerts =
    guard(() => alertGroups({ ...grouping, saved: saved.groups }), undefined) ?? alertGroups({ ...grouping });

  function workerOf(channel: Channel): Worker {
    const made = (own: SavedWorker | undefined): Worker =>
      worker({
        channel: dryRun ? dryRunOf(channel, dryRun) : channel,
        clock,
        random,
        maxPerMinute: Math.max(1, Math.floor(options.maxPerMinute ?? 60)),
        giveUpMs: options.giveUpMs ?? 86_400_000,
        sendTimeoutMs: options.sendTimeoutMs ?? 30_000,
        saved: own,
        underWay: before?.underWay.get(channel.name),
        changed,
        save,
        died(letter) {
          if (letter.reason === "closed") buried.add(letter);
          box.add(letter);
        },
        over: (name, key) => box.over(name, key),
        failed(error, name) {
          debug(error.message);
          callBack(() => options.onError?.(error, name));
        },
      });
    // What an earlier process has left may be of another version.
    return guard(() => made(saved.channels?.[channel.name]), undefined) ?? made(undefined);
  }

  function all(): object {
    const own = channels.map((channel) => [channel.name, workers.get(channel)!.save()]);
    return { channels: Object.fromEntries(own), groups: alerts.save() };
  }

  function changed(): void {
    if (!isTaken) state?.changed(name, all);
  }

  function save(): void {
    if (!isTaken) guard(() => state?.save(), undefined);
  }

  /** What has come is kept at once, as no death of the process may lose it; what follows in the same turn, at its end. */
  function keep(): void {
    changed();
    if (isKept || state === undefined) return;
    save();
    isKept = true;
    queueMicrotask(() => {
      isKept = false;
      save();
    });
  }

  /** Another notifier loads what is ours: it gets everything, and the end of what is under way. */
  function taken(): void {
    const last = all();
    state!.changed(name, () => last);
    isTaken = true;
    watch.stop();
    for (const [channel, one] of workers) {
      const way = one.handOver();
      if (way !== undefined) underWay.set(channel.name, way);
    }
    alerts.forget();
    box.release();
  }

  /** Whoever closed it was not the only one who uses it. */
  function open(): void {
    if (!isClosed || watch.isOver) return;
    isClosed = false;
    if (!dryRun && !isTaken) watch.start();
    for (const one of workers.values()) one.open();
    if (buried.size === 0) return;
    box.takeAll((letters) => letters.filter((letter) => !buried.has(letter) || !retry(letter)));
    buried.clear();
  }

  function retry(letter: DeadLetter): boolean {
    const one = [...workers.values()].find(({ channel }) => channel.name === letter.channel);
    one?.retry(letter.notification);
    return one !== undefined;
  }

  function routed(notification: Notification): Set<Channel> {
    return new Set([...route(notification)].flatMap((group) => groups[group]!));
  }

  function notify(given: Notification): void {
    guard(() => {
      open();
      const notification = understood.read(given, clock.epochMs());
      if (notification === undefined) return;
      const wanted = routed(notification);
      let takers = 0;
      for (const [channel, one] of workers) if (one.offer(notification, wanted.has(channel))) takers++;
      if (takers === 0 && notification.action === "trigger") unrouted++;
      told++;
      if (takers > 0) keep();
      watch.came();
    }, undefined);
  }

  async function flush(signal?: AbortSignal): Promise<void> {
    guard(() => alerts.tick(true), undefined);
    // Timers let the process end: whoever waits for this one wants it to go on.
    const hold = setInterval(() => {}, 2 ** 30);
    await Promise.all([...workers.values()].map((one) => one.flush(signal))).catch(swallow);
    clearInterval(hold);
    save();
  }

  /** For stderr; who is given them elsewhere knows of those that were refused. */
  const letters = () => (options.deadLetters === undefined ? box.all : [...buried]);
  const watch = exitWatch({
    told: () => told,
    flush,
    callOff() {
      for (const one of workers.values()) one.callOff();
    },
    spill() {
      if (state !== undefined) return save();
      alerts.tick(true);
      isClosed = true;
      for (const one of workers.values()) one.bury();
    },
    letters,
    lastError: (name) => [...workers.values()].find(({ channel }) => channel.name === name)?.stats().lastError,
  });
  if (!dryRun) watch.start();

  guard(() => adopt(), undefined);
  for (const one of workers.values()) one.pump();

  /** What waits for a channel that is not there any more would be gone with the next state that is written. */
  function adopt(): void {
    const time = clock.epochMs();
    for (const [channel, { waiting }] of Object.entries(saved.channels ?? {})) {
      if (channels.some((known) => known.name === channel)) continue;
      const error = `notifier: there is no channel "${channel}" any more`;
      for (const { notification } of waiting) box.add({ time, channel, reason: "no_channel", error, notification });
      changed();
    }
  }

  const own: Notifier = {
    notify,
    alert(event) {
      guard(() => {
        open();
        alerts.alert(event);
        watch.came();
      }, undefined);
    },
    tick() {
      guard(open, undefined);
      guard(() => alerts.tick(), undefined);
      for (const one of workers.values()) guard(() => one.pump(), undefined);
    },
    flush,
    async close(signal) {
      if (isClosed) return;
      await flush(signal);
      isClosed = true;
      alerts.close();
      await Promise.all([...workers.values()].map((one) => one.close())).catch(swallow);
      if (isClosed && (state === undefined || isTaken)) for (const one of workers.values()) one.bury();
      if (isClosed && letters().length === 0) watch.stop();
      save();
    },
    preview(given) {
      const notification = normal(given, clock.epochMs(), options.traceUrl);
      return [...routed(notification)].map((channel) => ({
        channel: channel.name,
        payload: channel.preview(notification),
      }));
    },
    test(signal) {
      const list = [...workers.values()].map(({ channel }) => channel);
      return sendTests(list, clock, options.sendTimeoutMs ?? 30_000, signal ?? new AbortController().signal);
    },
    retryDeadLetters() {
      const to = keeperOf(state, name)?.retry ?? retry;
      let count = 0;
      buried.clear();
      box.takeAll((letters) => {
        const kept = letters.filter((letter) => !to(letter));
        count += letters.length - kept.length;
        guard(() => state?.save(), undefined);
        return kept;
      });
      open();
      return count;
    },
    stats() {
      const each = [...workers.values()].map((one) => [one.channel.name, one.stats()] as const);
      const sum = (figure: "waiting" | "sent" | "repeated" | "retried" | "merged" | "skipped") =>
        each.reduce((total, [, stats]) => total + stats[figure], 0);
      return {
        waiting: sum("waiting"),
        sent: sum("sent"),
        repeated: sum("repeated"),
        retried: sum("retried"),
        merged: sum("merged"),
        skipped: sum("skipped") + alerts.skipped,
        deadLetters: box.size,
        lost: box.lost,
        unrouted,
        malformed: understood.malformed,
        channels: Object.fromEntries(each),
      };
    },
  };
  const handing: Notifier = handingOn(own, () => {
    const keeper = isTaken ? keeperOf(state, name)?.notifier : undefined;
    return keeper === handing ? undefined : keeper;
  });
  setKeeper(state, name, { notifier: handing, underWay, retry });
  return handing;
}

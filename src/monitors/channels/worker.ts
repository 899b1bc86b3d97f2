import type { Clock } from "../../core/clock.ts";
import type { SinkError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import { backoff, serverDelay } from "../../pipeline/backoff.ts";
import type { ChannelStats } from "./channel-stats.ts";
import type { DeadLetter } from "./dead-letters.ts";
import { deliver, type UnderWay } from "./deliver.ts";
import { type KeyState, keyStates } from "./key-states.ts";
import type { Channel, Notification, Thread } from "./notification.ts";
import { MAX_TIMEOUT_MS } from "./options.ts";
import { outbox, type SavedWaiting, saying, type Waiting } from "./outbox.ts";
import { pace } from "./pace.ts";

export interface WorkerOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly random: () => number;
  readonly maxPerMinute: number;
  readonly giveUpMs: number;
  readonly sendTimeoutMs: number;
  readonly saved?: SavedWorker | undefined;
  /** What an earlier worker of the same state has begun to send: it is in `saved`, too. */
  readonly underWay?: UnderWay | undefined;
  /** What is kept has changed. */
  readonly changed: () => void;
  /** Keeps it now, whatever the disk takes. */
  readonly save: () => void;
  readonly died: (letter: DeadLetter) => void;
  /** It is over; returns how many dead letters of it are so too. */
  readonly over: (channel: string, key: string) => number;
  /** Called for the first failure in a row, and for each dead letter. */
  readonly failed: (error: SinkError, channel: string) => void;
}

export type { ChannelStats };

export interface SavedWorker {
  readonly waiting: readonly SavedWaiting[];
  readonly keys: readonly [string, KeyState][];
}

/** One channel's queue, and who empties it: nothing here waits for another channel. */
export interface Worker {
  readonly channel: Channel;
  /** `isRouted`: the channel is to be told of it if it does not know the key. Returns whether it takes the message. */
  offer(notification: Notification, isRouted: boolean): boolean;
  /** Takes a dead letter back. */
  retry(notification: Notification): void;
  /** Sends what is due. */
  pump(): void;
  /** Resolves when nothing waits, the signal comes or, without a signal, an attempt fails. */
  flush(signal: AbortSignal | undefined): Promise<void>;
  /** Calls off what is on its way. */
  close(): Promise<void>;
  /** Calls off what is on its way, and tries it again later. */
  callOff(): void;
  /** Goes on after `close`. */
  open(): void;
  /** Makes dead letters of all that waits: nobody would send it. */
  bury(): void;
  /** Forgets everything, as somebody else has it from now on; gives away what is under way. */
  handOver(): UnderWay | undefined;
  save(): SavedWorker;
  stats(): ChannelStats;
}

/** 5 MB with alerts of 5 KB. Messages of one key are merged: it takes as many incidents at once. */
const MAX_WAITING = 1_000;

export function worker(options: WorkerOptions): Worker {
  const { channel, clock, random, changed } = options;
  const waiting = outbox(MAX_WAITING, clock, options.saved?.waiting);
  const keys = keyStates(options.saved?.keys ?? [], clock);
  const paced = pace(channel.intervalMs ?? 0, options.maxPerMinute);
  let ending = new AbortController();
  const counts = { sent: 0, repeated: 0, retried: 0, skipped: 0, dead: 0 };
  const listeners = new Set<(isFailure: boolean) => void>();
  let failures = 0;
  /** Until when the server has asked to be left alone; and until when we do so on our own. */
  let askedUntilMs = 0;
  let backoffUntilMs = 0;
  let lastError: string | undefined;
  let underWay: UnderWay | undefined;
  let sending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | NodeJS.Immediate | undefined;

  const accepts = (action: Notification["action"]): boolean => channel.actions?.includes(action) ?? true;

  /** Whoever says something goes on first; sending begins after that. Without `unref`, which may delay it by seconds. */
  function soon(): void {
    stopTimer();
    timer = setImmediate(pump);
  }

  function stopTimer(): void {
    clearTimeout(timer as NodeJS.Timeout);
    clearImmediate(timer as NodeJS.Immediate);
  }

  function enqueue(notification: Notification, isRepeat = false): void {
    const victim = waiting.add(notification, isRepeat);
    if (victim !== undefined) die(victim, "queue_full", `channel "${channel.name}": ${MAX_WAITING} messages wait`);
    changed();
    soon();
  }

  function die(entry: Waiting, reason: DeadLetter["reason"], error: string): void {
    const { notification, isRepeat } = entry;
    // Repeated until somebody takes it, it would fill the dead letters with one thing.
    if (isRepeat) return;
    counts.dead++;
    options.died({ time: clock.epochMs(), channel: channel.name, reason, error, notification });
  }

  function pump(): void {
    stopTimer();
    if (underWay !== undefined || ending.signal.aborted) return;
    const nowMs = clock.monotonicMs();
    repeat(nowMs);
    const readyMs = Math.max(askedUntilMs, backoffUntilMs, paced.nextMs(nowMs));
    const entry = readyMs <= nowMs ? waiting.next(nowMs, failures > 0) : undefined;
    if (entry !== undefined) {
      attempt(entry, nowMs);
      return;
    }
    const repeats = keys.repeating().map(([, state]) => state.repeatAtMs ?? nowMs);
    const dueMs = Math.min(Math.max(readyMs, waiting.dueMs()), ...repeats);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(pump, Math.min(Math.max(dueMs - nowMs, 1), MAX_TIMEOUT_MS)).unref();
  }

  function repeat(nowMs: number): void {
    for (const [key, state] of keys.repeating()) {
      if ((state.repeatAtMs ?? 0) > nowMs) continue;
      state.repeatAtMs = nowMs + channel.repeatMs!;
      if (!waiting.has(key)) waiting.add({ ...state.last!, action: "update", time: clock.epochMs() }, true);
    }
  }

  function attempt(entry: Waiting, nowMs: number): void {
    paced.taken(nowMs);
    const { key } = entry.notification;
    const thread = keys.get(key)?.thread;
    const sent = deliver(channel, saying(entry), thread, options.sendTimeoutMs, ending.signal);
    follow(entry, { key, sent, ending });
  }

  function follow(entry: Waiting, way: UnderWay): void {
    entry.isSending = true;
    underWay = way;
    sending = finish(entry, way);
  }

  async function finish(entry: Waiting, way: UnderWay): Promise<void> {
    let thread: Thread | undefined;
    let error: SinkError | undefined;
    try {
      thread = await way.sent;
    } catch (caught) {
      error = caught as SinkError;
    }
    // Somebody else waits for it.
    if (underWay !== way) return;
    if (error === undefined) guard(() => delivered(entry, thread), undefined);
    else guard(() => refused(entry, error, way.ending.signal.aborted), undefined);
    underWay = undefined;
    changed();
    // As `kill -9` within the next second would tell it twice.
    if (error === undefined && entry.notification.action === "trigger") options.save();
    for (const listener of listeners) listener(error?.retry === "later");
    soon();
  }

  function delivered(entry: Waiting, thread: Thread | undefined): void {
    const { notification, isRepeat } = entry;
    failures = 0;
    counts[isRepeat ? "repeated" : "sent"]++;
    waiting.remove(entry);
    const state = keys.delivered(notification, thread);
    if (state === undefined || !state.isOpen || channel.repeatMs === undefined || notification.action === "acknowledge")
      return;
    if (!isRepeat) state.last = notification;
    state.repeatAtMs = clock.monotonicMs() + channel.repeatMs;
  }

  function refused(entry: Waiting, error: SinkError, isCalledOff: boolean): void {
    // Because everything ends: nobody is at fault.
    if (isCalledOff) {
      waiting.again(entry, 0);
      return;
    }
    const { key } = entry.notification;
    lastError = error.message;
    const isFinal = error.retry !== "later";
    const isTooOld = waiting.age(entry) >= options.giveUpMs;
    if (isFinal || isTooOld) {
      waiting.remove(entry);
      const state = keys.get(key);
      if (entry.isRepeat && state !== undefined) delete state.last;
      die(entry, isFinal ? "refused" : "given_up", error.message);
    }
    if (!isFinal) later(entry, error, isTooOld);
    if (isFinal || isTooOld || failures === 1) options.failed(error, channel.name);
  }

  function later(entry: Waiting, error: SinkError, isTooOld: boolean): void {
    const nowMs = clock.monotonicMs();
    failures++;
    askedUntilMs = nowMs + serverDelay(error.retryAfterMs);
    backoffUntilMs = nowMs + backoff(failures, random);
    if (isTooOld) return;
    counts.retried++;
    entry.failures++;
    // Of its own too: a message that always fails must not keep the others waiting.
    waiting.again(entry, nowMs + backoff(entry.failures, random));
  }

  /** What came before its end is of no interest any more. */
  function end(notification: Notification): boolean {
    const { key } = notification;
    if (!keys.isOpen(key)) return false;
    counts.skipped += options.over(channel.name, key);
    keys.close(key);
    if (accepts("resolve")) enqueue(notification);
    else {
      counts.skipped += waiting.drop(key);
      keys.forget(key);
    }
    return true;
  }

  const { underWay: before } = options;
  const begun = before && waiting.head(before.key);
  if (begun !== undefined) {
    follow(begun, before!);
    if (!before!.ending.signal.aborted) ending = before!.ending;
  }

  return {
    channel,
    offer(notification, isRouted) {
      const { key, action } = notification;
      if (action === "resolve") return end(notification);
      const isKnown = keys.isOpen(key);
      if (!isKnown && (!isRouted || action === "acknowledge")) return false;
      keys.open(key);
      // Told for the first time: an incident has become worse, and reaches this channel only now.
      const told: Notification =
        isKnown || action === "trigger" ? notification : { ...notification, action: "trigger" };
      if (accepts(told.action)) enqueue(told);
      return true;
    },
    retry(notification) {
      if (notification.action !== "resolve") keys.open(notification.key);
      enqueue(notification);
    },
    pump,
    async flush(signal) {
      waiting.hurry();
      backoffUntilMs = 0;
      if (signal === undefined && askedUntilMs > clock.monotonicMs()) return;
      pump();
      await new Promise<void>((resolve) => {
        const done = (): void => {
          listeners.delete(check);
          signal?.removeEventListener("abort", done);
          resolve();
        };
        const check = (isFailure: boolean): void => {
          if (waiting.size === 0 || ending.signal.aborted || (isFailure && signal === undefined)) done();
        };
        listeners.add(check);
        signal?.addEventListener("abort", done);
        if (signal?.aborted) done();
        else check(false);
      });
    },
    async close() {
      ending.abort();
      stopTimer();
      for (const listener of listeners) listener(true);
      await sending;
    },
    callOff() {
      if (underWay === undefined || ending.signal.aborted) return;
      backoffUntilMs = clock.monotonicMs() + backoff(1, random);
      ending.abort();
      ending = new AbortController();
    },
    open() {
      if (ending.signal.aborted) ending = new AbortController();
      soon();
    },
    bury() {
      for (const entry of waiting.takeAll())
        die(entry, "closed", `channel "${channel.name}": it still waited at the end`);
    },
    handOver() {
      const way = underWay;
      stopTimer();
      underWay = undefined;
      sending = undefined;
      // Whoever has it now may call it off, and nobody else.
      if (way !== undefined && !way.ending.signal.aborted) ending = new AbortController();
      waiting.takeAll();
      keys.forgetAll();
      for (const listener of listeners) listener(false);
      return way;
    },
    save: () => ({ waiting: waiting.save(), keys: keys.save() }),
    stats: () => ({
      waiting: waiting.size,
      ...counts,
      merged: waiting.merged,
      ...(lastError !== undefined && { lastError }),
    }),
  };
}

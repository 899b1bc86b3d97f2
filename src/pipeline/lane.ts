import { debug } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import { MAX_RETRY_AFTER_MS } from "../core/retry-after.ts";
import type { LaneStats } from "../core/runtime.ts";
import { seal } from "../core/trace.ts";
import type { Sink, SinkPolicy } from "../sinks/sink.ts";
import { createAttempts } from "./attempts.ts";
import type { Budget, Held, Holder } from "./budget.ts";
import { checkedSink } from "./checked-sink.ts";
import { createDepartures } from "./departures.ts";
import { createDrains, type Drain } from "./drains.ts";
import { createEndings } from "./endings.ts";
import { createGate } from "./gate.ts";
import { createLedger } from "./ledger.ts";
import type { LaneLimits, LaneTools } from "./options.ts";
import { messageOf, remainingOf, verdictOf } from "./outcome.ts";
import { createPace } from "./pace.ts";
import { createPacker } from "./pack.ts";
import { admit } from "./policy.ts";
import { type Batch, createQueue, sealBatch } from "./queue.ts";
import type { TailOutput } from "./tail.ts";

/** The way of records to one sink. Nothing that the sink does reaches the caller or another lane. */
export interface Lane extends Holder {
  readonly name: string;
  /** The sink is part of a configuration now. */
  open(): void;
  offer(held: Held): void;
  /**
   * Sends what is there without waiting for batches to fill, then flushes the sink. `deadline` is on the lane's clock.
   * `isLast`: the process ends.
   */
  flush(deadline: number, isLast?: boolean): Drain;
  /** Aborts what the sink is doing; the records stay. */
  abandon(): void;
  /** Hands everything, what is in flight included, to the sink's `writeSync`. */
  spillSync(): void;
  /** After the spill: closes a sink that can write at once. */
  finishSync(): void;
  /** From now on records are dropped. */
  stop(): void;
  /** Spills what is left and closes the sink. Resolves to what went wrong; never rejects. */
  close(): Promise<string | undefined>;
  stats(): LaneStats;
}

/** How long a lane may keep one turn of the event loop. With less, a program whose turns are long would overtake it. */
const TURN_MS = 5;

/** So many records refused one by one, and none taken: the sink refuses everything, and halves would only multiply requests. */
const MAX_REFUSALS = 32;

/** Throws a `ConfigError` for a sink that cannot be read. */
export function createLane(given: Sink, name: string, budget: Budget, settings: LaneLimits & LaneTools): Lane {
  const { now, clean = String } = settings;
  const sink = checkedSink(given, settings.suppress);
  const policy: SinkPolicy = sink.policy ?? {};
  const gate = policy.tail && createGate(policy.tail, now, sort);
  const { batchBytes } = settings;
  const batchRecords = settings.asksSink ? (policy.batchRecords ?? settings.batchRecords) : settings.batchRecords;
  const queue = createQueue({ batchRecords, batchBytes });
  const packer = createPacker(queue, budget, isStuck);
  const pace = createPace(settings);
  const attempts = createAttempts(sink.write, settings.attemptMs, { delivered, failed });
  const endings = createEndings(sink, complain);
  const drains = createDrains(async (isLast) => (phase === "closed" ? undefined : endings.flush(isLast)));
  const ledger = createLedger();
  const departures = createDepartures(queue, budget, ledger, settings.left, complain);

  let phase: "idle" | "gathering" | "due" | "sending" | "waiting" | "closed" = "idle";
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let accepted = 0;
  let refusals = 0;
  let stopped = false;
  let closing: Promise<string | undefined> | undefined;

  const lane: Lane = {
    name,
    get bytes() {
      return queue.bytes + (gate?.bytes ?? 0);
    },
    open: () => sink.open?.(),
    offer,
    evictNewest,
    flush,
    abandon,
    spillSync: () => spill("exit"),
    finishSync: endings.finishSync,
    stop: () => void (stopped = true),
    close: () => (closing ??= close()),
    stats: () => ledger.stats({ records: heldRecords(), bytes: lane.bytes }, sink, clean),
  };
  return lane;

  // In.

  function offer(held: Held): void {
    ledger.emitted++;
    if (stopped) ledger.drop("shutdown", 1);
    else if (isUnsampled(held) && policy.unsampled !== true) ledger.sampledOut++;
    else if (gate === undefined && policy.durability === "record" && writeNow(held)) return;
    else if (!take(held) && !(spillHead() && take(held))) ledger.drop("queue_full", 1);
    else if (gate === undefined) enqueue(held);
    else gate.offer(held);
  }

  function take(held: Held): boolean {
    return heldRecords() < settings.queueRecords && budget.take(held, lane);
  }

  /** Memory is full of what a disk takes in a millisecond or two: then that is done at once, in the caller's turn. */
  function spillHead(): boolean {
    const batch = queue.head;
    if (policy.durability === undefined || batch === undefined || pace.dueAt > now()) return false;
    if (phase === "sending" || !spillBatch(batch)) return false;
    departures.head("written");
    return true;
  }

  function heldRecords(): number {
    return queue.records + (gate?.records ?? 0);
  }

  /** What the tail rule has decided. */
  function sort({ go, sampledOut, dropped }: TailOutput): void {
    for (const held of go) enqueue(held);
    for (const held of sampledOut) budget.release(held);
    for (const held of dropped) budget.release(held);
    ledger.sampledOut += sampledOut.length;
    ledger.drop("tail_full", dropped.length);
  }

  function enqueue(held: Held): void {
    queue.push(held);
    accepted++;
    if (phase === "idle" || (phase === "gathering" && queue.head?.closed)) proceed();
    else if (isStuck()) packer.relieve();
  }

  function isStuck(): boolean {
    return phase === "sending" || phase === "waiting";
  }

  /** Inside `end()`: what this returns true for, no death of the process loses. A sink that has just failed gets a rest. */
  function writeNow({ draft }: Held): boolean {
    if (sink.writeSync === undefined || pace.dueAt > now()) return false;
    let record: TraceRecord | undefined;
    try {
      record = admit(policy, seal(draft), ledger);
      if (record === undefined) return true;
      sink.writeSync([record]);
      ledger.written++;
      return true;
    } catch (error) {
      const isTaken = record !== undefined && remainingOf(error, [record])?.size === 0;
      if (isTaken) {
        ledger.written++;
        departures.refused(error, 1);
      }
      complain(error);
      pace.failed(true, undefined);
      return isTaken;
    }
  }

  function evictNewest(): boolean {
    const newest = queue.popNewest();
    if (newest === undefined) return gate?.giveWay() === true;
    accepted -= newest.count;
    departures.batch(newest, "queue_full");
    return true;
  }

  // Along: what comes next, and when. Always off the caller's turn; no timer keeps the process alive.

  function proceed(): void {
    drains.release(pace.dueAt);
    const wait = pace.dueAt - now();
    if (queue.head === undefined) schedule("idle");
    else if (wait > 0) schedule("waiting", Math.min(wait, MAX_RETRY_AFTER_MS));
    else if (queue.head.closed || drains.waiting) schedule("due");
    else schedule("gathering", settings.batchMs);
  }

  function schedule(next: typeof phase, ms?: number): void {
    clearTimeout(timer);
    clearImmediate(immediate);
    phase = next;
    if (next === "due") immediate = setImmediate(turn);
    else if (ms !== undefined) timer = setTimeout(turn, ms).unref();
    if (isStuck()) packer.relieve();
  }

  /** A synchronous sink may get all batches that are there, as far as time allows; others get one. */
  function turn(): void {
    const until = now() + TURN_MS;
    let left = queue.batches.length;
    do {
      if (queue.head === undefined) proceed();
      else send(queue.head);
    } while (phase === "due" && --left > 0 && now() < until);
  }

  // Out: one batch at a time.

  function send(batch: Batch): void {
    schedule("sending");
    const records = form(batch);
    if (batch.failedSince !== undefined) ledger.retries++;
    if (records.length === 0) delivered(undefined);
    else attempts.start(records);
  }

  /** The head as it is sent, without what is not for this sink. A new array each time: a sink may do with it what it likes. */
  function form(batch: Batch): TraceRecord[] {
    if (batch.records === undefined && policy.prepare !== undefined) {
      const records = sealBatch(batch).map((record) => admit(policy, record, ledger));
      for (const held of queue.keep(records)) budget.release(held);
    }
    return [...sealBatch(batch)];
  }

  function delivered(result: unknown): void {
    const { count } = queue.head!;
    departures.head("written");
    departures.refused(result, count);
    refusals = 0;
    pace.succeeded();
    proceed();
  }

  function failed(error: unknown, said: unknown = error): void {
    if (departures.part(said)) refusals = 0;
    complain(error);
    const { retry, reason, retryAfterMs } = verdictOf(error);
    const batch = queue.head!;
    const isHopeless = retry === "never" || (retry === "split" && refusals >= MAX_REFUSALS);
    // What is at fault is the sink's key or address, which may be put right; or it is the records.
    const isPatient = settings.isPatient === true && !(retry === "never" && reason === "rejected_by_sink");
    const isLater = retry === "later" || (isHopeless && isPatient && batch.count > 0);
    pace.failed(isLater, retryAfterMs);
    if (batch.count === 0) departures.head("written");
    else if (isLater) {
      if (now() - (batch.failedSince ??= now()) >= settings.giveUpMs) departures.head("gave_up");
    } else if (isHopeless) departures.head("rejected_by_sink");
    else if (!queue.shrinkHead()) {
      refusals++;
      departures.head(reason);
    }
    proceed();
  }

  function complain(error: unknown): string {
    ledger.lastError = clean(messageOf(error));
    debug(`${name}: ${ledger.lastError}`);
    return ledger.lastError;
  }

  // To the end.

  function flush(deadline: number, isLast = false): Drain {
    gate?.decideEnded();
    const target = accepted;
    const pending = () => Math.min(queue.records, Math.max(0, target - (accepted - queue.records)));
    const drain = drains.begin(deadline, pending, isLast);
    if (phase === "closed") drains.release(Number.POSITIVE_INFINITY);
    else if (phase !== "sending" && phase !== "due") {
      pace.hasten();
      proceed();
    }
    return drain;
  }

  function spill(reason: "exit" | "shutdown"): void {
    if (phase === "closed") return;
    gate?.decideAll();
    schedule("sending");
    attempts.forget();
    // Counted beforehand: a sink may emit while it writes.
    let left = queue.records;
    for (let batch = queue.head; batch !== undefined && left > 0; batch = queue.head) {
      left -= batch.count;
      departures.head(spillBatch(batch) ? "written" : reason);
    }
    proceed();
  }

  function spillBatch(batch: Batch): boolean {
    if (sink.writeSync === undefined) return false;
    try {
      const records = form(batch);
      if (records.length > 0) sink.writeSync(records);
      return true;
    } catch (error) {
      departures.part(error);
      complain(error);
      return queue.head!.count === 0;
    }
  }

  function close(): Promise<string | undefined> {
    stopped = true;
    attempts.abort(new Error("shut down"));
    spill("shutdown");
    schedule("closed");
    drains.release(Number.POSITIVE_INFINITY);
    return endings.close();
  }

  /** Nobody waits any more: an attempt that goes on would only keep the process alive. */
  function abandon(): void {
    const reason = new Error("the process ends");
    attempts.abort(reason);
    endings.abandon(reason);
  }
}

/** Recorded for monitors alone. Remote traces and scores by id carry no flags: they count as sampled. */
function isUnsampled({ draft }: Held): boolean {
  return ((draft.trace.traceFlags ?? 1) & 1) === 0;
}

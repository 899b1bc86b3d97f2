import { debug } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import { MAX_RETRY_AFTER_MS } from "../core/retry-after.ts";
import type { LaneStats } from "../core/runtime.ts";
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
import { messageOf, verdictOf } from "./outcome.ts";
import { createPace } from "./pace.ts";
import { createPacker } from "./pack.ts";
import { admit } from "./policy.ts";
import { type Batch, createQueue, sealBatch } from "./queue.ts";
import type { TailOutput } from "./tail.ts";
import { createWriteNow } from "./write-now.ts";

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

/** The same with a backlog that requests in flight at once are there to shorten: 5 ms are one of OTLP's batches. */
const BACKLOG_TURN_MS = 20;

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
  const isOneByOne = sink.writeSync !== undefined || settings.left !== undefined;
  const concurrency = isOneByOne ? 1 : (policy.concurrency ?? 1);
  const packer = createPacker(queue, budget, isStuck, (concurrency - 1) * batchBytes);
  const pace = createPace(settings);
  const attempts = createAttempts(sink.write, settings.attemptMs, { delivered, failed });
  const endings = createEndings(sink, complain);
  const drains = createDrains(async (isLast) => (phase === "closed" ? undefined : endings.flush(isLast)));
  const ledger = createLedger();
  const departures = createDepartures(queue, budget, ledger, settings.left, complain);

  const writeNow = createWriteNow(sink, { policy, pace, now, ledger, departures, complain });

  /** `sending`: no more at once than are in flight. */
  let phase: "idle" | "gathering" | "due" | "sending" | "waiting" | "closed" = "idle";
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
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
    else if (gate === undefined && policy.durability === "record" && writeNow(held.draft)) return;
    else if (!take(held) && !(makeRoom() && take(held))) ledger.drop("queue_full", 1);
    else if (gate === undefined) enqueue(held);
    else gate.offer(held);
  }

  function take(held: Held): boolean {
    return heldRecords() < settings.queueRecords && budget.take(held, lane);
  }

  /** Of a sink that works through bursts, what waits is packed in the caller's turn, 8 µs a small span, before any is lost. */
  function makeRoom(): boolean {
    return spillHead() || (concurrency > 1 && heldRecords() < settings.queueRecords && packer.packNow());
  }

  /** Memory is full of what a disk takes in a millisecond or two: then that is done at once, in the caller's turn. */
  function spillHead(): boolean {
    const batch = queue.head;
    if (policy.durability === undefined || batch === undefined || pace.dueAt > now()) return false;
    if (batch.isInFlight || !spillBatch(batch)) return false;
    departures.batch(queue.head!, "written");
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
    if (phase === "idle" || (phase === "gathering" && queue.next?.closed)) proceed();
    else if (isStuck()) packer.relieve();
  }

  function isTight(): boolean {
    return budget.isTight || queue.records > settings.queueRecords / 2;
  }

  function isStuck(): boolean {
    return phase === "sending" || phase === "waiting";
  }

  function evictNewest(): boolean {
    const newest = queue.popNewest();
    if (newest === undefined) return gate?.giveWay() === true;
    departures.gone(newest, "queue_full");
    return true;
  }

  // Along: what comes next, and when. Always off the caller's turn; no timer keeps the process alive.

  function proceed(): void {
    drains.release(pace.dueAt);
    const { next } = queue;
    const wait = pace.dueAt - now();
    if (next === undefined) schedule("idle");
    else if (attempts.count >= (pace.isProven ? concurrency : 1)) schedule("sending");
    else if (wait > 0) schedule("waiting", Math.min(wait, MAX_RETRY_AFTER_MS));
    else if (next.closed || drains.waiting) schedule("due");
    // What ends meanwhile does not make it wait for longer.
    else if (phase !== "gathering") schedule("gathering", settings.batchMs);
  }

  function schedule(next: typeof phase, ms?: number): void {
    clearTimeout(timer);
    clearImmediate(immediate);
    phase = next;
    if (next === "due") immediate = setImmediate(turn);
    else if (ms !== undefined) timer = setTimeout(turn, ms).unref();
    if (isStuck()) packer.relieve();
  }

  /** A synchronous sink may get all batches that are there, as far as time allows; others as many as may be in flight. */
  function turn(): void {
    const until = now() + (concurrency === 1 ? TURN_MS : isTight() ? Number.POSITIVE_INFINITY : BACKLOG_TURN_MS);
    let left = queue.batches.length;
    do {
      const { next } = queue;
      if (next === undefined) proceed();
      else send(next);
    } while (phase === "due" && --left > 0 && now() < until);
  }

  // Out.

  function send(batch: Batch): void {
    schedule("sending");
    batch.isInFlight = true;
    batch.round = pace.round;
    const records = form(batch);
    if (batch.failedSince !== undefined) ledger.retries++;
    if (records.length === 0) delivered(batch, undefined);
    else if (attempts.start(batch, records)) proceed();
  }

  /** The batch as it is sent, without what is not for this sink. A new array each time: a sink may do with it what it likes. */
  function form(batch: Batch): TraceRecord[] {
    if (batch.records === undefined && policy.prepare !== undefined) {
      const records = sealBatch(batch).map((record) => admit(policy, record, ledger));
      for (const held of queue.keep(batch, records)) budget.release(held);
    }
    return [...sealBatch(batch)];
  }

  function delivered(batch: Batch, result: unknown): void {
    departures.batch(batch, "written");
    departures.refused(result, batch.count);
    refusals = 0;
    pace.succeeded(batch.round);
    proceed();
  }

  function failed(sent: Batch, error: unknown, said: unknown = error): void {
    sent.isInFlight = false;
    const rest = departures.part(sent, said);
    if (rest !== undefined) refusals = 0;
    const batch = rest ?? sent;
    complain(error);
    const { retry, reason, retryAfterMs } = verdictOf(error);
    const isHopeless = retry === "never" || (retry === "split" && refusals >= MAX_REFUSALS);
    // What is at fault is the sink's key or address, which may be put right; or it is the records.
    const isPatient = settings.isPatient === true && !(retry === "never" && reason === "rejected_by_sink");
    const isLater = retry === "later" || (isHopeless && isPatient && batch.count > 0);
    pace.failed(isLater, retryAfterMs, sent.round);
    if (batch.count === 0) departures.batch(batch, "written");
    else if (isLater) {
      if (now() - (batch.failedSince ??= now()) >= settings.giveUpMs) departures.batch(batch, "gave_up");
    } else if (isHopeless) departures.batch(batch, "rejected_by_sink");
    else if (!queue.shrink(batch)) {
      refusals++;
      departures.batch(batch, reason);
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
    const drain = drains.begin(deadline, queue.mark(), isLast);
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
      const isWritten = spillBatch(batch);
      departures.batch(queue.head!, isWritten ? "written" : reason);
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
      const rest = departures.part(batch, error);
      complain(error);
      return rest?.count === 0;
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

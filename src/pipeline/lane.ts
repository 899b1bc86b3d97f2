import { debug } from "../core/guard.ts";
import { MAX_RETRY_AFTER_MS } from "../core/retry-after.ts";
import type { DropReason, LaneStats } from "../core/runtime.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Budget, Held, Holder } from "./budget.ts";
import { createDrains, type Drain } from "./drains.ts";
import { createLedger } from "./ledger.ts";
import type { LaneLimits, LaneTools } from "./options.ts";
import { isThenable, messageOf, rejectedCount, verdictOf } from "./outcome.ts";
import { createPace } from "./pace.ts";
import { type Batch, createQueue, sealBatch } from "./queue.ts";

/** The way of records to one sink. Nothing that the sink does reaches the caller or another lane. */
export interface Lane extends Holder {
  readonly name: string;
  offer(held: Held): void;
  /** Sends what is there without waiting for batches to fill, then flushes the sink. `deadline` is on the lane's clock. */
  flush(deadline: number): Drain;
  /** Hands everything, what is in flight included, to the sink's `writeSync`. */
  spillSync(): void;
  /** From now on records are dropped. */
  stop(): void;
  /** Spills what is left and closes the sink. Resolves to what went wrong; never rejects. */
  close(): Promise<string | undefined>;
  stats(): LaneStats;
}

/** How long a lane may keep one turn of the event loop. With less, a program whose turns are long would overtake it. */
const TURN_MS = 5;

/** One call of `sink.write`. */
interface Attempt {
  readonly batch: Batch;
  readonly controller: AbortController;
  timeout?: NodeJS.Timeout;
}

export function createLane(sink: Sink, name: string, budget: Budget, settings: LaneLimits & LaneTools): Lane {
  const { now, suppress } = settings;
  const queue = createQueue(settings);
  const pace = createPace(settings);
  const drains = createDrains(() => settle(() => phase !== "closed" && sink.flush?.()));
  const ledger = createLedger();

  let phase: "idle" | "gathering" | "due" | "sending" | "waiting" | "closed" = "idle";
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let inFlight: Attempt | undefined;
  let accepted = 0;
  let stopped = false;
  let closing: Promise<string | undefined> | undefined;

  const lane: Lane = {
    name,
    get bytes() {
      return queue.bytes;
    },
    offer,
    evictNewest,
    flush,
    spillSync: () => spill("exit"),
    stop: () => void (stopped = true),
    close: () => (closing ??= close()),
    stats: () => ledger.stats(queue),
  };
  return lane;

  // In.

  function offer(held: Held): void {
    ledger.emitted++;
    if (stopped) ledger.drop("shutdown", 1);
    else if (queue.records >= settings.queueRecords || !budget.take(held, lane)) ledger.drop("queue_full", 1);
    else {
      queue.push(held);
      accepted++;
      if (phase === "idle" || (phase === "gathering" && queue.head?.closed)) proceed();
    }
  }

  function evictNewest(): boolean {
    const held = queue.popNewest();
    if (held === undefined) return false;
    accepted--;
    budget.release(held);
    ledger.drop("queue_full", 1);
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
  }

  /** A synchronous sink may get all batches that are there, as far as time allows; others get one. */
  function turn(): void {
    const until = now() + TURN_MS;
    let left = queue.batches;
    do {
      if (queue.head === undefined) proceed();
      else send(queue.head);
    } while (phase === "due" && --left > 0 && now() < until);
  }

  // Out: one batch at a time. A synchronous sink costs no promise.

  function send(batch: Batch): void {
    schedule("sending");
    if (batch.failedSince !== undefined) ledger.retries++;
    const attempt: Attempt = (inFlight = { batch, controller: new AbortController() });
    try {
      const records = [...sealBatch(batch)];
      const outcome: unknown = suppress(() => sink.write(records, attempt.controller.signal));
      if (isThenable(outcome)) watch(attempt, outcome);
      else delivered(attempt, outcome);
    } catch (error) {
      failed(attempt, error);
    }
  }

  function watch(attempt: Attempt, outcome: PromiseLike<unknown>): void {
    attempt.timeout = setTimeout(() => {
      const error = new Error(`no answer within ${settings.attemptMs} ms`);
      failed(attempt, error);
      attempt.controller.abort(error);
    }, settings.attemptMs).unref();
    Promise.resolve(outcome).then(
      (result) => delivered(attempt, result),
      (error) => failed(attempt, error),
    );
  }

  /** False for an attempt that was given up: what its sink says now comes too late. */
  function conclude(attempt: Attempt): boolean {
    clearTimeout(attempt.timeout);
    if (inFlight !== attempt) return false;
    inFlight = undefined;
    return true;
  }

  function delivered(attempt: Attempt, result: unknown): void {
    if (!conclude(attempt)) return;
    const count = removeHead();
    const rejected = Math.min(rejectedCount(result), count);
    ledger.rejected += rejected;
    ledger.written += count - rejected;
    pace.succeeded();
    proceed();
  }

  function failed(attempt: Attempt, error: unknown): void {
    if (!conclude(attempt)) return;
    complain(error);
    const { retry, retryAfterMs } = verdictOf(error);
    pace.failed(retry === "later", retryAfterMs);
    if (retry === "never") dropHead("rejected_by_sink");
    else if (retry === "split") {
      if (!queue.shrinkHead()) dropHead("too_large");
    } else if (now() - (attempt.batch.failedSince ??= now()) >= settings.giveUpMs) dropHead("gave_up");
    proceed();
  }

  function dropHead(reason: DropReason): void {
    ledger.drop(reason, removeHead());
  }

  function removeHead(): number {
    const held = queue.shift()?.held ?? [];
    for (const one of held) budget.release(one);
    return held.length;
  }

  function complain(error: unknown): string {
    ledger.lastError = messageOf(error);
    debug(`${name}: ${ledger.lastError}`);
    return ledger.lastError;
  }

  // To the end.

  function flush(deadline: number): Drain {
    const target = accepted;
    const pending = () => Math.min(queue.records, Math.max(0, target - (accepted - queue.records)));
    const drain = drains.begin(deadline, pending);
    if (phase === "closed") drains.release(Number.POSITIVE_INFINITY);
    else if (phase !== "sending" && phase !== "due") {
      pace.hasten();
      proceed();
    }
    return drain;
  }

  function spill(reason: "exit" | "shutdown"): void {
    if (phase === "closed") return;
    schedule("sending");
    inFlight = undefined;
    // Counted beforehand: a sink may emit while it writes.
    let left = queue.records;
    for (let batch = queue.head; batch !== undefined && left > 0; batch = queue.head) {
      left -= batch.held.length;
      if (spillBatch(batch)) ledger.written += removeHead();
      else dropHead(reason);
    }
    proceed();
  }

  function spillBatch(batch: Batch): boolean {
    if (sink.writeSync === undefined) return false;
    try {
      const records = [...sealBatch(batch)];
      suppress(() => sink.writeSync!(records));
      return true;
    } catch (error) {
      complain(error);
      return false;
    }
  }

  function close(): Promise<string | undefined> {
    stopped = true;
    inFlight?.controller.abort(new Error("shut down"));
    spill("shutdown");
    schedule("closed");
    drains.release(Number.POSITIVE_INFINITY);
    return settle(() => sink.close?.());
  }

  /** Resolves to what went wrong. */
  async function settle(work: () => unknown): Promise<string | undefined> {
    try {
      await suppress(work);
      return undefined;
    } catch (error) {
      return complain(error);
    }
  }
}

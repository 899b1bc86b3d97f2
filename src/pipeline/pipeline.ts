import { type Clock, systemClock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";
import { shareLines } from "../core/record.ts";
import type { FlushResult, LaneStats } from "../core/runtime.ts";
import type { Draft } from "../core/trace.ts";
import type { Sink } from "../sinks/sink.ts";
import { createBudget, type Held } from "./budget.ts";
import { checkedSink } from "./checked-sink.ts";
import type { Drain } from "./drains.ts";
import { createLane, type Lane } from "./lane.ts";
import { lossesSince } from "./ledger.ts";
import { laneLimits, MAX_TIMER_MS, type PipelineOptions } from "./options.ts";

export interface FlushOptions {
  /** Milliseconds. Default: 5,000. */
  readonly timeoutMs?: number | undefined;
  /** Nothing comes after this: the process ends. Default false. */
  readonly isLast?: boolean | undefined;
}

/** Takes finished records to every sink, each by a lane of its own. */
export interface Pipeline {
  /** O(1) for each sink. Never throws, writes in the caller's turn only with `durability: "record"`, or where the memory is full. */
  emit(draft: Draft): void;
  /**
   * Delivers what was emitted before the call, then flushes the sinks. Never rejects; resolves by `timeoutMs`, and earlier
   * when no sink may be tried again before that.
   *
   * All figures add up the sinks: `written` and `dropped` since the previous result, `pending` what was there at the call
   * and still is, `spooled` what is on disk now. `ok`: no pending, no dropped, no errors.
   */
  flush(options?: FlushOptions): Promise<FlushResult>;
  /**
   * Flushes, then closes the sinks; what could not be delivered goes to `writeSync` or is dropped. Records that come
   * later are dropped. A second call gives the result of the first.
   */
  shutdown(options?: FlushOptions): Promise<FlushResult>;
  /** Aborts what sinks are doing, so that nothing of it keeps the process alive; the records stay. */
  abandon(): void;
  /** For process `exit`: hands all that is queued or in flight to `writeSync`, and later records as they come. */
  spillSync(): void;
  stats(): { [sinkName: string]: LaneStats };
}

const FLUSH_MS = 5_000;

/** Throws a `ConfigError` for a bad option, and never again. */
export function createPipeline(sinks: readonly Sink[], options: PipelineOptions): Pipeline {
  const { clock = systemClock, random = Math.random, suppress, clean } = options;
  const limits = laneLimits(options);
  const asksSink = options.batchRecords === undefined;
  const now = () => readClock(clock);
  const lanes: Lane[] = [];
  const budget = createBudget(limits.queueBytes, lanes);
  for (const sink of sinks) {
    lanes.push(
      createLane(sink, uniqueName(sink, lanes), budget, { ...limits, asksSink, now, random, suppress, clean }),
    );
  }
  checkPlaces(sinks, suppress);
  shareLines(sinks.length > 1);
  for (const lane of lanes) lane.open();
  let reported = lanes.map((lane) => lane.stats());
  let closing: Promise<FlushResult> | undefined;
  let exiting = false;

  function emit(draft: Draft): void {
    const held: Held = { draft, lanes: 0 };
    for (const lane of lanes) lane.offer(held);
    if (exiting) spillSync();
  }

  async function flush(options?: FlushOptions): Promise<FlushResult> {
    const since = reported;
    const timeoutMs = timeoutOf(options);
    const drains = drainAll(timeoutMs, options?.isLast);
    await within(
      timeoutMs,
      drains.map((drain) => drain.done),
    );
    return report(since, drains);
  }

  async function close(options?: FlushOptions): Promise<FlushResult> {
    const since = reported;
    const timeoutMs = timeoutOf(options);
    for (const lane of lanes) lane.stop();
    const drains = drainAll(timeoutMs);
    const failures: (string | undefined)[] = lanes.map(() => "not closed in time");
    const closed = lanes.map(async (lane, i) => {
      await drains[i]!.done;
      failures[i] = await lane.close();
    });
    await within(timeoutMs, closed);
    for (const lane of lanes) {
      void lane.close();
      // What goes on would only keep the process alive.
      lane.abandon();
    }
    return report(since, drains, failures);
  }

  function drainAll(timeoutMs: number, isLast?: boolean): Drain[] {
    const deadline = now() + timeoutMs;
    return lanes.map((lane) => lane.flush(deadline, isLast));
  }

  function report(
    since: readonly LaneStats[],
    drains: readonly Drain[],
    failures: readonly (string | undefined)[] = [],
  ): FlushResult {
    reported = lanes.map((lane) => lane.stats());
    const total = { written: 0, pending: 0, spooled: 0, dropped: 0 };
    const errors: string[] = [];
    for (const [i, lane] of lanes.entries()) {
      const stats = reported[i]!;
      const pending = drains[i]!.pending();
      const { count: dropped, reasons } = lossesSince(stats, since[i]);
      total.written += stats.written - since[i]!.written;
      total.pending += pending;
      total.spooled += stats.spooled;
      total.dropped += dropped;
      const lost = dropped > 0 ? `lost ${dropped} (${reasons})` : undefined;
      const problem = drains[i]!.error() ?? failures[i] ?? (pending + dropped > 0 ? stats.lastError : undefined);
      const error = lost !== undefined && problem !== undefined ? `${lost}; ${problem}` : (lost ?? problem);
      if (error !== undefined) errors.push(`${lane.name}: ${error}`);
    }
    return { ok: total.pending === 0 && total.dropped === 0 && errors.length === 0, ...total, errors };
  }

  function spillSync(): void {
    for (const lane of lanes) lane.spillSync();
    if (!exiting) for (const lane of lanes) lane.finishSync();
    exiting = true;
  }

  return {
    emit,
    flush,
    shutdown: (options) => (closing ??= close(options)),
    abandon() {
      for (const lane of lanes) lane.abandon();
    },
    spillSync,
    stats: () => Object.fromEntries(lanes.map((lane) => [lane.name, lane.stats()])),
  };
}

/** Two spools in one place would send each other's records, to another address or with less masked. */
function checkPlaces(sinks: readonly Sink[], suppress: PipelineOptions["suppress"]): void {
  const places = new Set<string>();
  for (const sink of sinks) {
    // Only a spool counts what it takes.
    if (checkedSink(sink, suppress).stats?.().taken === undefined) continue;
    const { name, destination } = sink;
    if (destination === undefined) continue;
    if (places.has(destination)) {
      const way = "give the sinks inside names of their own, or spool into different directories";
      throw new ConfigError("CONFIG_SAME_SPOOL", `two sinks "${name}" keep their records in one place: ${way}.`);
    }
    places.add(destination);
  }
}

/** `http`, `http#2`, … */
function uniqueName({ name }: Sink, lanes: readonly Lane[]): string {
  let unique = name;
  for (let n = 2; lanes.some((lane) => lane.name === unique); n++) unique = `${name}#${n}`;
  return unique;
}

/** A clock that throws or talks nonsense must not stop delivery. */
function readClock(clock: Clock): number {
  const ms = guard(() => clock.monotonicMs(), Number.NaN);
  return Number.isFinite(ms) ? ms : performance.now();
}

function timeoutOf(options: FlushOptions | undefined): number {
  const timeoutMs = options?.timeoutMs ?? FLUSH_MS;
  return timeoutMs >= 0 ? Math.min(timeoutMs, MAX_TIMER_MS) : FLUSH_MS;
}

/** Waits for all, or until the time is over. The timer keeps the process alive, or `await flush()` could end it. */
function within(ms: number, work: readonly Promise<void>[]): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void Promise.all(work).then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

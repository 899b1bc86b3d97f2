import { type Clock, systemClock } from "../core/clock.ts";
import { SinkError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import { encode, type SpanRecord, type TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";
import { messageOf, rejectedOf, remainingOf, verdictOf } from "./said-by.ts";
import type { Sink, SinkStats, WriteResult } from "./sink.ts";
import { wrapSink } from "./wrap-sink.ts";

/** More spans than this that are open for longer than `maxOpenMs`: the others go on as they are. */
const MAX_HELD = 1_000;
/** Characters of what waits, as JSON: these records have left the memory that the lanes count. */
const MAX_HELD_CHARACTERS = 8 * 1024 * 1024;
/** Of a span that is open for as long as that, something should be seen. */
const MAX_HELD_MS = 600_000;

interface Held {
  readonly record: SpanRecord;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly characters: number;
}

/**
 * For destinations that keep a span as it first came, such as OTLP's: a record marked `unfinished` waits in memory for
 * its successor, which replaces it. Without one it goes on as it is after ten minutes, with the next batch; when the
 * process ends (out of work, by a signal, with `writeSync` at `exit`); when the last configuration that uses the sink is
 * shut down. An ordinary `flush` leaves it alone. At most 1,000 wait, and 8 Mi characters. Every other record goes straight on.
 *
 * A record that waits counts as written, as its successor has all of it; what cannot be written at the end is counted
 * as dropped. With a spool, records wait before they go to its disk: `kill -9` loses those that wait, and leaves them
 * counted as written.
 */
export function finalSpans(sink: Sink, { clock = systemClock }: { readonly clock?: Clock } = {}): Sink {
  const held = new Map<string, Held>();
  /** What was to wait, by the highest `seq` that has been taken of it: of batches on their way together, a successor's may be first. */
  const overtaken = new Map<string, number>();
  let characters = 0;
  let passing: Promise<void> = Promise.resolve();
  let dropped: { [reason in DropReason]?: number } = {};
  let lastError: string | undefined;
  /** Configurations that use it; the next one opens it before the previous one closes it. */
  let openers = 0;
  /** Since the newest configuration began: a spool, which is not closed then, has been told that the process ends. */
  let hasEnded = false;
  /** What the newest configuration took over: held when it began, and what the one before it still brought. */
  let inherited = 0;

  function lose(reason: DropReason, count: number): void {
    if (count > 0) dropped[reason] = (dropped[reason] ?? 0) + count;
  }

  function supersede(record: SpanRecord): void {
    const key = keyOf(record);
    const earlier = held.get(key);
    if (earlier !== undefined && earlier.record.seq <= record.seq) forget(record);
    if ((overtaken.get(key) ?? record.seq) < record.seq) overtaken.set(key, record.seq);
  }

  function forget(record: SpanRecord): boolean {
    characters -= held.get(keyOf(record))?.characters ?? 0;
    return held.delete(keyOf(record));
  }

  function forgetAll(): void {
    held.clear();
    characters = 0;
  }

  /** What waits here once the rest of its batch has been taken; before, the batch may come again. */
  function waitingOf(batch: readonly TraceRecord[]): Set<TraceRecord> {
    const waiting = new Set<TraceRecord>();
    const unfinished = batch.filter((record) => record.record === "span" && record.unfinished === true) as SpanRecord[];
    if (unfinished.length === 0) return waiting;
    const keys = new Set(held.keys());
    let room = MAX_HELD_CHARACTERS - characters;
    for (const record of unfinished) {
      if (keys.size >= MAX_HELD && !keys.has(keyOf(record))) continue;
      room -= encode(record).length;
      if (room < 0) break;
      keys.add(keyOf(record));
      waiting.add(record);
      if (!overtaken.has(keyOf(record))) overtaken.set(keyOf(record), -1);
    }
    // The oldest have arrived, or never will.
    for (const key of overtaken.keys()) if (overtaken.size > MAX_HELD) overtaken.delete(key);
    return waiting;
  }

  function hold(batch: readonly TraceRecord[], waiting: Set<TraceRecord>): void {
    if (held.size + waiting.size + overtaken.size === 0) return;
    for (const record of batch) {
      if (record.record !== "span") continue;
      const earlier = held.get(keyOf(record));
      if (!waiting.has(record)) supersede(record);
      else if ((earlier?.record.seq ?? overtaken.get(keyOf(record)) ?? -1) <= record.seq) {
        forget(record);
        const size = encode(record).length;
        characters += size;
        held.set(keyOf(record), { record, since: earlier?.since ?? clock.monotonicMs(), characters: size });
        if (earlier === undefined && openers > 1) inherited++;
      }
    }
  }

  /** How many of them were there. What has been given up meanwhile is counted already. */
  function letGo(records: readonly SpanRecord[], rejected = 0): number {
    let count = 0;
    for (const record of records) {
      if (held.get(keyOf(record))?.record === record && forget(record)) count++;
    }
    lose("rejected_by_sink", Math.min(rejected, count));
    return count;
  }

  /** One call after the other: no two must send the same record. */
  function passOn(isDue: (held: Held) => boolean, signal: AbortSignal): Promise<void> {
    const next = passing.then(() =>
      send(
        [...held.values()].filter(isDue).map(({ record }) => record),
        signal,
      ),
    );
    passing = next.catch(() => {});
    return next;
  }

  /** Rejects when the sink may take the records another time, with another key maybe: then they stay. */
  async function send(records: readonly SpanRecord[], signal: AbortSignal): Promise<void> {
    if (records.length === 0) return;
    if (signal.aborted) throw new Error("nobody waits any more");
    try {
      const result = await sink.write(records, signal);
      letGo(records, result?.rejected?.length);
    } catch (error) {
      const remaining = remainingOf(error, records) ?? records;
      const taken = records.filter((record) => !remaining.includes(record));
      letGo(taken, rejectedOf(error));
      const { retry, reason } = error instanceof SinkError ? error : verdictOf(error);
      if (remaining.length > 0) {
        if (retry === "later" || (retry === "never" && reason !== "rejected_by_sink")) throw error;
        if (retry === "split" && remaining.length > 1) {
          const middle = remaining.length >> 1;
          await send(remaining.slice(0, middle), signal);
          return send(remaining.slice(middle), signal);
        }
      }
      lastError = messageOf(error);
      lose(reason, letGo(remaining));
    }
  }

  /** Nothing comes after this: what cannot be written is lost. */
  function sendSync(reason: DropReason): void {
    if (held.size === 0) return;
    const records = [...held.values()].map(({ record }) => record);
    forgetAll();
    try {
      sink.writeSync!(records);
    } catch (error) {
      lastError = messageOf(error);
      const lost = remainingOf(error, records)?.length ?? records.length;
      lose(reason, lost);
      lose("rejected_by_sink", Math.min(rejectedOf(error) ?? 0, records.length - lost));
    }
  }

  function giveUp(reason: DropReason): void {
    lose(reason, held.size);
    forgetAll();
  }

  function write(batch: readonly TraceRecord[], signal: AbortSignal): void | WriteResult | Promise<void | WriteResult> {
    const waiting = waitingOf(batch);
    const going = waiting.size === 0 ? batch : batch.filter((record) => !waiting.has(record));
    try {
      const outcome = going.length === 0 ? undefined : sink.write(going, signal);
      if (!(outcome instanceof Promise)) return taken(batch, waiting, outcome, signal);
      return outcome.then(
        (result) => taken(batch, waiting, result, signal),
        (error) => refused(error, batch, waiting),
      );
    } catch (error) {
      return refused(error, batch, waiting);
    }
  }

  /** What the sink has not named does not come again, and neither does what waits. */
  function refused(error: unknown, batch: readonly TraceRecord[], waiting: Set<TraceRecord>): never {
    const remaining = remainingOf(error, batch);
    if (remaining !== undefined) {
      hold(
        batch.filter((record) => !remaining.includes(record)),
        waiting,
      );
    }
    throw error;
  }

  function taken(
    batch: readonly TraceRecord[],
    waiting: Set<TraceRecord>,
    result: void | WriteResult,
    signal: AbortSignal,
  ): void | WriteResult | Promise<void | WriteResult> {
    hold(batch, waiting);
    const now = clock.monotonicMs();
    const isOverdue = ({ since }: Held) => now - since > MAX_HELD_MS;
    const [oldest] = held.values();
    if (oldest === undefined || !isOverdue(oldest)) return result;
    // Whatever becomes of these: the batch has been taken.
    return passOn(isOverdue, signal).then(
      () => result,
      (error: unknown) => {
        debug(`${sink.name}: ${messageOf(error)}`);
        return result;
      },
    );
  }

  function writeSync(batch: readonly TraceRecord[]): void {
    // A spool is told by an empty batch that the process ends. Others are closed then: nothing waits after that.
    hasEnded ||= batch.length === 0;
    if (openers === 0 || hasEnded) {
      for (const record of batch) if (record.record === "span") supersede(record);
      sendSync("exit");
      if (batch.length > 0) sink.writeSync!(batch);
      return;
    }
    const waiting = waitingOf(batch);
    const going = batch.filter((record) => !waiting.has(record));
    try {
      if (going.length > 0) sink.writeSync!(going);
    } catch (error) {
      refused(error, batch, waiting);
    }
    hold(batch, waiting);
  }

  async function flush(signal: AbortSignal = new AbortController().signal, isLast = false): Promise<void> {
    if (isLast && signal.aborted) {
      giveUp("exit");
      if (sink.stats === undefined) return;
    } else if (isLast) await passOn(() => true, signal);
    await sink.flush?.(signal, isLast);
  }

  async function close(signal: AbortSignal = new AbortController().signal): Promise<void> {
    openers = Math.max(0, openers - 1);
    let problem: { readonly error: unknown } | undefined;
    if (openers === 0 && sink.writeSync !== undefined) {
      // At process `exit` only what is done before the first `await` is done at all.
      sendSync("shutdown");
    } else if (openers === 0 && held.size > 0) {
      const abort = () => giveUp("shutdown");
      signal.addEventListener("abort", abort);
      await passOn(() => true, signal).catch((error: unknown) => {
        problem = { error };
      });
      signal.removeEventListener("abort", abort);
      // Somebody may use it again by now.
      if (openers === 0) giveUp("shutdown");
    }
    await sink.close?.(signal);
    if (problem !== undefined) throw problem.error;
  }

  return wrapSink(sink, {
    write,
    flush,
    close,
    ...(sink.writeSync && { writeSync }),
    through: (wrap) => finalSpans(wrap(sink), { clock }),
    open() {
      openers++;
      dropped = {};
      hasEnded = false;
      inherited = held.size;
      sink.open?.();
    },
    /** The newest configuration's. */
    stats() {
      const own: SinkStats = sink.stats?.() ?? { replayed: 0, spooled: 0, dropped: {} };
      const all = { ...own.dropped };
      for (const [reason, count] of Object.entries(dropped) as [DropReason, number][]) {
        all[reason] = (all[reason] ?? 0) + count;
      }
      const error = own.lastError ?? lastError;
      return {
        ...own,
        replayed: own.replayed + inherited,
        dropped: all,
        ...(error !== undefined && { lastError: error }),
      };
    },
  });
}

function keyOf({ traceId, spanId }: SpanRecord): string {
  return traceId + spanId;
}

import { type Clock, systemClock } from "../core/clock.ts";
import { SinkError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import type { SpanRecord, TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";
import type { Sink, SinkStats, WriteResult } from "./sink.ts";
import { wrapSink } from "./wrap-sink.ts";

/** More spans than this that are open for longer than `maxOpenMs`: the others go on as they are. */
const MAX_HELD = 1_000;
/** Of a span that is open for as long as that, something should be seen. */
const MAX_HELD_MS = 600_000;

interface Held {
  readonly record: SpanRecord;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/**
 * For destinations that keep a span as it first came, such as OTLP's: a record marked `unfinished` waits in memory for
 * its successor, which replaces it. Without one it goes on after ten minutes, with the next batch; on `flush`; on
 * `close`; with `writeSync`. At most 1,000 wait. Every other record goes straight on.
 *
 * A record that waits counts as written, as its successor has all of it; what cannot be written at the end is counted
 * as dropped. With a spool, records wait before they go to its disk.
 */
export function finalSpans(sink: Sink, { clock = systemClock }: { readonly clock?: Clock } = {}): Sink {
  const held = new Map<string, Held>();
  let passing: Promise<void> = Promise.resolve();
  let dropped: { [reason in DropReason]?: number } = {};
  let lastError: string | undefined;
  /** Configurations that use it; the next one opens it before the previous one closes it. */
  let openers = 0;
  /** Held when the newest configuration began. */
  let inherited = 0;

  function lose(reason: DropReason, count: number): void {
    if (count > 0) dropped[reason] = (dropped[reason] ?? 0) + count;
  }

  function supersede(record: SpanRecord): void {
    const earlier = held.get(keyOf(record));
    if (earlier !== undefined && earlier.record.seq <= record.seq) held.delete(keyOf(record));
  }

  /** What waits here once the rest of its batch has been taken; before, the batch may come again. */
  function waitingOf(batch: readonly TraceRecord[]): Set<TraceRecord> {
    const waiting = new Set<TraceRecord>();
    const unfinished = batch.filter((record) => record.record === "span" && record.unfinished === true) as SpanRecord[];
    if (unfinished.length === 0) return waiting;
    const keys = new Set(held.keys());
    for (const record of unfinished) {
      if (keys.size >= MAX_HELD && !keys.has(keyOf(record))) continue;
      keys.add(keyOf(record));
      waiting.add(record);
    }
    return waiting;
  }

  function hold(batch: readonly TraceRecord[], waiting: Set<TraceRecord>): void {
    if (held.size + waiting.size === 0) return;
    for (const record of batch) {
      if (record.record !== "span") continue;
      const earlier = held.get(keyOf(record));
      if (!waiting.has(record)) supersede(record);
      else if (earlier === undefined || earlier.record.seq <= record.seq) {
        held.set(keyOf(record), { record, since: earlier?.since ?? clock.monotonicMs() });
      }
    }
  }

  function letGo(records: readonly SpanRecord[]): void {
    for (const record of records) {
      if (held.get(keyOf(record))?.record === record) held.delete(keyOf(record));
    }
  }

  /** One call after the other: two flushes must not send the same record twice. */
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
    try {
      const result = await sink.write(records, signal);
      letGo(records);
      lose("rejected_by_sink", Math.min(result?.rejected?.length ?? 0, records.length));
    } catch (error) {
      const { retry, reason } = error instanceof SinkError ? error : verdictOf(error);
      if (retry === "later" || (retry === "never" && reason !== "rejected_by_sink")) throw error;
      if (retry === "split" && records.length > 1) {
        const middle = records.length >> 1;
        await send(records.slice(0, middle), signal);
        return send(records.slice(middle), signal);
      }
      lastError = (error as Error).message;
      letGo(records);
      lose(reason, records.length);
    }
  }

  /** Nothing comes after this: what cannot be written is lost. */
  function sendSync(reason: DropReason): void {
    if (held.size === 0) return;
    const records = [...held.values()].map(({ record }) => record);
    held.clear();
    try {
      sink.writeSync!(records);
    } catch (error) {
      lastError = (error as Error).message;
      lose(reason, records.length);
    }
  }

  function write(batch: readonly TraceRecord[], signal: AbortSignal): void | WriteResult | Promise<void | WriteResult> {
    const waiting = waitingOf(batch);
    const going = batch.filter((record) => !waiting.has(record));
    const outcome = going.length === 0 ? undefined : sink.write(going, signal);
    if (outcome instanceof Promise) return outcome.then((result) => taken(batch, waiting, result, signal));
    return taken(batch, waiting, outcome, signal);
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
      (error: Error) => {
        debug(`${sink.name}: ${error.message}`);
        return result;
      },
    );
  }

  async function flush(signal: AbortSignal = new AbortController().signal): Promise<void> {
    await passOn(() => true, signal);
    await sink.flush?.(signal);
  }

  async function close(): Promise<void> {
    openers = Math.max(0, openers - 1);
    let problem: { readonly error: unknown } | undefined;
    // At process `exit` only what is done before the first `await` is done at all.
    if (sink.writeSync !== undefined) sendSync("shutdown");
    else if (held.size > 0) {
      await passOn(() => true, new AbortController().signal).catch((error: unknown) => {
        problem = { error };
      });
    }
    if (openers === 0) {
      lose("shutdown", held.size);
      held.clear();
    }
    await sink.close?.();
    if (problem !== undefined) throw problem.error;
  }

  return wrapSink(sink, {
    write,
    flush,
    close,
    ...(sink.writeSync && {
      writeSync(batch) {
        // There may be no other moment: nothing waits.
        for (const record of batch) if (record.record === "span") supersede(record);
        sendSync("exit");
        if (batch.length > 0) sink.writeSync!(batch);
      },
    }),
    through: (wrap) => finalSpans(wrap(sink), { clock }),
    open() {
      openers++;
      dropped = {};
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

/** As the pipeline has it: a fault in the sink's own code comes from a record and will not pass. */
function verdictOf(error: unknown): Pick<SinkError, "retry" | "reason"> {
  const isFault = error instanceof TypeError && error.cause === undefined;
  return { retry: isFault ? "split" : "later", reason: "rejected_by_sink" };
}

function keyOf({ traceId, spanId }: SpanRecord): string {
  return traceId + spanId;
}

import { systemClock } from "../core/clock.ts";
import { guard, swallow } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";
import { laneLimits } from "../pipeline/options.ts";
import { messageOf } from "../pipeline/outcome.ts";
import type { Sink, SinkStats, WriteResult } from "../sinks/sink.ts";
import { wrapSink } from "../sinks/wrap-sink.ts";
import { createAppender } from "./appender.ts";
import { createBacklog } from "./backlog.ts";
import { type Claimed, claimDead, ownersNamedIn, placeTime, touch } from "./claim.ts";
import { createDelivery, within } from "./delivery.ts";
import { sinkDirectory } from "./directory.ts";
import type { CheckedSpoolOptions } from "./options.ts";
import { pack } from "./pack.ts";
import { countShelf, listShelf, removeFile } from "./shelf.ts";

/** A sixth of the silence that makes an owner dead. */
const HEARTBEAT_MS = 10_000;
const FLUSH_MS = 5_000;
const FED = { batchMs: 1, queueRecords: Number.POSITIVE_INFINITY } as const;
/** So many dead owners are taken over in one turn: some 3 ms. */
const CLAIMED_AT_ONCE = 64;

/** A spool from its opening to its end. Afterwards it takes nothing, and the next one finds what it left. */
export interface Session extends Required<Pick<Sink, "write" | "writeSync" | "stats">> {
  readonly isClosed: boolean;
  /** Begins to take over what others left. */
  start(): void;
  /** Looks for what others left now, not at the next heartbeat. */
  claim(): void;
  /** The signal comes when nobody waits any more. */
  flush(signal?: AbortSignal): Promise<void>;
  /** A second call gives the result of the first. The signal comes when nobody waits any more. */
  close(signal?: AbortSignal): Promise<void>;
}

export function createSession(sink: Sink, name: string, options: CheckedSpoolOptions): Session {
  const { dir, maxBytes, segmentBytes, syncMs, durability, delivery: limits, giveUpMs, clock } = options;
  const now = () => readTime(() => clock.monotonicMs(), systemClock.monotonicMs);
  const random = () => readShare(options.random);
  const epochMs = () => readTime(() => clock.epochMs(), systemClock.epochMs);
  let sinkDir: string | undefined;
  const place = () => (sinkDir ??= placeOf(sink, dir));
  let diskError: string | undefined;
  let lost: SinkStats["dropped"] = {};
  let taken = 0;
  let timer: NodeJS.Timeout | undefined;
  let claiming: Promise<void> | undefined;
  /** Ours now, and not yet counted. */
  const arriving = new Set<string>();
  let closing: Promise<void> | undefined;

  const onError = (error: unknown) => void (diskError = messageOf(error));
  const backlog = createBacklog(maxBytes, onError);
  const appender = createAppender({
    dir,
    get sinkDir() {
      return place();
    },
    segmentBytes,
    syncMs,
    epochMs,
    onShelf: (shelf) => backlog.add(shelf, 0),
    onWritten: (segment, bytes, records) => backlog.grow(segment, bytes, records),
    onEnd: (segment) => backlog.settle(segment),
    onLost: (shelf) => backlog.lose(shelf),
    onError,
  });
  const delivery = createDelivery(wrapSink(sink, { policy: undefined, stats: undefined, open: undefined }), backlog, {
    // What is fed is bounded already. What is read together is sent together.
    limits: { ...laneLimits({ ...limits, giveUpMs: giveUpMs }), ...FED },
    now,
    random,
    gatherMs: limits.batchMs ?? (durability === "batch" ? 1 : 1_000),
    onUnreadable(segment) {
      if (segment.isOpen) appender.endSegment();
      backlog.stepOver(segment);
    },
    onError,
  });

  // In.

  /** On disk when it returns. Throws when the disk does not take it. */
  function keep(batch: readonly TraceRecord[]): void {
    start();
    if (batch.length === 0) return;
    const { lines, records, lostByReason } = pack(batch, maxBytes);
    if (records > 0) {
      backlog.makeRoom(lines.length, appender.endSegment);
      appender.append(lines, records);
    }
    lost = addUp(lost, lostByReason);
    taken += batch.length;
    diskError = undefined;
    delivery.wake();
  }

  function write(batch: readonly TraceRecord[], signal: AbortSignal): void | WriteResult | Promise<void | WriteResult> {
    if (closing !== undefined) throw new Error(`${name} is closed`);
    try {
      keep(batch);
    } catch (error) {
      onError(error);
      return sink.write(batch, signal);
    }
  }

  function writeSync(batch: readonly TraceRecord[]): void {
    if (closing !== undefined) throw new Error(`${name} is closed`);
    try {
      keep(batch);
    } catch (error) {
      onError(error);
      if (sink.writeSync === undefined) throw error;
      sink.writeSync(batch);
    }
  }

  // What others left.

  function start(): void {
    if (timer !== undefined || closing !== undefined) return;
    timer = setInterval(() => guard(beat, undefined), HEARTBEAT_MS).unref();
    claim();
  }

  /** Ours are touched before any are claimed: after a long stop of this process they might look dead. */
  function beat(): void {
    const time = placeTime(place(), epochMs());
    for (const path of arriving) guard(() => touch(path, time), undefined);
    for (const shelf of [...backlog.shelves]) {
      try {
        touch(shelf.path, time);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") backlog.lose(shelf);
      }
    }
    claim();
  }

  function claim(): void {
    claiming ??= takeOver()
      .catch(swallow)
      .finally(() => {
        claiming = undefined;
      });
  }

  /** The first of them at once, the others by and by: there may be thousands. */
  async function takeOver(): Promise<void> {
    const found = ownersNamedIn(place());
    while (found.length > 0 && closing === undefined) {
      const claimed = claimDead(place(), found.splice(0, CLAIMED_AT_ONCE), epochMs());
      for (const { path } of claimed) arriving.add(path);
      await takeIn(claimed);
      await new Promise((resolve) => void setImmediate(resolve));
    }
  }

  async function takeIn(claimed: readonly Claimed[]): Promise<void> {
    for (const { path, born } of claimed) {
      const shelf = guard(() => listShelf(path, born, removeFile), undefined);
      const count = shelf && (await countShelf(shelf));
      arriving.delete(path);
      if (shelf === undefined) continue;
      backlog.add(shelf, count!);
      backlog.makeRoom(0, appender.endSegment);
      delivery.wake();
    }
  }

  // To the end.

  async function flush(signal?: AbortSignal): Promise<void> {
    start();
    signal?.addEventListener("abort", delivery.abandon);
    const deadline = now() + FLUSH_MS;
    const isCounted = await within(deadline - now(), Promise.resolve(claiming));
    const { waiting, problem } = await delivery.flush(deadline);
    if (waiting > 0) throw new Error(`${waiting} records wait on disk: ${problem ?? "closed"}`);
    if (problem !== undefined) throw new Error(problem);
    if (!isCounted) throw new Error("what other processes left is still being counted");
  }

  async function close(): Promise<void> {
    clearInterval(timer);
    const problem = delivery.close();
    // What is still being read must not move away under the reader.
    await Promise.all([claiming, appender.close(), delivery.idle()]);
    backlog.release();
    const error = await problem;
    if (error !== undefined) throw new Error(error);
  }

  function stats(): SinkStats {
    const { replayed, spooled, spoolFull, corrupt } = backlog.stats();
    const sent = delivery.stats();
    const dropped = addUp(sent.dropped, lost, { spool_full: spoolFull, corrupt });
    const lastError = diskError ?? sent.lastError;
    return { taken, replayed, spooled, dropped, ...(lastError !== undefined && { lastError }) };
  }

  return {
    get isClosed() {
      return closing !== undefined;
    },
    start,
    claim,
    write,
    writeSync,
    flush,
    close(signal) {
      signal?.addEventListener("abort", delivery.abandon, { once: true });
      return (closing ??= close());
    },
    stats,
  };
}

/** Where the records of a sink are kept below `dir`. */
export function placeOf({ name, destination }: Sink, dir: string): string {
  return sinkDirectory(dir, destination === undefined ? name : `${name}-${destination}`);
}

function addUp(...parts: SinkStats["dropped"][]): SinkStats["dropped"] {
  const total: { [reason in DropReason]?: number } = {};
  for (const [reason, count] of parts.flatMap((part) => Object.entries(part) as [DropReason, number][])) {
    if (count > 0) total[reason] = (total[reason] ?? 0) + count;
  }
  return total;
}

/** A clock that throws or talks nonsense must not stop delivery. */
function readTime(read: () => number, otherwise: () => number): number {
  const ms = guard(read, Number.NaN);
  return Number.isFinite(ms) ? ms : otherwise();
}

/** From 0 to 1, whatever somebody's own source of chance says. */
function readShare(read: () => number): number {
  const share = guard(read, Number.NaN);
  return share >= 0 && share <= 1 ? share : Math.random();
}

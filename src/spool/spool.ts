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
import { claimDead, touch } from "./claim.ts";
import { createDelivery, within } from "./delivery.ts";
import { sinkDirectory } from "./directory.ts";
import { checkSpoolOptions, type SpoolOptions } from "./options.ts";
import { pack } from "./pack.ts";
import { countShelf, listShelf, removeFile } from "./shelf.ts";

/** A sixth of the silence that makes an owner dead. */
const HEARTBEAT_MS = 10_000;
const FLUSH_MS = 5_000;
const FED = { batchMs: 1, queueRecords: Number.POSITIVE_INFINITY } as const;

/**
 * Puts a disk between the pipeline and a sink: a record is taken when it is in a file, and sent from there until the
 * sink takes it, by this process or by the next one. At least once: what was sent as the process died is sent again,
 * with the same ids.
 *
 * Each process has a directory of its own below `dir`; what dead processes left is taken over at the start and every 10 s,
 * by exactly one of those that live. No death of the process loses what is on disk; a power cut may lose the last `syncMs`.
 * Damaged lines are skipped and counted (`corrupt`). On a full or broken disk records go to the sink directly, kept in
 * memory meanwhile by the pipeline, until writing works again. Sinks with one name share what was left behind: name them.
 *
 * @throws ConfigError for a directory or option that makes no sense
 * @example
 * import { httpSink } from "sightline/sinks/http";
 * configure({ sinks: [spool(httpSink({ url: "https://collector.example/v1/records" }), { dir: "./.traces/spool" })] });
 */
export function spool(sink: Sink, options: SpoolOptions): Sink {
  const {
    dir,
    maxBytes,
    segmentBytes,
    syncMs,
    durability,
    delivery: limits,
    clock,
    random,
  } = checkSpoolOptions(sink, options);
  const now = () => readTime(() => clock.monotonicMs(), systemClock.monotonicMs);
  const epochMs = () => readTime(() => clock.epochMs(), systemClock.epochMs);
  let sinkDir: string | undefined;
  const place = () => (sinkDir ??= sinkDirectory(dir, sink.name));
  let diskError: string | undefined;
  let lost: SinkStats["dropped"] = {};
  let timer: NodeJS.Timeout | undefined;
  let claiming: Promise<void> = Promise.resolve();
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
    onLost: (shelf) => backlog.lose(shelf),
    onError,
  });
  const isWhole = durability === "batch";
  const delivery = createDelivery(wrapSink(sink, { policy: undefined, stats: undefined, open: undefined }), backlog, {
    // What is fed is bounded already. What is read together is sent together.
    limits: { ...laneLimits({ ...limits, giveUpMs: options.giveUpMs ?? Number.POSITIVE_INFINITY }), ...FED },
    now,
    random,
    gatherMs: limits.batchMs ?? (isWhole ? 1 : 1_000),
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
    for (const path of arriving) guard(() => touch(path, epochMs()), undefined);
    for (const shelf of [...backlog.shelves]) {
      try {
        touch(shelf.path, epochMs());
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") backlog.lose(shelf);
      }
    }
    claim();
  }

  function claim(): void {
    const claimed = guard(() => claimDead(place(), epochMs()), []);
    for (const { path } of claimed) arriving.add(path);
    if (claimed.length > 0) claiming = claiming.then(() => takeIn(claimed)).catch(swallow);
  }

  async function takeIn(claimed: readonly { readonly path: string; readonly born: string }[]): Promise<void> {
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

  async function flush(): Promise<void> {
    start();
    const deadline = now() + FLUSH_MS;
    const isCounted = await within(deadline - now(), claiming);
    const { waiting, problem } = await delivery.flush(deadline);
    if (waiting > 0) throw new Error(`${waiting} records wait on disk: ${problem ?? "closed"}`);
    if (problem !== undefined) throw new Error(problem);
    if (!isCounted) throw new Error("what other processes left is still being counted");
  }

  async function close(): Promise<void> {
    clearInterval(timer);
    const problem = delivery.close();
    await Promise.all([claiming, appender.close()]);
    backlog.release();
    const error = await problem;
    if (error !== undefined) throw new Error(error);
  }

  function stats(): SinkStats {
    const { replayed, spooled, spoolFull, corrupt } = backlog.stats();
    const sent = delivery.stats();
    const dropped = addUp(sent.dropped, lost, { spool_full: spoolFull, corrupt });
    const lastError = diskError ?? sent.lastError;
    return { replayed, spooled, dropped, ...(lastError !== undefined && { lastError }) };
  }

  const name = `spool(${sink.name})`;
  const policy = isWhole ? sink.policy : { ...sink.policy, durability };
  return {
    name,
    write,
    writeSync,
    flush,
    close: () => (closing ??= close()),
    open() {
      sink.open?.();
      start();
    },
    stats,
    ...(policy && { policy }),
  };
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

import { swallow } from "../core/guard.ts";
import { isRecord } from "../core/is-record.ts";
import type { TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";
import { suppress } from "../core/suppress.ts";
import { createBudget } from "../pipeline/budget.ts";
import { createLane } from "../pipeline/lane.ts";
import type { LaneLimits } from "../pipeline/options.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Backlog } from "./backlog.ts";
import { readFrames } from "./frame.ts";
import { type Segment, segmentPath } from "./shelf.ts";

/** The lane holds about so much at a time, whatever waits on disk. */
const FEED_BYTES = 1024 ** 2;
/** Errors of the machine's state, not of the file. */
const PASSING = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR"]);
const AGAIN_MS = 1_000;

export interface DeliveryOptions {
  readonly limits: LaneLimits;
  readonly now: () => number;
  readonly random: () => number;
  /** Milliseconds that a record waits on disk for others to be read with it. */
  readonly gatherMs: number;
  readonly onError: (error: unknown) => void;
}

/** Takes what waits on disk to the sink, in order, and moves the checkpoints. */
export interface Delivery {
  /** There is something new to read. */
  wake(): void;
  /** Delivers what is there now, until the deadline or as long as the sink takes it. `waiting`: how much of it is left. */
  flush(deadline: number): Promise<{ readonly waiting: number; readonly problem: string | undefined }>;
  /** Closes the sink. What has not been delivered stays on disk. Resolves to what went wrong. */
  close(): Promise<string | undefined>;
  stats(): { readonly dropped: { readonly [reason in DropReason]?: number }; readonly lastError?: string };
}

export function createDelivery(sink: Sink, backlog: Backlog, options: DeliveryOptions): Delivery {
  const { limits, now, random, gatherMs } = options;
  /** What the lane holds, in its order. */
  const inFlight: { readonly segment: Segment; readonly end: number }[] = [];
  const lane = createLane(sink, sink.name, createBudget(Number.POSITIVE_INFINITY, []), {
    ...limits,
    now,
    random,
    suppress,
    left,
  });
  let timer: NodeJS.Timeout | undefined;
  let feeding: Promise<void> | undefined;
  let isStopped = false;
  /** The lane has let go of records that it has not delivered: whatever it says later, they are still to be delivered. */
  let isHalted = false;

  function wake(): void {
    if (!isStopped) timer ??= setTimeout(feed, gatherMs).unref();
  }

  function feed(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    feeding ??= fill()
      .catch(swallow)
      .finally(() => {
        feeding = undefined;
      });
    return feeding;
  }

  async function fill(): Promise<void> {
    for (let segment = backlog.next(); segment !== undefined; segment = backlog.next()) {
      if (isStopped || lane.bytes >= FEED_BYTES) return;
      try {
        await read(segment);
      } catch (error) {
        if (segment.isGone) continue;
        options.onError(error);
        if (PASSING.has((error as NodeJS.ErrnoException).code ?? "")) {
          timer ??= setTimeout(feed, AGAIN_MS).unref();
          return;
        }
        segment.cursor.offset = segment.bytes;
        backlog.settle(segment);
      }
    }
  }

  async function read(segment: Segment): Promise<void> {
    // A copy: until its records are in flight, the segment must not look as if they had left.
    const cursor = { ...segment.cursor };
    const { whole } = await readFrames(segmentPath(segment), cursor, segment.bytes);
    if (isStopped || segment.isGone) return;
    Object.assign(segment.cursor, cursor);
    for (const { json, end } of whole) {
      const record = parse(json);
      if (record === undefined) continue;
      inFlight.push({ segment, end });
      segment.inFlight++;
      lane.offer({ draft: { record, trace: { info: record.trace }, bytes: json.length }, lanes: 0 });
    }
    if (segment.inFlight === 0) backlog.settle(segment);
  }

  function left(count: number, outcome: "written" | DropReason): void {
    isHalted ||= outcome === "shutdown" || outcome === "exit";
    const touched = new Set<Segment>();
    for (const { segment, end } of inFlight.splice(0, count)) {
      segment.inFlight--;
      if (isHalted) continue;
      backlog.delivered(segment, end);
      touched.add(segment);
    }
    for (const segment of touched) backlog.settle(segment);
    if (!isStopped && lane.bytes < FEED_BYTES && backlog.next() !== undefined) void feed();
  }

  async function flush(deadline: number): Promise<{ waiting: number; problem: string | undefined }> {
    const target = backlog.finished + backlog.spooled;
    const result = (problem?: string) => ({ waiting: Math.max(0, target - backlog.finished), problem });
    for (;;) {
      await feed();
      const before = backlog.finished;
      const drain = lane.flush(deadline);
      await within(deadline - now(), drain.done);
      const problem = drain.error();
      if (problem !== undefined || isStopped || backlog.finished >= target) return result(problem);
      if (drain.pending() > 0 || backlog.finished === before) {
        return result(lane.stats().lastError ?? "not delivered in time");
      }
    }
  }

  function close(): Promise<string | undefined> {
    isStopped = true;
    clearTimeout(timer);
    lane.stop();
    return lane.close();
  }

  return {
    wake,
    flush,
    close,
    stats() {
      const { dropped, lastError } = lane.stats();
      const { shutdown, exit, ...lost } = dropped;
      return lastError === undefined ? { dropped: lost } : { dropped: lost, lastError };
    },
  };
}

/** `undefined` when it is no record, which only somebody else can have written with the right checksum. */
function parse(json: Buffer): TraceRecord | undefined {
  try {
    const value: unknown = JSON.parse(json.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it was done in time. Not unref'd: who awaits a flush must not have the process end under it. */
export function within(ms: number, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms), false);
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

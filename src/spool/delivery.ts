import type * as Fs from "node:fs";
import { swallow } from "../core/guard.ts";
import { isRecord } from "../core/is-record.ts";
import type { TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";
import { suppress } from "../core/suppress.ts";
import { createBudget } from "../pipeline/budget.ts";
import { createLane } from "../pipeline/lane.ts";
import type { LaneLimits } from "../pipeline/options.ts";
import { messageOf } from "../pipeline/outcome.ts";
import type { Sink } from "../sinks/sink.ts";
import type { Backlog } from "./backlog.ts";
import { readFrames } from "./frame.ts";
import { type Segment, segmentPath } from "./shelf.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/** The lane holds about so much at a time, whatever waits on disk. */
const FEED_BYTES = 1024 ** 2;
/** Errors of the machine's state, not of the file: they say nothing of it, however often they come. */
const PASSING = new Set(["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EINTR"]);
const AGAIN_MS = 1_000;
/** How long what is behind a file that cannot be read has to wait for it. A server of files is back by then. */
const PATIENCE_MS = 60_000;

export interface DeliveryOptions {
  readonly limits: LaneLimits;
  readonly now: () => number;
  readonly random: () => number;
  /** Milliseconds that a record waits on disk for others to be read with it. */
  readonly gatherMs: number;
  /** The segment's file is there, and cannot be read. */
  readonly onUnreadable: (segment: Segment) => void;
  readonly onError: (error: unknown) => void;
}

/** Takes what waits on disk to the sink, in order, and moves the checkpoints. */
export interface Delivery {
  /** There is something new to read. */
  wake(): void;
  /** Delivers what is there now, until the deadline or as long as the sink takes it. `waiting`: how much of it is left. */
  flush(deadline: number): Promise<{ readonly waiting: number; readonly problem: string | undefined }>;
  /** Aborts what the sink is doing; its records stay. */
  abandon(): void;
  /** Closes the sink. What has not been delivered stays on disk. Resolves to what went wrong. */
  close(): Promise<string | undefined>;
  /** Resolves when nothing is being read. */
  idle(): Promise<void>;
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
    // An expired key or a wrong address is no reason to throw away what waits.
    isPatient: true,
    left,
  });
  let timer: NodeJS.Timeout | undefined;
  let feeding: Promise<void> | undefined;
  let isStopped = false;
  /** The segment that cannot be read at the moment. */
  let failing: { readonly segment: Segment; readonly since: number; readonly problem: string } | undefined;
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
        if (unreadable(segment, error as NodeJS.ErrnoException) === "later") {
          timer ??= setTimeout(feed, AGAIN_MS).unref();
          return;
        }
      }
    }
  }

  /** Whether to try again, or to go on with what is next. Only a file that is no more has lost its records. */
  function unreadable(segment: Segment, error: NodeJS.ErrnoException): "later" | "next" {
    const { code = "" } = error;
    // Stopped, it is not to be touched: its directory may have another name and owner by now.
    if (isStopped || segment.isGone) return "next";
    if (code === "ENOENT" && !fs.existsSync(segment.shelf.path)) {
      backlog.lose(segment.shelf);
      return "next";
    }
    options.onError(error);
    if (code === "ENOENT") {
      segment.cursor.offset = segment.bytes;
      backlog.settle(segment);
      return "next";
    }
    if (failing?.segment !== segment || PASSING.has(code)) {
      failing = { segment, since: now(), problem: messageOf(error) };
    }
    if (now() - failing.since < PATIENCE_MS) return "later";
    failing = undefined;
    options.onUnreadable(segment);
    return "next";
  }

  async function read(segment: Segment): Promise<void> {
    // A copy: until its records are in flight, the segment must not look as if they had left.
    const cursor = { ...segment.cursor };
    const { whole } = await readFrames(segmentPath(segment), cursor, segment.bytes);
    failing = undefined;
    if (isStopped || segment.isGone) return;
    Object.assign(segment.cursor, cursor);
    for (const { json, end } of whole) {
      if (segment.taken.has(end)) continue;
      const record = parse(json);
      if (record === undefined) continue;
      inFlight.push({ segment, end });
      segment.inFlight++;
      lane.offer({ draft: { record, trace: { info: record.trace }, bytes: json.length }, lanes: 0 });
    }
    if (segment.inFlight === 0) backlog.settle(segment);
  }

  function left(count: number, outcome: "written" | DropReason, at?: readonly number[]): void {
    isHalted ||= outcome === "shutdown" || outcome === "exit";
    const touched = new Set<Segment>();
    // A checkpoint is one place of a directory: what left from behind a record that stays is named in it.
    const inOrder = at === undefined ? count : at.findIndex((place, i) => place !== i);
    const gone = at === undefined ? inFlight.splice(0, count) : takeOut(inFlight, at);
    for (const [i, { segment, end }] of gone.entries()) {
      segment.inFlight--;
      if (isHalted) {
        segment.cursor.offset = segment.doneTo;
        continue;
      }
      backlog.delivered(segment, end, inOrder !== -1 && i >= inOrder);
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
        return result(failing?.problem ?? lane.stats().lastError ?? "not delivered in time");
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
    abandon: lane.abandon,
    close,
    idle: () => Promise.resolve(feeding),
    stats() {
      const { dropped, lastError } = lane.stats();
      const { shutdown, exit, ...lost } = dropped;
      return lastError === undefined ? { dropped: lost } : { dropped: lost, lastError };
    },
  };
}

/** Removes what is at these places, and gives it. */
function takeOut<T>(list: T[], at: readonly number[]): T[] {
  const places = new Set(at);
  const gone = at.map((i) => list[i]!);
  const kept = list.filter((_, i) => !places.has(i));
  list.splice(0, list.length, ...kept);
  return gone;
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

/** Whether it was done in time. Whoever has a deadline of their own keeps the process alive for it; we do not. */
export function within(ms: number, work: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, ms), false).unref();
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

import { type Clock, systemClock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import { type LaneOptions, MAX_TIMER_MS } from "../pipeline/options.ts";
import { checkOptions } from "../sinks/options.ts";
import type { Sink } from "../sinks/sink.ts";
import { checkDirectory } from "./directory.ts";

export interface SpoolOptions {
  /** Made with mode 0700 when it is missing. Several sinks, processes and hosts may share it. */
  dir: string;
  /** When this process has more than this on disk, its oldest segment is given up (`spool_full`). Bytes, default 256 MiB. */
  maxBytes?: number;
  /** What is given up, and deleted, at once. Bytes, default 8 MiB, at most a quarter of `maxBytes`. */
  segmentBytes?: number;
  /** The most that a power cut may lose. Milliseconds, default 500. */
  syncMs?: number;
  /**
   * When a span is safe from the death of the process: with its `batch`, within a second (the default), or, as a
   * `record` of its own, before `span.end()` returns.
   */
  durability?: "batch" | "record";
  /** Milliseconds after its first failure from which on a failing batch is dropped. Default: never. */
  giveUpMs?: number;
  /** How what is on disk is batched and sent; see `configure`. */
  delivery?: Pick<LaneOptions, "batchRecords" | "batchBytes" | "batchMs" | "attemptMs">;
  clock?: Clock;
  /** From 0 to 1; spreads attempts. */
  random?: () => number;
}

/** The options over their defaults. */
export type CheckedSpoolOptions = Required<SpoolOptions>;

/** Throws a `ConfigError` that names a bad one. */
export function checkSpoolOptions(sink: Sink, options: SpoolOptions): CheckedSpoolOptions {
  if (typeof sink?.write !== "function" || typeof sink.name !== "string") {
    throw new ConfigError("CONFIG_SINK_OPTION", "spool takes a sink, and then an object of options");
  }
  checkOptions("spool", options, {
    dir: "any",
    maxBytes: "positive",
    segmentBytes: "positive",
    syncMs: "positive",
    durability: ["batch", "record"],
    giveUpMs: "positive",
    delivery: "object",
    clock: "object",
    random: "function",
  });
  const dir = checkDirectory("spool", options.dir);
  const { maxBytes = 256 * 1024 ** 2, segmentBytes = 8 * 1024 ** 2, syncMs = 500, durability = "batch" } = options;
  checkOptions("spool: delivery", options.delivery ?? {}, {
    batchRecords: "positive",
    batchBytes: "positive",
    batchMs: "positive",
    attemptMs: "positive",
  });
  const { delivery = {}, giveUpMs = Number.POSITIVE_INFINITY, clock = systemClock, random = Math.random } = options;
  if (maxBytes < 64 * 1024) {
    throw new ConfigError(
      "CONFIG_SINK_OPTION",
      "spool: maxBytes must be at least 65,536, or single records do not fit",
    );
  }
  if (durability === "record" && sink.policy?.tail !== undefined) {
    throw new ConfigError(
      "CONFIG_SINK_OPTION",
      'spool: durability "record" is not for a sink with keepIf(): what waits to be decided cannot be written at once; ' +
        'use durability "batch", or keepIf() no more',
    );
  }
  return {
    dir,
    maxBytes,
    segmentBytes: Math.min(segmentBytes, Math.ceil(maxBytes / 4)),
    syncMs: Math.min(syncMs, MAX_TIMER_MS),
    durability,
    delivery,
    giveUpMs,
    clock,
    random,
  };
}

import type { Clock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import type { DropReason } from "../core/runtime.ts";

/** How records are batched, bounded and tried again. All are numbers above 0. */
export interface LaneOptions {
  /** The most records that wait for one sink. Default: 100,000. */
  readonly queueRecords?: number | undefined;
  /** The most memory that all waiting records together keep, in estimated heap bytes. Default: 32 MiB. */
  readonly queueBytes?: number | undefined;
  /** A batch is full with this many records. Default: 256, for OTLP 1,024. */
  readonly batchRecords?: number | undefined;
  /** A batch is full with this many estimated heap bytes. Default: 1 MiB. */
  readonly batchBytes?: number | undefined;
  /** Milliseconds that a batch waits to be full. Default: 1,000. */
  readonly batchMs?: number | undefined;
  /** Milliseconds after which an attempt is aborted and has failed. Default: 10,000. */
  readonly attemptMs?: number | undefined;
  /** Milliseconds after its first failure from which on a failing batch is dropped. Default: five minutes; `Infinity`: never. */
  readonly giveUpMs?: number | undefined;
}

export type LaneLimits = { readonly [K in keyof LaneOptions]-?: number };

/** What a lane works with besides its limits. */
export interface LaneTools {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Silences tracing while a sink works. */
  readonly suppress: <T>(fn: () => T) => T;
  /** Masks the messages of sinks where they are told: theirs may hold an address, a header, a record. */
  readonly clean?: ((text: string) => string) | undefined;
  /** The sink may say how many records make a batch: nobody else has. */
  readonly asksSink?: boolean;
  /** For a spool: a sink that wants none of it (an expired key, a wrong address) is waited for. */
  readonly isPatient?: boolean;
  /**
   * Hears of records that have left the queue, from its head and in their order; for a spool's checkpoint. `at`: where in
   * the queue they were, when they were not the first.
   */
  readonly left?: (count: number, outcome: "written" | DropReason, at?: readonly number[]) => void;
}

export interface PipelineOptions extends LaneOptions, Pick<LaneTools, "suppress" | "clean"> {
  readonly clock?: Clock | undefined;
  readonly random?: LaneTools["random"] | undefined;
}

const DEFAULTS: LaneLimits = {
  // OpenTelemetry's 2,048 lose half and more of a burst of 5,000 spans in one event-loop turn.
  queueRecords: 100_000,
  queueBytes: 32 * 1024 * 1024,
  batchRecords: 256,
  batchBytes: 1024 * 1024,
  batchMs: 1_000,
  // As OTLP exporters do.
  attemptMs: 10_000,
  // As the OpenTelemetry Collector does.
  giveUpMs: 300_000,
};

/** Node runs a longer timer after 1 ms. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** The options over their defaults. Throws a `ConfigError` that names a bad one. */
export function laneLimits(options: LaneOptions): LaneLimits {
  const limits: { -readonly [K in keyof LaneLimits]: number } = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof LaneLimits)[]) {
    const value: unknown = options[key];
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value > 0)) {
      throw new ConfigError("CONFIG_BAD_VALUE", `${key} takes a number above 0; it got ${String(value)}.`);
    }
    limits[key] = value;
  }
  limits.batchMs = Math.min(limits.batchMs, MAX_TIMER_MS);
  limits.attemptMs = Math.min(limits.attemptMs, MAX_TIMER_MS);
  return limits;
}

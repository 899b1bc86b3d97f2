import { toMillis } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import { isLocalRoot } from "../core/local-root.ts";
import type { FindingRecord, ScoreRecord, SpanRecord, TraceRecord } from "../core/record.ts";
import { isSampledAt, samplingThreshold } from "../core/sampling.ts";
import { latest } from "../core/tree.ts";
import { sumUsd } from "../core/usd.ts";
import type { Sink, TailRule } from "../sinks/sink.ts";
import { wrapSink } from "../sinks/wrap-sink.ts";
import { predicate } from "./predicate.ts";
import { checkSink } from "./with-prepare.ts";

/** Which traces `keepIf` keeps: those of which at least one thing that is asked for is true. */
export interface KeepRule {
  /** A span failed. */
  readonly error?: boolean;
  /** The local root took longer than so many milliseconds. */
  readonly slowerThanMs?: number;
  /** The spans cost more together, in USD; each span counts once. What has no known cost counts nothing. */
  readonly costOverUsd?: number;
  /** A numeric score, of any name or of this one, is lower. */
  readonly scoreBelow?: number | { readonly name: string; readonly value: number };
  /** A rule has found something about a model call or run: anything, or something of this severity or a worse one. */
  readonly finding?: boolean | FindingRecord["severity"];
  /** This share of all other traces too, from 0 to 1, by the trace id as `sample` does. */
  readonly share?: number;
  /** Anything else: gets the newest record of each span and score. Answers at once; when it throws, the trace is kept. */
  readonly when?: (records: readonly TraceRecord[]) => boolean;
  /** How long a trace waits after its root has ended, for late children and scores. Default: 2,000. */
  readonly graceMs?: number;
  /** How long a trace waits for its root to end, from its first record on. Default: 60,000. */
  readonly maxWaitMs?: number;
  /** The most traces that wait. Default: 10,000. */
  readonly maxTraces?: number;
  /** The most that the waiting records keep, in estimated heap bytes. Default: 16 MiB. */
  readonly maxBytes?: number;
  /** What becomes of a trace that has to leave undecided. Default: `keep`. */
  readonly whenFull?: "keep" | "drop";
}

/**
 * The sink with the traces that turn out to be worth keeping: tail sampling. The others are counted as `sampledOut`.
 *
 * A trace is decided `graceMs` after its local root (a span without a parent, or with one in another process) was recorded
 * as ended, or `maxWaitMs` after its first record when no root has ended by then: it counts as slow if that is
 * longer than `slowerThanMs`. `flush()` decides what has ended, the end of the process everything, by what is known.
 * Records that come later follow the decision (10,000 are remembered; then they are judged as a trace of their own).
 * Scores of sessions, which have no trace id, all come.
 *
 * When `maxTraces` or `maxBytes` is reached, the trace whose root ended first is decided at once. When no root has ended,
 * the oldest trace goes on undecided, or with `whenFull: "drop"` is dropped and counted as `tail_full`.
 *
 * What waits is in memory: a process that is killed takes it along, whatever sink is below. `filter`, `sample` and `mask`
 * of the sink, inside or outside, apply to the traces that are kept.
 *
 * Throws a `ConfigError` for a rule that asks for nothing, or has an option that does not exist or makes no sense; and
 * for a sink that has a rule already or the durability `record`.
 *
 * @example
 * const worth = keepIf(fileSink({ path: "worth.ndjson" }), { error: true, slowerThanMs: 5_000, share: 0.05 });
 * configure({ sinks: [consoleSink(), worth] });
 */
export function keepIf(sink: Sink, rule: KeepRule): Sink {
  checkSink("keepIf", sink);
  check(rule);
  const { tail: other, durability } = sink.policy ?? {};
  if (other !== undefined) refuse("has a keepIf() already: put both into one rule");
  if (durability === "record") refuse('has durability "record": what waits to be decided cannot be written at once');
  const {
    graceMs = 2_000,
    maxWaitMs = 60_000,
    maxTraces = 10_000,
    maxBytes = 16 * 1024 * 1024,
    whenFull = "keep",
  } = rule;
  const tail: TailRule = { keep: judgeOf(rule, maxWaitMs), graceMs, maxWaitMs, maxTraces, maxBytes, whenFull };
  return wrapSink(sink, { policy: { ...sink.policy, tail } });
}

/** From bad to worse. */
const SEVERITIES: readonly unknown[] = ["info", "warning", "error"];

/** Every option, with what it must be. The first line asks, the second bounds. */
const OPTIONS: { readonly [K in keyof Required<KeepRule>]: readonly [check: (value: any) => boolean, wanted: string] } =
  {
    error: [(value) => typeof value === "boolean", "true or false"],
    slowerThanMs: [isAmount, "a number of milliseconds, 0 or more"],
    costOverUsd: [isAmount, "a number of USD, 0 or more"],
    scoreBelow: [
      (value) => Number.isFinite(value) || (Number.isFinite(value?.value) && typeof value.name === "string"),
      "a number, or { name, value }",
    ],
    finding: [
      (value) => typeof value === "boolean" || SEVERITIES.includes(value),
      'true, "info", "warning" or "error"',
    ],
    share: [(value) => isAmount(value) && value <= 1, "a number from 0 to 1"],
    when: [(value) => predicate("keepIf(sink, { when })", value) !== undefined, "a function"],
    graceMs: [isAmount, "a number of milliseconds, 0 or more"],
    maxWaitMs: [isPositive, "a number of milliseconds above 0"],
    maxTraces: [isPositive, "a number above 0"],
    maxBytes: [isPositive, "a number of bytes above 0"],
    whenFull: [(value) => value === "keep" || value === "drop", '"keep" or "drop"'],
  };
const QUESTIONS = ["error", "slowerThanMs", "costOverUsd", "scoreBelow", "finding", "share", "when"] as const;

function refuse(why: string): never {
  throw new ConfigError("CONFIG_BAD_VALUE", `keepIf() does not take this sink, which ${why}.`);
}

function check(rule: KeepRule): void {
  if (typeof rule !== "object" || rule === null) {
    throw new ConfigError("CONFIG_BAD_VALUE", `keepIf(sink, rule) takes an object; it got ${String(rule)}.`);
  }
  for (const [key, value] of Object.entries(rule)) {
    if (!Object.hasOwn(OPTIONS, key)) {
      const known = Object.keys(OPTIONS).join(", ");
      throw new ConfigError("CONFIG_UNKNOWN_OPTION", `keepIf() has no option "${key}". It takes: ${known}.`);
    }
    const [isRight, wanted] = OPTIONS[key as keyof KeepRule];
    if (value !== undefined && !isRight(value)) {
      throw new ConfigError("CONFIG_BAD_VALUE", `keepIf(sink, { ${key} }) takes ${wanted}; it got ${String(value)}.`);
    }
  }
  if (QUESTIONS.every((key) => rule[key] === undefined || rule[key] === false)) {
    throw new ConfigError(
      "CONFIG_BAD_VALUE",
      `keepIf(sink, rule) needs one of ${QUESTIONS.join(", ")}, or it would keep nothing.`,
    );
  }
}

function judgeOf(rule: KeepRule, maxWaitMs: number): TailRule["keep"] {
  const { error, slowerThanMs, costOverUsd, scoreBelow, finding, share } = rule;
  const shareThreshold = share === undefined ? undefined : samplingThreshold(share);
  const when = rule.when === undefined ? undefined : predicate("keepIf(sink, { when })", rule.when);
  return (all) => {
    const records = latest(all);
    const spans = records.filter((record) => record.record === "span");
    const scores = records.filter((record) => record.record === "score");
    return (
      (error === true && spans.some((span) => span.status.code === "error")) ||
      (slowerThanMs !== undefined && isSlow(spans, slowerThanMs, maxWaitMs)) ||
      (costOverUsd !== undefined && costOf(spans) > costOverUsd) ||
      (scoreBelow !== undefined && scores.some((score) => isBelow(score, scoreBelow))) ||
      (finding !== undefined && finding !== false && records.some((record) => isAsBad(record, finding))) ||
      (when?.(records) ?? false) ||
      (shareThreshold !== undefined && isSampledAt(records[0]!.traceId!, shareThreshold))
    );
  };
}

/** Without a root the trace has waited for it in vain. At the end of the process open roots are there, as unfinished. */
function isSlow(spans: readonly SpanRecord[], slowerThanMs: number, maxWaitMs: number): boolean {
  const roots = spans.filter(isLocalRoot);
  if (roots.length === 0) return spans.length > 0 && maxWaitMs > slowerThanMs;
  return roots.some(({ startTime, endTime }) => toMillis(endTime) - toMillis(startTime) > slowerThanMs);
}

function costOf(spans: readonly SpanRecord[]): number {
  return sumUsd(spans.map(({ cost }) => cost));
}

function isBelow({ name, value }: ScoreRecord, limit: NonNullable<KeepRule["scoreBelow"]>): boolean {
  if (typeof value !== "number") return false;
  return typeof limit === "number" ? value < limit : name === limit.name && value < limit.value;
}

/** A severity of a later schema is not taken for a mild one. */
function isAsBad(record: TraceRecord, least: true | FindingRecord["severity"]): boolean {
  if (record.record !== "finding") return false;
  const at = SEVERITIES.indexOf(record.severity);
  return least === true || at === -1 || at >= SEVERITIES.indexOf(least);
}

function isAmount(value: unknown): boolean {
  return Number.isFinite(value) && (value as number) >= 0;
}

function isPositive(value: unknown): boolean {
  return typeof value === "number" && value > 0;
}

import type { CountedCall } from "../model-call.ts";

/** Traces that show a figure. So many of each kind are told, and twice as many failures are kept, as there are several kinds. */
export const MAX_EXAMPLES = 5;
const MAX_FAILED = 2 * MAX_EXAMPLES;
/** After this an example gives way to any other. */
const STALE_MS = 300_000;
const STORM_MS = 1_000;

interface Example {
  readonly traceId: string;
  readonly ms: number;
  readonly value: number;
}

/** The largest values of late. */
interface Largest {
  readonly list: Example[];
  /** Where the bars stand: what a value must be above to come in, and until when. */
  readonly bars: Float64Array;
  readonly least: number;
  readonly untilMs: number;
}

export type Failure = Pick<CountedCall, "status" | "rateLimitedAttempts" | "serverErrorAttempts">;

export interface FailedExample {
  readonly traceId: string;
  readonly ms: number;
  readonly call: Failure;
}

/** Recent calls of a group that stand out. */
export interface Examples {
  readonly slowest: Largest;
  readonly costliest: Largest;
  readonly failed: FailedExample[];
}

/** The places of the bars. They lie with the counters of their group, as they are looked at for each call. */
export const SLOW = 0;
export const SLOW_UNTIL_MS = 1;
export const COSTLY = 2;
export const COSTLY_UNTIL_MS = 3;
export const BARS = 4;

/** `bars` has the bars from `at` on. */
export function newExamples(bars: Float64Array, at: number): Examples {
  return {
    slowest: { list: [], bars, least: at + SLOW, untilMs: at + SLOW_UNTIL_MS },
    costliest: { list: [], bars, least: at + COSTLY, untilMs: at + COSTLY_UNTIL_MS },
    failed: [],
  };
}

/** In a storm of failures one of each kind a second will do, once there are enough. */
export function noteFailed({ failed }: Examples, failure: FailedExample): void {
  if (failed.length === MAX_FAILED) {
    for (let i = MAX_FAILED - 1; i >= 0 && failure.ms - failed[i]!.ms < STORM_MS; i--) {
      if (isAlike(failed[i]!.call, failure.call)) return;
    }
    failed.shift();
  }
  failed.push(failure);
}

function isAlike(a: Failure, b: Failure): boolean {
  return (
    a.status === b.status &&
    a.rateLimitedAttempts > 0 === b.rateLimitedAttempts > 0 &&
    a.serverErrorAttempts > 0 === b.serverErrorAttempts > 0
  );
}

/** What there is to show of a call as a failed one, or as one with requests that failed. */
export function failureOf(call: CountedCall, ms: number): FailedExample | undefined {
  const { traceId, isCall, status, rateLimitedAttempts, serverErrorAttempts } = call;
  const failed = isCall ? status : "success";
  if (failed === "success" && rateLimitedAttempts + serverErrorAttempts === 0) return undefined;
  return { traceId, ms, call: { status: failed, rateLimitedAttempts, serverErrorAttempts } };
}

/** Five, none of them stale as long as there are others. */
export function noteLarge(large: Largest, traceId: string, value: number, nowMs: number): void {
  if (value <= 0) return;
  const { list } = large;
  if (list.length < MAX_EXAMPLES) list.push({ traceId, ms: nowMs, value });
  else {
    const worth = ({ ms, value }: Example): number => (nowMs - ms >= STALE_MS ? -1 : value);
    let worst = 0;
    for (let i = 1; i < MAX_EXAMPLES; i++) if (worth(list[i]!) < worth(list[worst]!)) worst = i;
    if (value > worth(list[worst]!)) list[worst] = { traceId, ms: nowMs, value };
  }
  if (list.length < MAX_EXAMPLES) return;
  large.bars[large.least] = Math.min(...list.map((each) => each.value));
  large.bars[large.untilMs] = Math.min(...list.map((each) => each.ms)) + STALE_MS;
}

/** The largest of the last `windowMs`, first. */
export function largest({ list }: Largest, nowMs: number, windowMs: number): string[] {
  const recent = list.filter(({ ms }) => nowMs - ms <= windowMs).sort((a, b) => b.value - a.value);
  return [...new Set(recent.map(({ traceId }) => traceId))];
}

/** The newest first. */
export function failures(
  { failed }: Examples,
  nowMs: number,
  windowMs: number,
  shows: (call: Failure) => boolean,
): string[] {
  const recent = failed.filter(({ ms, call }) => nowMs - ms <= windowMs && shows(call)).reverse();
  return [...new Set(recent.map(({ traceId }) => traceId))].slice(0, MAX_EXAMPLES);
}

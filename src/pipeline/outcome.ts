import { SinkError } from "../core/errors.ts";
import { isFault } from "../core/is-fault.ts";
import type { TraceRecord } from "../core/record.ts";

// What sinks return and throw may be anything: proxies, objects whose getters throw, null.

/** What a failed attempt asks for. */
export interface Verdict {
  readonly retry: SinkError["retry"];
  readonly reason: SinkError["reason"];
  readonly retryAfterMs: unknown;
}

/** An error that is no `SinkError` asks for `later`; a fault in the sink's own code comes from a record and will not pass. */
export function verdictOf(error: unknown): Verdict {
  try {
    if (error instanceof SinkError) {
      const { retry, reason, retryAfterMs } = error;
      return {
        retry: retry === "never" || retry === "split" ? retry : "later",
        reason: reason === "rejected_by_sink" ? reason : "too_large",
        retryAfterMs,
      };
    }
    if (isFault(error)) return { retry: "split", reason: "rejected_by_sink", retryAfterMs: undefined };
  } catch {
    // It says nothing that can be read.
  }
  return { retry: "later", reason: "rejected_by_sink", retryAfterMs: undefined };
}

export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "an error that cannot be read";
  }
}

/** How many records a `WriteResult` refuses; junk refuses none. */
export function rejectedCount(result: unknown): number {
  try {
    const rejected = (result as { rejected?: unknown } | undefined)?.rejected;
    return Array.isArray(rejected) ? rejected.length : 0;
  } catch {
    return 0;
  }
}

/** The first reason that a `WriteResult` gives for a refusal. */
export function reasonOf(result: unknown): string | undefined {
  try {
    const reason = (result as { rejected?: { reason?: unknown }[] } | undefined)?.rejected?.[0]?.reason;
    return typeof reason === "string" && reason !== "" ? reason : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What an error says has not been taken of the batch that was sent; `undefined` when it says nothing, or names anything
 * else: then nothing has been taken.
 */
export function remainingOf(error: unknown, sent: readonly TraceRecord[]): ReadonlySet<TraceRecord> | undefined {
  try {
    if (!(error instanceof SinkError) || !Array.isArray(error.remaining)) return undefined;
    const remaining = new Set<TraceRecord>(error.remaining);
    const known = sent.filter((record) => remaining.has(record));
    return new Set(known).size === remaining.size ? remaining : undefined;
  } catch {
    return undefined;
  }
}

/** Throws what the value's `then` getter throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

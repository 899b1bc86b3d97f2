import { SinkError } from "../core/errors.ts";

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

/** `fetch` says that a connection failed by a `TypeError` too, but with a cause. */
function isFault(error: unknown): boolean {
  const isKind = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return isKind && (error as Error).cause === undefined;
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

/** Throws what the value's `then` getter throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}

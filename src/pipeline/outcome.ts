import { SinkError } from "../core/errors.ts";

// What sinks return and throw may be anything: proxies, objects whose getters throw, null.

/** What a failed attempt asks for. An error that is no `SinkError` asks for `later`. */
export function verdictOf(error: unknown): { retry: SinkError["retry"]; retryAfterMs: unknown } {
  try {
    if (error instanceof SinkError) {
      const { retry, retryAfterMs } = error;
      return { retry: retry === "never" || retry === "split" ? retry : "later", retryAfterMs };
    }
  } catch {
    // It says nothing that can be read.
  }
  return { retry: "later", retryAfterMs: undefined };
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

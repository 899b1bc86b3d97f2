import type { SpanRecord } from "../../core/record.ts";
import { clean, fit } from "../../sinks/console-text.ts";
import type { ModelCall } from "../model-call.ts";
import { say } from "../say.ts";

/**
 * Whether it has cost something that nobody knows. A failed call without tokens has cost nothing, unless it timed out, or an
 * answer had begun: what was generated until then is billed, and the usage would have come at the end.
 */
export function isUnpriced(call: ModelCall, { firstChunkTime, http }: SpanRecord): boolean {
  if (call.costUsd !== undefined) return false;
  if (call.totalTokens !== undefined) return true;
  if (!call.isCall) return false;
  const hasBegun = firstChunkTime !== undefined || (http?.stream?.events ?? 0) > 0;
  return hasBegun || call.status === "success" || call.status === "timeout";
}

/** One that timed out, or two, are no reason to doubt a limit. */
const ENOUGH = 3;
const MAX_NAME = 60;

/** Tells once that a hard limit has calls which it can reckon at nothing. */
export function unknownCosts(budget: string): (model: string | undefined) => void {
  let calls = 0;
  return (model) => {
    if (++calls !== ENOUGH) return;
    say(
      `budget "${fit(clean(budget), MAX_NAME)}": ${calls} calls, the last of model ${fit(clean(model ?? "unknown"), MAX_NAME)}, ` +
        "have no known cost, so its hard cap may not hold. Ask for usage in streams " +
        "(stream_options: { include_usage: true }), and give the model a price (configure({ prices })).",
    );
  };
}

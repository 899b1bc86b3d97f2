import type { Trace } from "./trace.ts";

/** W3C trace flag, bit 0. */
export const SAMPLED = 1;

/**
 * Which trace ids a rate keeps: 14 hex digits that the last 56 bits of an id are compared with (OpenTelemetry's
 * consistent probability sampling, TraceState "th"). `""` keeps all, `"g"` none.
 */
export function samplingThreshold(rate: number): string {
  // Counted from the kept side: `1 - rate` would round a tiny rate away, and 2^56 has a digit too many to compare.
  const kept = BigInt(Math.round(rate * 2 ** 56));
  if (kept <= 0n) return "g";
  return kept >= 2n ** 56n ? "" : (2n ** 56n - kept).toString(16).padStart(14, "0");
}

/** Whether a trace is kept. Of two rates, the higher keeps all that the lower does. The time bits of the id play no part. */
export function isSampledAt(traceId: string, threshold: string): boolean {
  return threshold === "" || traceId.slice(-14) >= threshold;
}

export function isSampled(trace: Pick<Trace, "traceFlags">): boolean {
  return (trace.traceFlags & SAMPLED) === SAMPLED;
}

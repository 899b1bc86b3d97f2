import { createHash } from "node:crypto";
import type { SpanRecord } from "../../../src/core/record.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";

export const BATCH_SPANS = 20;

export function traceIdOf(name: string, n: number): string {
  return createHash("sha256").update(`${name} ${n}`).digest("hex").slice(0, 32);
}

/** A trace of 20 spans, always the same for a name and a number. */
export function batch(name: string, n: number): SpanRecord[] {
  return Array.from({ length: BATCH_SPANS }, (_, i) => {
    const startUs = 1_732_000_000_000_000 + n * 1_000 + i;
    return sampleSpan({
      traceId: traceIdOf(name, n),
      spanId: (i + 1).toString(16).padStart(16, "0"),
      ...(i > 0 && { parentSpanId: "0000000000000001" }),
      name: i === 0 ? "answer" : `step ${i}`,
      startTime: `${startUs}000`,
      endTime: `${startUs + 50}000`,
      input: `batch${n} of ${name}: ${"a long text ".repeat(40)}${n * i}`,
      trace: { userId: name },
    });
  });
}

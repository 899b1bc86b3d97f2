/** Batches of spans that tell when one is lost or counts twice: one trace each, always the same for a number. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { SpanRecord } from "../../../src/core/record.ts";
import type { TraceStore } from "../../../src/store/trace-store.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";

export function traceIdOf(n: number): string {
  return createHash("sha256").update(`batch ${n}`).digest("hex").slice(0, 32);
}

/** From 1 to 300 spans. */
export function sizeOf(n: number): number {
  return 1 + ((n * 7_919) % 300);
}

const WORDS = "the quick brown fox jumps over a lazy dog while nobody looks ".split(" ");

export function batch(n: number, size: number = sizeOf(n), characters = 600): SpanRecord[] {
  const traceId = traceIdOf(n);
  const word = (i: number): string => WORDS[(n * 31 + i * 17) % WORDS.length]!;
  return Array.from({ length: size }, (_, i) => {
    const startUs = 1_732_000_000_000_000 + n * 1_000_000 + i;
    const text = Array.from({ length: Math.ceil(characters / 8) }, (_, k) => `${word(i + k * k)}${(i * k) % 97}`);
    return sampleSpan({
      traceId,
      spanId: (i + 1).toString(16).padStart(16, "0"),
      ...(i > 0 && { parentSpanId: "0000000000000001" }),
      name: i === 0 ? "answer" : `step ${i}`,
      type: "generation",
      startTime: `${startUs}000`,
      endTime: `${startUs + 50}000`,
      input: text.join(" ").slice(0, characters),
      genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
      usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
      trace: { userId: `user ${n % 50}` },
    });
  });
}

/**
 * Each of the batches is there in whole, and whatever else is there counts once, in every way of asking.
 *
 * @returns how many spans there are
 */
export async function assertOnce(store: TraceStore, acknowledged: Iterable<number>): Promise<number> {
  for (const n of acknowledged) {
    const { items } = await store.spans(traceIdOf(n), { limit: 10_000 });
    const ids = new Set(items.map(({ spanId }) => spanId));
    assert.deepEqual([items.length, ids.size], [sizeOf(n), sizeOf(n)], `batch ${n} was acknowledged`);
  }
  const { spans, traces } = await store.stats();
  let [listedSpans, listedTraces] = [0, 0];
  for (let after: string | undefined; ; ) {
    const page = await store.traces({ limit: 500, ...(after !== undefined && { after }) });
    listedTraces += page.items.length;
    listedSpans += page.items.reduce((sum, trace) => sum + trace.spans, 0);
    after = page.next;
    if (after === undefined) break;
  }
  const [summed] = await store.aggregate({ of: "spans" });
  const [counted] = await store.aggregate({ of: "spans", percentiles: true });
  const { count = 0, inputTokens = 0, outputTokens = 0 } = summed ?? {};
  assert.deepEqual(
    [listedSpans, count, counted?.count ?? 0, inputTokens, outputTokens, listedTraces],
    [spans, spans, spans, spans, spans * 2, traces],
    "lists, roll-ups and rows tell of the same spans",
  );
  return spans;
}

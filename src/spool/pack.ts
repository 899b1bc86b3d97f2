import { encode, type TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";
import { frame, MAX_JSON_BYTES } from "./frame.ts";

/** The lines of the records that fit, and why others do not: nothing may be larger than the reader takes, or the spool. */
export function pack(
  batch: readonly TraceRecord[],
  maxBytes: number,
): { lines: Buffer; records: number; lostByReason: { [reason in DropReason]?: number } } {
  const lostByReason: { [reason in DropReason]?: number } = {};
  const texts: string[] = [];
  for (const record of batch) {
    const json = encode(record);
    // A character has at most three bytes in UTF-8.
    const isLarge = json.length * 3 > Math.min(MAX_JSON_BYTES, maxBytes);
    if (isLarge && Buffer.byteLength(json) > Math.min(MAX_JSON_BYTES, maxBytes - 32)) {
      lostByReason.too_large = (lostByReason.too_large ?? 0) + 1;
    } else texts.push(frame(json));
  }
  const lines = Buffer.from(texts.join(""));
  let lost = 0;
  let from = 0;
  while (lines.length - from > maxBytes) from += Buffer.byteLength(texts[lost++]!);
  if (lost > 0) lostByReason.spool_full = lost;
  return { lines: lines.subarray(from), records: texts.length - lost, lostByReason };
}

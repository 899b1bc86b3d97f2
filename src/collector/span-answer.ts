import type { SpanRecord } from "../core/record.ts";
import type { Answer } from "./answer.ts";
import type { SpanAnswer } from "./api.ts";

/** Characters of a payload's JSON beyond which a page would not show it anyway. */
const MAX_PAYLOAD = 200_000;

/** The record, its payloads cut to their heads where they are long and not asked for in full. */
export function spanAnswer(record: SpanRecord, isFull: boolean): SpanAnswer {
  if (isFull) return { record };
  const cut: { input?: number; output?: number } = {};
  const heads: { input?: string; output?: string } = {};
  for (const side of ["input", "output"] as const) {
    const payload = record[side] === undefined ? "" : JSON.stringify(record[side]);
    if (payload.length <= MAX_PAYLOAD) continue;
    cut[side] = payload.length;
    heads[side] = payload.slice(0, MAX_PAYLOAD);
  }
  return Object.keys(cut).length === 0 ? { record } : { record: { ...record, ...heads }, cut };
}

/** A payload as a file: what it holds never becomes a page of this origin. */
export function download(record: SpanRecord, side: "input" | "output"): Answer {
  const payload = record[side];
  const isText = typeof payload === "string";
  return {
    status: 200,
    headers: {
      "content-type": isText ? "text/plain; charset=utf-8" : "application/json; charset=utf-8",
      "content-disposition": `attachment; filename="${record.spanId}-${side}.${isText ? "txt" : "json"}"`,
    },
    body: isText ? payload : JSON.stringify(payload, null, 2),
  };
}

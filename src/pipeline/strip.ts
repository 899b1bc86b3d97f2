import type { Cut, Json, TraceRecord } from "../core/record.ts";

/** The record without its input and output, saying so in `cuts`; `undefined` when it has neither. */
export function strip(record: TraceRecord): TraceRecord | undefined {
  if (record.record !== "span") return undefined;
  const { input, output, ...rest } = record;
  const cuts = [...cutOf("input", input), ...cutOf("output", output)];
  if (cuts.length === 0) return undefined;
  return Object.freeze({ ...rest, cuts: [...(record.cuts ?? []), ...cuts] });
}

function cutOf(path: string, value: Json | undefined): Cut[] {
  return value === undefined ? [] : [{ path, reason: "bytes", size: JSON.stringify(value).length }];
}

import type { ScoreRecord, SpanRecord } from "../../core/record.ts";
import { FormatError } from "../format-error.ts";
import { isObject, MAX_DEPTH } from "../json-value.ts";
import { Unreadable } from "../unreadable.ts";

/** What became no record; `id` is Langfuse's own, of the event or the entity. */
export interface Rejection {
  readonly id?: string;
  readonly reason: string;
}

export interface LangfuseRecords {
  readonly records: readonly (SpanRecord | ScoreRecord)[];
  readonly rejected: readonly Rejection[];
}

/** When the first of them began and the last ended. */
export function boundsOf(records: readonly (SpanRecord | ScoreRecord)[]): { startTime?: string; endTime?: string } {
  let startTime: string | undefined;
  let endTime: string | undefined;
  for (const record of records) {
    if (record.record !== "span") continue;
    if (startTime === undefined || BigInt(record.startTime) < BigInt(startTime)) startTime = record.startTime;
    if (endTime === undefined || BigInt(record.endTime) > BigInt(endTime)) endTime = record.endTime;
  }
  return { ...(startTime !== undefined && { startTime }), ...(endTime !== undefined && { endTime }) };
}

/** @throws what is no `Unreadable` */
export function rejectionOf(entity: unknown, error: unknown): Rejection {
  if (!(error instanceof Unreadable)) throw error;
  const id = isObject(entity) && typeof entity["id"] === "string" ? entity["id"].slice(0, 100) : undefined;
  return { ...(id !== undefined && { id }), reason: error.message };
}

export function tooDeep(): FormatError {
  return new FormatError("FORMAT_NOT_LANGFUSE", `It is nested deeper than ${MAX_DEPTH}.`);
}

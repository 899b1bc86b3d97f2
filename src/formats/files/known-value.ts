import { isRecord } from "../../core/is-record.ts";
import type { TraceRecord } from "../../core/record.ts";
import { isTime } from "../../sinks/otlp/is-time.ts";
import { isObject } from "../json-value.ts";
import { type LangfuseMemory, langfuseMemory } from "../langfuse/memory.ts";
import { isLangfuse, recordsFromLangfuse } from "../langfuse/records-from-langfuse.ts";
import { recordsFromOtlpLogs, type SpanContent } from "../otlp/records-from-logs.ts";
import { recordsFromOtlp } from "../otlp/records-from-otlp.ts";

/** What one JSON value holds. */
export interface Held {
  readonly records: readonly TraceRecord[];
  readonly contents: readonly SpanContent[];
  /** Things in it that became no record. */
  readonly damaged: number;
}

const NOTHING: Held = { records: [], contents: [], damaged: 0 };

/** Reads one value after the other of one file; `undefined` for a value of no known kind. */
export function valueReader(): (value: unknown) => Held | undefined {
  let memory: LangfuseMemory | undefined;
  return (value) => {
    if (isReadable(value)) return { ...NOTHING, records: [value] };
    if (isObject(value)) {
      if (Array.isArray(value["resourceSpans"])) return spansOf(value);
      if (Array.isArray(value["resourceLogs"])) return logsOf(value);
      // Of another signal.
      if (Array.isArray(value["resourceMetrics"]) || Object.keys(value).length === 0) return NOTHING;
    }
    if (Array.isArray(value)) return listOf(value, (memory ??= langfuseMemory()));
    return isLangfuse(value) ? langfuseOf(value, (memory ??= langfuseMemory())) : undefined;
  };
}

/** Whether it is of a known kind, without reading it. */
export function isKnown(value: unknown): boolean {
  if (isRecord(value) || isLangfuse(value)) return true;
  if (isObject(value))
    return ["resourceSpans", "resourceLogs", "resourceMetrics"].some((name) => Array.isArray(value[name]));
  return Array.isArray(value) && value.length > 0 && isKnown(value[0]);
}

/** A record whose times every reader can count with. */
function isReadable(value: unknown): value is TraceRecord {
  if (!isRecord(value)) return false;
  return value.record === "span" ? isTime(value.startTime) && isTime(value.endTime) : isTime(value.time);
}

function spansOf(value: unknown): Held {
  const { records, rejected } = recordsFromOtlp(value);
  return { records, contents: [], damaged: rejected.length };
}

function logsOf(value: unknown): Held {
  const { records, contents, rejected } = recordsFromOtlpLogs(value);
  return { records, contents, damaged: rejected.length };
}

function langfuseOf(value: unknown, memory: LangfuseMemory): Held {
  const { records, rejected } = recordsFromLangfuse(value, { memory });
  return { records, contents: [], damaged: rejected.length };
}

/** A list of our records or of OTLP requests, or one of Langfuse's. */
function listOf(list: readonly unknown[], memory: LangfuseMemory): Held | undefined {
  if (list.length === 0) return NOTHING;
  if (isLangfuse(list)) return langfuseOf(list, memory);
  if (!isKnown(list[0])) return undefined;
  const records: TraceRecord[] = [];
  const contents: SpanContent[] = [];
  let damaged = 0;
  for (const each of list) {
    const held = isReadable(each) ? { ...NOTHING, records: [each] } : isObject(each) ? otlpOf(each) : undefined;
    if (held === undefined) damaged++;
    else {
      for (const record of held.records) records.push(record);
      contents.push(...held.contents);
      damaged += held.damaged;
    }
  }
  return { records, contents, damaged };
}

function otlpOf(value: { readonly [name: string]: unknown }): Held | undefined {
  if (Array.isArray(value["resourceSpans"])) return spansOf(value);
  return Array.isArray(value["resourceLogs"]) ? logsOf(value) : undefined;
}

import { toNanos } from "./clock.ts";
import { markPlain } from "./line.ts";
import {
  type Cost,
  type Cut,
  type ErrorInfo,
  type GenAi,
  type HttpCall,
  type Json,
  type JsonObject,
  type Level,
  type ObservationType,
  SCHEMA_VERSION,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type SpanRecord,
  type Usage,
} from "./record.ts";
import type { Trace } from "./trace.ts";

/** What may be said of a span beyond its input and output. A class: copying a literal doubles a small call's cost. */
export class Said {
  statusMessage: string | undefined = undefined;
  error: ErrorInfo | undefined = undefined;
  firstChunkMs: number | undefined = undefined;
  genAi: GenAi | undefined = undefined;
  usage: Usage | undefined = undefined;
  cost: Cost | undefined = undefined;
  http: HttpCall | undefined = undefined;
  events: SpanEvent[] | undefined = undefined;
  links: readonly SpanLink[] | undefined = undefined;
  metadata: JsonObject | undefined = undefined;
  attributes: JsonObject | undefined = undefined;
  cuts: Cut[] | undefined = undefined;
}

/** Shared by all spans of which nothing has been said yet. */
export const NOTHING_SAID: Said = new Said();

/** Everything that is known of a span. */
export interface Known {
  readonly trace: Trace;
  readonly traceState: string | undefined;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly parentOrigin: "remote" | "external" | undefined;
  readonly seq: number;
  readonly name: string;
  readonly type: ObservationType;
  readonly kind: SpanKind;
  readonly startMs: number;
  readonly endMs: number;
  readonly level: Level;
  readonly failed: boolean;
  readonly unfinished: boolean;
  readonly callSite: string | undefined;
  readonly input: Json | undefined;
  readonly output: Json | undefined;
}

/** The arguments of a call as an object. */
export function namedValues(names: readonly string[], values: readonly (Json | undefined)[]): JsonObject {
  const object: { [name: string]: Json } = {};
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value !== undefined) object[names[i]!] = value;
  }
  return object;
}

const STATUS = {
  ok: Object.freeze({ code: "ok" }),
  error: Object.freeze({ code: "error" }),
  unset: Object.freeze({ code: "unset" }),
} as const;

/** The record of a span; what is not known is left out. The order is the one that `line.ts` writes. */
export function writeRecord(span: Known, said: Readonly<Said>): SpanRecord {
  const { trace, failed, unfinished, parentOrigin, traceState } = span;
  const record: { -readonly [K in keyof SpanRecord]: SpanRecord[K] } = {
    record: "span",
    schema: SCHEMA_VERSION,
    traceId: trace.traceId,
    spanId: span.spanId,
    traceFlags: trace.traceFlags,
    seq: span.seq,
    name: span.name,
    type: span.type,
    kind: span.kind,
    startTime: toNanos(span.startMs),
    endTime: toNanos(Math.max(span.startMs, span.endMs)),
    status: STATUS[failed ? "error" : unfinished ? "unset" : "ok"],
    level: span.level,
    trace: trace.info,
  };
  if (span.parentSpanId !== undefined) record.parentSpanId = span.parentSpanId;
  if (span.input !== undefined) record.input = span.input;
  if (span.output !== undefined) record.output = span.output;
  const hasMore = unfinished || said !== NOTHING_SAID || parentOrigin !== undefined || traceState !== undefined;
  if (hasMore) {
    if (parentOrigin === "remote") record.parentIsRemote = true;
    else if (parentOrigin === "external") record.parentIsExternal = true;
    if (traceState !== undefined) record.traceState = traceState;
    if (said !== NOTHING_SAID) addSaid(record, said);
    if (unfinished) record.unfinished = true;
    if (span.callSite !== undefined) record.callSite = span.callSite;
  }
  // A function may have anything as its name, and a trace that was given may say anything of its flags.
  if (typeof span.name === "string" && Number.isInteger(trace.traceFlags)) markPlain(record, hasMore);
  return record;
}

function addSaid(record: { -readonly [K in keyof SpanRecord]: SpanRecord[K] }, said: Readonly<Said>): void {
  if (said.statusMessage !== undefined) record.status = { ...record.status, message: said.statusMessage };
  if (said.error !== undefined) record.error = said.error;
  if (said.firstChunkMs !== undefined) record.firstChunkTime = toNanos(said.firstChunkMs);
  if (said.genAi !== undefined) record.genAi = said.genAi;
  if (said.usage !== undefined) record.usage = said.usage;
  if (said.cost !== undefined) record.cost = said.cost;
  if (said.http !== undefined) record.http = said.http;
  if (said.events !== undefined) record.events = said.events;
  if (said.links !== undefined) record.links = said.links;
  if (said.metadata !== undefined) record.metadata = said.metadata;
  if (said.attributes !== undefined) record.attributes = said.attributes;
  if (said.cuts !== undefined) record.cuts = said.cuts;
}

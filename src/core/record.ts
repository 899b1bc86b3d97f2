import type { Cost, GenAi, HttpCall, Usage } from "./gen-ai.ts";
import type { Json, JsonObject } from "./json.ts";
import { lineOf } from "./line.ts";

export type * from "./gen-ai.ts";
export type * from "./json.ts";

/**
 * The record: the one shape that is queued, written to disk, sent over the wire, stored and shown.
 *
 * Plain JSON in memory too. Times are epoch nanoseconds as decimal strings (a `number` cannot hold them).
 * Of two records with the same `traceId` and `spanId`, the one with the higher `seq` wins, in every reader.
 */
export const SCHEMA_VERSION = 1;

/** Langfuse's ten observation types. */
export const OBSERVATION_TYPES = [
  "span",
  "generation",
  "event",
  "agent",
  "tool",
  "chain",
  "retriever",
  "evaluator",
  "embedding",
  "guardrail",
] as const;

export type ObservationType = (typeof OBSERVATION_TYPES)[number];

/** OpenTelemetry's span kinds. */
export const SPAN_KINDS = ["internal", "server", "client", "producer", "consumer"] as const;

export type SpanKind = (typeof SPAN_KINDS)[number];

export const LEVELS = ["DEBUG", "DEFAULT", "WARNING", "ERROR"] as const;

export type Level = (typeof LEVELS)[number];

export interface Status {
  readonly code: "unset" | "ok" | "error";
  readonly message?: string;
}

/** What was thrown. `type` is the error's class name, or `typeof` for a thrown value that is no Error. */
export interface ErrorInfo {
  readonly type: string;
  readonly message?: string;
  readonly stack?: string;
  /** The error's own `code`, such as `ECONNRESET` or `rate_limit_exceeded`. */
  readonly code?: string | number;
  /** The HTTP status, where the error carries one. */
  readonly status?: number;
  /** The chain of `cause`, nearest first. */
  readonly causes?: readonly { readonly type: string; readonly message?: string }[];
}

export interface SpanEvent {
  readonly name: string;
  readonly time: string;
  readonly attributes?: JsonObject;
}

export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes?: JsonObject;
}

/** One cut that capture made: where, why, and how large the value was before it. */
export interface Cut {
  readonly path: string;
  readonly reason: "string" | "entries" | "depth" | "nodes" | "bytes" | "redaction_failed";
  /** Characters for strings, entries for containers, bytes for binary. */
  readonly size?: number;
}

/** What belongs to the whole trace; stamped on every record of it as the record leaves. */
export interface TraceInfo {
  readonly name?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly feature?: string;
  readonly team?: string;
  readonly release?: string;
  readonly version?: string;
  readonly environment?: string;
  readonly public?: boolean;
}

export interface SpanRecord {
  readonly record: "span";
  readonly schema: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  /** The parent is a span of another process. */
  readonly parentIsRemote?: true;
  /** The parent is a span of another tracer in this process, such as OpenTelemetry's; it is in no record. */
  readonly parentIsExternal?: true;
  readonly traceFlags: number;
  readonly traceState?: string;
  readonly seq: number;
  readonly name: string;
  readonly type: ObservationType;
  readonly kind: SpanKind;
  readonly startTime: string;
  /** For an `unfinished` record: the time at which it was written. */
  readonly endTime: string;
  readonly firstChunkTime?: string;
  /** The span had not ended when this was written. A later record with a higher `seq` may say otherwise. */
  readonly unfinished?: true;
  /** Where an unfinished span was started or declared, `file:line:column`. */
  readonly callSite?: string;
  readonly status: Status;
  readonly level: Level;
  readonly error?: ErrorInfo;
  readonly input?: Json;
  readonly output?: Json;
  readonly genAi?: GenAi;
  readonly usage?: Usage;
  readonly cost?: Cost;
  readonly http?: HttpCall;
  readonly events?: readonly SpanEvent[];
  readonly links?: readonly SpanLink[];
  readonly metadata?: JsonObject;
  readonly attributes?: JsonObject;
  readonly cuts?: readonly Cut[];
  readonly trace: TraceInfo;
}

/** A judgement on a trace, a span or a session. Of two with the same `id`, the one with the higher `seq` wins. */
export interface ScoreRecord {
  readonly record: "score";
  readonly schema: number;
  readonly id: string;
  readonly seq: number;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly sessionId?: string;
  readonly time: string;
  readonly name: string;
  readonly value: number | string | boolean;
  readonly dataType: "NUMERIC" | "CATEGORICAL" | "BOOLEAN" | "TEXT";
  readonly comment?: string;
  readonly metadata?: JsonObject;
  readonly trace: TraceInfo;
}

/** Something that went wrong with a model call or a run, named by a rule that looked at the records of its trace. */
export interface FindingRecord {
  readonly record: "finding";
  readonly schema: number;
  /** The same for the same rule on the same span, however often it is found. */
  readonly id: string;
  readonly seq: number;
  readonly traceId: string;
  /** The span it is about; absent when it is about the whole trace. */
  readonly spanId?: string;
  readonly time: string;
  /** The name of the rule: `stuck_in_requires_action`. */
  readonly name: string;
  readonly severity: "info" | "warning" | "error";
  /** What is wrong, in one sentence with its figures. */
  readonly message: string;
  /** What to do about it, in one sentence. */
  readonly nextStep: string;
  /** The values that the rule read. */
  readonly evidence: JsonObject;
  readonly trace: TraceInfo;
}

export type TraceRecord = SpanRecord | ScoreRecord | FindingRecord;

/** Characters after which the older of two generations of lines goes: sinks of one form encode at about the same time. */
const GENERATION = 2 * 1024 * 1024;

let newer = new WeakMap<TraceRecord, string>();
let older = newer;
let characters = 0;
let isShared = true;

/** Whether more than one sink may ask for a record's line: to keep it for the others is a third of what delivery to a file costs. */
export function shareLines(shared: boolean): void {
  isShared = shared;
}

/**
 * The record as one line of JSON without the newline. Made once for all sinks of that form that encode it soon after; not
 * kept for longer, as a record may wait for hours in the queue of a sink that is down.
 */
export function encode(record: TraceRecord): string {
  if (!isShared) return toLine(record);
  return newer.get(record) ?? older.get(record) ?? remember(record, toLine(record));
}

function toLine(record: TraceRecord): string {
  return lineOf(record) ?? JSON.stringify(record);
}

function remember(record: TraceRecord, line: string): string {
  if (characters > GENERATION) {
    older = newer;
    newer = new WeakMap();
    characters = 0;
  }
  newer.set(record, line);
  characters += line.length;
  return line;
}

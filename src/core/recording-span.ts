import { type CallSite, callSite } from "./call-site.ts";
import { toEpochMs, toNanos } from "./clock.ts";
import { describeError, isAbort } from "./describe-error.ts";
import { guard } from "./guard.ts";
import { isSpanId, isTraceId } from "./ids.ts";
import {
  type Cost,
  type Cut,
  type ErrorInfo,
  type GenAi,
  type HttpCall,
  type Json,
  type JsonObject,
  LEVELS,
  type Level,
  OBSERVATION_TYPES,
  type ObservationType,
  SCHEMA_VERSION,
  SPAN_KINDS,
  type SpanEvent,
  type SpanKind,
  type SpanLink,
  type SpanRecord,
  type Usage,
} from "./record.ts";
import { type Runtime, slot } from "./runtime.ts";
import type { EndOptions, Span, SpanPatch, StartWitness } from "./span.ts";
import { genAiOf, statedCost } from "./span-patch.ts";
import type { Trace } from "./trace.ts";
import { formatTraceparent } from "./traceparent.ts";
import { normalizeUsage } from "./usage.ts";

export interface SpanStart {
  readonly name: string;
  readonly type: ObservationType;
  readonly kind: SpanKind;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** Whose the parent is when it is none of ours. */
  readonly parentOrigin: "remote" | "external" | undefined;
  /** Epoch milliseconds, with fractions. */
  readonly startMs: number;
  /** The monotonic clock at the call that started the span. */
  readonly startMonotonicMs: number;
  readonly seq: number;
  readonly callSite: CallSite | undefined;
  readonly witness: StartWitness | undefined;
}

/** Events and links kept of one span: as OpenTelemetry does. */
const MAX_LISTED = 128;

/** Estimated heap bytes of a record without its payload: ids, times and the object itself. */
const RECORD_BYTES = 600;

/** A span that is being recorded. Mutable until it ends, then one frozen record. */
export class RecordingSpan implements Span {
  readonly recording = true;
  readonly trace: Trace;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly startMs: number;
  readonly startMonotonicMs: number;
  readonly witness: StartWitness | undefined;
  ended = false;
  /** It only lends its id to a call whose answer is recorded elsewhere: until it is needed, nothing is exported of it. */
  isSpare = false;
  /** Estimated heap bytes of the record to come; `OpenSpans` keeps the sum. */
  bytes: number = RECORD_BYTES;
  /** Its place in the list of `OpenSpans`. */
  isListed = false;
  older: RecordingSpan | undefined = undefined;
  newer: RecordingSpan | undefined = undefined;
  readonly #runtime: Runtime;
  readonly #parentOrigin: SpanStart["parentOrigin"];
  readonly #callSite: CallSite | undefined;
  #seq: number;
  #name: string;
  #type: ObservationType;
  #kind: SpanKind;
  #level: Level = "DEFAULT";
  #failed = false;
  #statusMessage: string | undefined;
  #error: ErrorInfo | undefined;
  #input: Json | undefined;
  #output: Json | undefined;
  #firstChunkMs: number | undefined;
  #genAi: GenAi | undefined;
  #usage: Usage | undefined;
  #cost: Cost | undefined;
  #http: HttpCall | undefined;
  #events: SpanEvent[] | undefined;
  #links: readonly SpanLink[] | undefined;
  #metadata: JsonObject | undefined;
  #attributes: JsonObject | undefined;
  #cuts: Cut[] | undefined;

  constructor(runtime: Runtime, trace: Trace, start: SpanStart) {
    this.#runtime = runtime;
    this.trace = trace;
    this.spanId = start.spanId;
    this.parentSpanId = start.parentSpanId;
    this.#parentOrigin = start.parentOrigin;
    this.startMs = start.startMs;
    this.startMonotonicMs = start.startMonotonicMs;
    this.witness = start.witness;
    this.#callSite = start.callSite;
    this.#seq = start.seq;
    this.#name = start.name;
    this.#type = start.type;
    this.#kind = start.kind;
    runtime.open.add(this);
  }

  get traceId(): string {
    return this.trace.traceId;
  }

  get name(): string {
    return this.#name;
  }

  get type(): ObservationType {
    return this.#type;
  }

  get genAi(): GenAi | undefined {
    return this.#genAi;
  }

  update(patch: SpanPatch): this {
    if (this.ended) slot.lateUpdates++;
    else guard(() => this.#apply(patch), undefined);
    return this;
  }

  event(title: string, attributes?: Record<string, unknown>): this {
    if (this.ended) {
      slot.lateUpdates++;
      return this;
    }
    guard(() => {
      if (!this.#hasRoom(this.#events, "events")) return;
      const name = clean(this.#runtime, title);
      const time = toNanos(this.#nowMs());
      const captured = this.#capture(attributes, `events.${name}`) as JsonObject | undefined;
      (this.#events ??= []).push(captured === undefined ? { name, time } : { name, time, attributes: captured });
    }, undefined);
    return this;
  }

  fail(error: unknown): this {
    if (this.ended) {
      slot.lateUpdates++;
      return this;
    }
    this.#failed = true;
    this.#level = "ERROR";
    guard(() => {
      if (isAbort(error)) this.#level = "WARNING";
      this.#error = describeError(error, this.#runtime.capture);
    }, undefined);
    return this;
  }

  /** Adds a link to another span, of this trace or of any other. */
  link(links: readonly SpanLink[]): this {
    guard(() => {
      for (const { traceId, spanId, attributes } of links) {
        if (!isTraceId(traceId) || !isSpanId(spanId) || !this.#hasRoom(this.#links, "links")) continue;
        const captured = this.#capture(attributes, "links") as JsonObject | undefined;
        const link = captured === undefined ? { traceId, spanId } : { traceId, spanId, attributes: captured };
        this.#links = [...(this.#links ?? []), link];
      }
    }, undefined);
    return this;
  }

  /** Notes that the first chunk of the answer has arrived; only the first call counts. */
  firstChunk(): void {
    if (!this.ended) this.#firstChunkMs ??= this.#nowMs();
  }

  end(patch?: EndOptions): void {
    if (this.ended) return;
    if (patch !== undefined) guard(() => this.#apply(patch), undefined);
    this.ended = true;
    this.#runtime.open.remove(this);
    // Read apart: options that cannot be read must not cost the record.
    const endMs = guard(() => toEpochMs(patch?.endTime), undefined);
    const unfinished = guard(() => patch?.unfinished === true, false);
    guard(() => this.#emit(endMs, unfinished), undefined);
  }

  /** Writes the span as it is now, marked `unfinished`; when it ends after all, a record with a higher `seq` follows. */
  exportUnfinished(): void {
    if (!this.ended && !this.isSpare) guard(() => this.#emit(undefined, true), undefined);
  }

  traceparent(): string {
    return formatTraceparent({ traceId: this.traceId, spanId: this.spanId, traceFlags: this.trace.traceFlags });
  }

  [Symbol.dispose](): void {
    this.end();
  }

  toJSON(): { traceId: string; spanId: string; name: string } {
    return { traceId: this.traceId, spanId: this.spanId, name: this.#name };
  }

  #nowMs(): number {
    return this.startMs + Math.max(0, this.#runtime.clock.monotonicMs() - this.startMonotonicMs);
  }

  /** What has no end (a polling loop's events) keeps its beginning, and says so once. */
  #hasRoom(list: readonly unknown[] | undefined, path: "events" | "links"): boolean {
    if (list === undefined || list.length < MAX_LISTED) return true;
    if (this.#cuts?.some((cut) => cut.path === path)) return false;
    this.#cuts = [...(this.#cuts ?? []), { path, reason: "entries" }];
    return false;
  }

  #capture(value: unknown, path: string): Json | undefined {
    if (value === undefined) return undefined;
    const captured = this.#runtime.capture.value(value, path);
    this.#runtime.open.grow(this, captured.bytes);
    if (captured.cuts !== undefined) this.#cuts = [...(this.#cuts ?? []), ...captured.cuts];
    return captured.value;
  }

  #captureObject(base: JsonObject | undefined, value: Record<string, unknown>, path: string): JsonObject {
    return { ...base, ...(this.#capture(value, path) as JsonObject) };
  }

  #apply(patch: SpanPatch): void {
    if (patch.name !== undefined) this.#name = clean(this.#runtime, patch.name);
    if (OBSERVATION_TYPES.includes(patch.type as ObservationType)) this.#type = patch.type as ObservationType;
    if (SPAN_KINDS.includes(patch.kind as SpanKind)) this.#kind = patch.kind as SpanKind;
    if (patch.input !== undefined) this.#input = this.#capture(patch.input, "input");
    if (patch.output !== undefined) this.#output = this.#capture(patch.output, "output");
    if (patch.metadata) this.#metadata = this.#captureObject(this.#metadata, patch.metadata, "metadata");
    if (patch.attributes) this.#attributes = this.#captureObject(this.#attributes, patch.attributes, "attributes");
    if (LEVELS.includes(patch.level as Level)) this.#setLevel(patch.level as Level);
    if (patch.statusMessage !== undefined) {
      this.#statusMessage = this.#runtime.capture.text(String(patch.statusMessage));
    }
    if (patch.usage !== undefined) this.#usage = normalizeUsage(patch.usage) ?? this.#usage;
    if (patch.cost !== undefined) this.#cost = statedCost(patch.cost);
    if (patch.completionStartTime !== undefined) this.#firstChunkMs = toEpochMs(patch.completionStartTime);
    if (patch.http !== undefined) this.#http = this.#capture(patch.http, "http") as HttpCall | undefined;
    const genAi = genAiOf(patch);
    if (genAi !== undefined) {
      this.#genAi = { ...this.#genAi, ...(this.#capture(genAi, "genAi") as GenAi) };
    }
  }

  #setLevel(level: Level): void {
    this.#level = level;
    if (level === "ERROR") this.#failed = true;
  }

  #emit(endMs: number | undefined, unfinished: boolean): void {
    const info = this.trace.info;
    const record: { -readonly [K in keyof SpanRecord]: SpanRecord[K] } = {
      record: "span",
      schema: SCHEMA_VERSION,
      traceId: this.traceId,
      spanId: this.spanId,
      traceFlags: this.trace.traceFlags,
      seq: this.#seq++,
      name: this.#name,
      type: this.#type,
      kind: this.#kind,
      startTime: toNanos(this.startMs),
      endTime: toNanos(Math.max(this.startMs, endMs ?? this.#nowMs())),
      status: { code: this.#failed ? "error" : unfinished ? "unset" : "ok" },
      level: this.#level,
      trace: info,
    };
    if (this.parentSpanId !== undefined) record.parentSpanId = this.parentSpanId;
    if (this.#parentOrigin === "remote") record.parentIsRemote = true;
    else if (this.#parentOrigin === "external") record.parentIsExternal = true;
    // What is passed on stays as it came; a record shows no credential of another's.
    if (this.trace.traceState !== undefined) record.traceState = this.#runtime.capture.text(this.trace.traceState);
    if (this.#statusMessage !== undefined) record.status = { ...record.status, message: this.#statusMessage };
    if (this.#error !== undefined) record.error = this.#error;
    if (this.#input !== undefined) record.input = this.#input;
    if (this.#output !== undefined) record.output = this.#output;
    if (this.#firstChunkMs !== undefined) record.firstChunkTime = toNanos(this.#firstChunkMs);
    if (this.#genAi !== undefined) record.genAi = this.#genAi;
    if (this.#usage !== undefined) record.usage = this.#usage;
    if (this.#cost !== undefined) record.cost = this.#cost;
    if (this.#http !== undefined) record.http = this.#http;
    if (this.#events !== undefined) record.events = this.#events;
    if (this.#links !== undefined) record.links = this.#links;
    if (this.#metadata !== undefined) record.metadata = this.#metadata;
    if (this.#attributes !== undefined) record.attributes = this.#attributes;
    if (this.#cuts !== undefined) record.cuts = this.#cuts;
    if (unfinished) {
      record.unfinished = true;
      const site = callSite(this.#callSite);
      if (site !== undefined) record.callSite = site;
    }
    this.#runtime.emit({ record, trace: this.trace, bytes: this.bytes });
  }
}

/** A name is no longer than this: viewers show one line. */
const MAX_NAME = 512;

/** A name as users give them: bounded, and masked like any other text. */
export function clean(runtime: Runtime, name: unknown): string {
  const text = String(name);
  return runtime.capture.text(text.length > MAX_NAME ? `${text.slice(0, MAX_NAME - 1)}…` : text);
}

import { type CallSite, callSite } from "./call-site.ts";
import { toEpochMs, toNanos } from "./clock.ts";
import { describeError, isAbort } from "./describe-error.ts";
import { guard, swallow } from "./guard.ts";
import { isSpanId, isTraceId } from "./ids.ts";
import {
  type GenAi,
  type HttpCall,
  type Json,
  type JsonObject,
  LEVELS,
  type Level,
  OBSERVATION_TYPES,
  type ObservationType,
  SPAN_KINDS,
  type SpanKind,
  type SpanLink,
  type SpanRecord,
  type TraceRecord,
} from "./record.ts";
import { type Runtime, slot } from "./runtime.ts";
import type { EndOptions, Span, SpanPatch, StartWitness } from "./span.ts";
import { genAiOf, statedCost } from "./span-patch.ts";
import type { Draft, Trace } from "./trace.ts";
import { formatTraceparent } from "./traceparent.ts";
import { normalizeUsage } from "./usage.ts";
import { NOTHING_SAID, namedValues, Said, writeRecord } from "./write-record.ts";

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

/**
 * A span that is being recorded. Mutable until it ends; then it is the draft of its own record, which is made when somebody
 * asks for it: off the caller's turn, unless a sink decides by it at once.
 */
export class RecordingSpan implements Span, Draft {
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
  /** The input holds the values of these. */
  #names: readonly string[] | undefined = undefined;
  #input: Json | undefined = undefined;
  #output: Json | undefined = undefined;
  #said: Said = NOTHING_SAID;
  #endMs = 0;
  #record: TraceRecord | undefined = undefined;

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
    return this.#said.genAi;
  }

  get isPlain(): boolean {
    const { usage, genAi, http } = this.#said;
    return !this.#failed && usage === undefined && genAi === undefined && http === undefined;
  }

  get record(): TraceRecord {
    return (this.#record ??= this.#write(this.#endMs, false));
  }

  set record(record: TraceRecord) {
    this.#record = record;
  }

  update(patch: SpanPatch): this {
    if (this.ended) slot.lateUpdates++;
    else guard(() => this.#apply(patch), undefined);
    return this;
  }

  /**
   * The input of a call by its names: values that are plain, under names that are harmless. Keeps both arrays, of which
   * an object is made with the record.
   */
  takeArguments(names: readonly string[], values: readonly unknown[], bytes: number): void {
    this.#names = names;
    this.#input = values as Json;
    this.#runtime.open.grow(this, bytes);
  }

  event(title: string, attributes?: Record<string, unknown>): this {
    if (this.ended) {
      slot.lateUpdates++;
      return this;
    }
    guard(() => {
      if (!this.#hasRoom(this.#said.events, "events")) return;
      const name = clean(this.#runtime, title);
      const time = toNanos(this.#nowMs());
      const captured = this.#capture(attributes, `events.${name}`) as JsonObject | undefined;
      (this.#say().events ??= []).push(captured === undefined ? { name, time } : { name, time, attributes: captured });
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
      this.#say().error = describeError(error, this.#runtime.capture);
    }, undefined);
    return this;
  }

  /** Adds a link to another span, of this trace or of any other. */
  link(links: readonly SpanLink[]): this {
    if (this.ended) {
      slot.lateUpdates++;
      return this;
    }
    guard(() => {
      for (const { traceId, spanId, attributes } of links) {
        if (!isTraceId(traceId) || !isSpanId(spanId) || !this.#hasRoom(this.#said.links, "links")) continue;
        const captured = this.#capture(attributes, "links") as JsonObject | undefined;
        const link = captured === undefined ? { traceId, spanId } : { traceId, spanId, attributes: captured };
        this.#say().links = [...(this.#said.links ?? []), link];
      }
    }, undefined);
    return this;
  }

  /** Notes that the first chunk of the answer has arrived; only the first call counts. */
  firstChunk(): void {
    if (!this.ended) this.#say().firstChunkMs ??= this.#nowMs();
  }

  end(patch?: EndOptions): void {
    if (this.ended) return;
    if (patch === undefined) this.#close(undefined, false);
    else this.#endBy(patch);
  }

  #endBy(patch: EndOptions): void {
    guard(() => this.#apply(patch), undefined);
    // Read apart: options that cannot be read must not cost the record.
    const endMs = guard(() => toEpochMs(patch.endTime), undefined);
    const unfinished = guard(() => patch.unfinished === true, false);
    this.#close(endMs, unfinished);
  }

  /** `end({ output })`, and nothing made for it: every observed call comes by here. */
  endWith(output: unknown): void {
    if (this.ended) return;
    try {
      const { capture, open } = this.#runtime;
      const bytes = capture.plain?.(output);
      if (bytes === undefined) this.#output = this.#capture(output, "output");
      else {
        this.#output = output as Json;
        open.grow(this, bytes);
      }
    } catch (error) {
      swallow(error);
    }
    this.#close(undefined, false);
  }

  #close(endMs: number | undefined, unfinished: boolean): void {
    this.ended = true;
    try {
      this.#runtime.open.remove(this);
      this.#endMs = endMs ?? this.#nowMs();
      if (unfinished) this.#record = this.#write(this.#endMs, true);
      this.#runtime.emit(this);
    } catch (error) {
      swallow(error);
    }
  }

  /** Writes the span as it is now, marked `unfinished`; when it ends after all, a record with a higher `seq` follows. */
  exportUnfinished(): void {
    if (this.ended || this.isSpare) return;
    guard(() => {
      const { trace, bytes } = this;
      this.#runtime.emit({ record: this.#write(this.#nowMs(), true), trace, bytes });
    }, undefined);
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
    if (this.#said.cuts?.some((cut) => cut.path === path)) return false;
    this.#say().cuts = [...(this.#said.cuts ?? []), { path, reason: "entries" }];
    return false;
  }

  #capture(value: unknown, path: string): Json | undefined {
    if (value === undefined) return undefined;
    const captured = this.#runtime.capture.value(value, path);
    this.#runtime.open.grow(this, captured.bytes);
    if (captured.cuts !== undefined) this.#say().cuts = [...(this.#said.cuts ?? []), ...captured.cuts];
    return captured.value;
  }

  #captureObject(base: JsonObject | undefined, value: Record<string, unknown>, path: string): JsonObject {
    return { ...base, ...(this.#capture(value, path) as JsonObject) };
  }

  #apply(patch: SpanPatch): void {
    if (patch.name !== undefined) this.#name = clean(this.#runtime, patch.name);
    if (patch.type !== undefined && OBSERVATION_TYPES.includes(patch.type)) this.#type = patch.type as ObservationType;
    if (patch.kind !== undefined && SPAN_KINDS.includes(patch.kind)) this.#kind = patch.kind as SpanKind;
    if (patch.input !== undefined) {
      this.#input = this.#capture(patch.input, "input");
      this.#names = undefined;
    }
    if (patch.output !== undefined) this.#output = this.#capture(patch.output, "output");
    if (patch.metadata) this.#say().metadata = this.#captureObject(this.#said.metadata, patch.metadata, "metadata");
    if (patch.attributes)
      this.#say().attributes = this.#captureObject(this.#said.attributes, patch.attributes, "attributes");
    if (patch.level !== undefined && LEVELS.includes(patch.level)) this.#setLevel(patch.level as Level);
    if (patch.statusMessage !== undefined) {
      this.#say().statusMessage = this.#runtime.capture.text(String(patch.statusMessage));
    }
    if (patch.usage !== undefined) this.#say().usage = normalizeUsage(patch.usage) ?? this.#said.usage;
    if (patch.cost !== undefined) this.#say().cost = statedCost(patch.cost);
    if (patch.completionStartTime !== undefined) this.#say().firstChunkMs = toEpochMs(patch.completionStartTime);
    if (patch.http !== undefined) this.#say().http = this.#capture(patch.http, "http") as HttpCall | undefined;
    const genAi = genAiOf(patch);
    if (genAi !== undefined) {
      this.#say().genAi = { ...this.#said.genAi, ...(this.#capture(genAi, "genAi") as GenAi) };
    }
  }

  #setLevel(level: Level): void {
    this.#level = level;
    if (level === "ERROR") this.#failed = true;
  }

  /** What is said of the span, to be added to: most spans have nothing said of them. */
  #say(): Said {
    if (this.#said === NOTHING_SAID) this.#said = new Said();
    return this.#said;
  }

  #write(endMs: number, unfinished: boolean): SpanRecord {
    const { trace, spanId, parentSpanId, startMs, name, type } = this;
    const known = {
      trace,
      // What is passed on stays as it came; a record shows no credential of another's.
      traceState: trace.traceState && this.#runtime.capture.text(trace.traceState),
      spanId,
      parentSpanId,
      parentOrigin: this.#parentOrigin,
      seq: this.#seq++,
      name,
      type,
      kind: this.#kind,
      startMs,
      endMs,
      level: this.#level,
      failed: this.#failed,
      unfinished,
      callSite: unfinished ? callSite(this.#callSite) : undefined,
      input: this.#names === undefined ? this.#input : namedValues(this.#names, this.#input as Json[]),
      output: this.#output,
    };
    return writeRecord(known, this.#said);
  }
}

/** A name is no longer than this: viewers show one line. */
const MAX_NAME = 512;

/** A name as users give them: bounded, and masked like any other text. */
export function clean(runtime: Runtime, name: unknown): string {
  const text = String(name);
  return runtime.capture.text(text.length > MAX_NAME ? `${text.slice(0, MAX_NAME - 1)}…` : text);
}

import {
  type Context,
  isSpanContextValid,
  type Span as OtelSpan,
  trace as otelTrace,
  propagation,
  type SpanContext,
} from "@opentelemetry/api";
import { traceInfoFrom } from "../core/baggage.ts";
import { isSuppressed, NonRecordingSpan } from "../core/non-recording-span.ts";
import type { TraceInfo } from "../core/record.ts";
import type { Runtime } from "../core/runtime.ts";
import { isSampled } from "../core/sampling.ts";
import type { Span } from "../core/span.ts";
import { isRecorded, joinTrace } from "../core/start.ts";
import { mergeTraceInfo, type Trace } from "../core/trace.ts";
import { parseTracestate } from "../core/traceparent.ts";
import { placeOf, setPlace, traceAround } from "./opentelemetry-place.ts";
import { sentryRoot } from "./opentelemetry-sentry.ts";
import { traceOfStand } from "./opentelemetry-stand.ts";

/** What one of OpenTelemetry's contexts means to us, given what our own context holds. */
export interface ContextReader {
  readonly runtime: Runtime;
  /** Some entries of baggage are trace attributes. */
  readonly hasBaggage: boolean;
  read(context: Context, own: Span | undefined): Span | undefined;
}

interface Reading {
  readonly own: Span | undefined;
  readonly span: Span | undefined;
}

/** The parent as spans of the SDK have it since 2.0, the very object that the parent answers with. */
type Child = OtelSpan & { readonly parentSpanContext?: SpanContext | undefined };

/** Of the flags, those that W3C level 2 defines: sampled and random. */
const KNOWN_FLAGS = 3;

/**
 * A reader for the contexts in which no span of ours is OpenTelemetry's active one. Each context is read once.
 *
 * A caller's trace has as many local roots here as it has requests, so attributes are shared not by trace id but below one
 * local root: a parent in another process, or none, begins a `Trace` of its own, and so does a span of which nothing is known.
 */
export function contextReader(runtime: Runtime): ContextReader {
  const readings = new WeakMap<Context, Reading>();
  /** By what stands for a span of theirs: its context, which its children have as their parent's. */
  const traces = new WeakMap<object, Trace>();
  // Another loaded copy may have configured, an older one.
  const hasBaggage = Object.keys(runtime.baggage ?? {}).length > 0;

  const baggageIn = (context: Context): TraceInfo | undefined => {
    const baggage = hasBaggage ? propagation.getBaggage(context) : undefined;
    return baggage && traceInfoFrom(runtime, (key) => baggage.getEntry(key)?.value);
  };

  /** No span of OpenTelemetry: ours; for a trace that has not begun, the attributes that it will begin with. */
  const outside = (context: Context, own: Span | undefined): Span | undefined => {
    if (own !== undefined && (own as NonRecordingSpan).reason !== "seed") return own;
    const info = withSeed(baggageIn(context), own);
    return info === undefined ? own : new NonRecordingSpan("seed", { info, witness: witnessIn(own) });
  };

  const begin = (from: SpanContext, baggage: TraceInfo | undefined, own: Span | undefined): Trace =>
    joinTrace(runtime, {
      traceId: from.traceId,
      traceFlags: from.traceFlags & KNOWN_FLAGS,
      traceState: parseTracestate(from.traceState?.serialize()),
      info: withSeed(baggage, traceIn(own) === undefined ? own : undefined),
    });

  /** What is known of the local root above. */
  const traceAbove = (
    context: Context,
    { traceId }: SpanContext,
    parent: SpanContext | undefined,
  ): Trace | undefined => {
    const ours = parent && traceOfStand(parent);
    if (ours === undefined && parent?.isRemote === true) return undefined;
    const trace = ours ?? (parent && traces.get(parent)) ?? traceAround(context);
    return trace?.traceId === traceId ? trace : undefined;
  };

  const traceOf = (context: Context, span: Child, own: Span | undefined): Trace => {
    const spanContext = span.spanContext();
    // Not the span's own but what a request brought; the same may be made current for several.
    if (spanContext.isRemote === true) return begin(spanContext, baggageIn(context), own);
    const self = span.spanContext() === spanContext ? spanContext : sentryRoot(span);
    const known = traces.get(self);
    if (known !== undefined) return known;
    const parent = span.parentSpanContext;
    const above = traceAbove(context, spanContext, parent);
    const baggage = above === undefined ? baggageIn(context) : undefined;
    const trace = above ?? begin(spanContext, baggage, own);
    traces.set(self, trace);
    // So that its siblings join in. What a child's baggage says is not the parent's.
    const isParentHere =
      parent !== undefined && parent.isRemote !== true && isSampled(parent) === isSampled(spanContext);
    if (above === undefined && isParentHere && baggage === undefined) traces.set(parent, trace);
    return trace;
  };

  const inside = (context: Context, span: OtelSpan, own: Span | undefined): Span | undefined => {
    if (isSuppressed(own) || (own !== undefined && isIn(own, span))) return own;
    const { spanId, traceFlags, isRemote } = span.spanContext();
    const trace = traceOf(context, span, own);
    const isShared = trace === traceIn(own);
    const isDropped = !isSampled({ traceFlags });
    // One span of a trace that is recorded, left out by OpenTelemetry's sampler: nobody could find it as a parent.
    if (isShared && isDropped) return own;
    const isWanted = isDropped ? runtime.recordUnsampled && !isSampled(trace) : isRecorded(runtime, trace);
    const reason = !isWanted ? "unsampled" : isRemote === true ? "remote" : "external";
    const enclosing = isShared ? (own!.recording ? own : (own as NonRecordingSpan).enclosing) : undefined;
    return new NonRecordingSpan(reason, { trace, spanId, enclosing, witness: witnessIn(own) });
  };

  return {
    runtime,
    hasBaggage,
    read(context, own) {
      const active = otelTrace.getSpan(context);
      if (active === undefined && !hasBaggage) return own;
      const known = readings.get(context);
      if (known !== undefined && known.own === own) return known.span;
      const isInside = active !== undefined && isSpanContextValid(active.spanContext());
      const span = isInside ? inside(context, active, own) : outside(context, own);
      // What is bound here comes back as its own, and must not put an end to what has been made of the place.
      if (span === own) return own;
      if (span !== undefined) setPlace(span, context);
      readings.set(context, { own, span });
      return span;
    },
  };
}

/** What `withTrace` has set around a trace that has not begun goes before what its baggage says. */
function withSeed(baggage: TraceInfo | undefined, own: Span | undefined): TraceInfo | undefined {
  const seed = (own as NonRecordingSpan | undefined)?.info;
  return baggage === undefined || seed === undefined ? (baggage ?? seed) : mergeTraceInfo(baggage, seed);
}

function witnessIn(span: Span | undefined): NonRecordingSpan["witness"] {
  return (span as NonRecordingSpan | undefined)?.witness;
}

function traceIn(span: Span | undefined): Trace | undefined {
  return (span as { trace?: Trace } | undefined)?.trace;
}

/** Ours became current inside this very span of OpenTelemetry, and is the nearer one. */
function isIn(own: Span, span: OtelSpan): boolean {
  const place = placeOf(own);
  return place !== undefined && otelTrace.getSpan(place) === span;
}

import {
  type Context,
  isSpanContextValid,
  type Span as OtelSpan,
  trace as otelTrace,
  propagation,
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
import { placeOf, setPlace } from "./opentelemetry-place.ts";

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

/** Traces of OpenTelemetry whose attributes are kept for spans to come; one that goes on beyond that begins afresh. */
const MAX_TRACES = 4_096;
/** Of the flags, those that W3C level 2 defines: sampled and random. */
const KNOWN_FLAGS = 3;

/** A reader for the contexts in which no span of ours is OpenTelemetry's active one. Each context is read once. */
export function contextReader(runtime: Runtime): ContextReader {
  const readings = new WeakMap<Context, Reading>();
  const traces = new Map<string, Trace>();
  // Another loaded copy may have configured, an older one.
  const hasBaggage = Object.keys(runtime.baggage ?? {}).length > 0;

  const infoOf = (context: Context, own: Span | undefined): TraceInfo | undefined => {
    const seed = (own as NonRecordingSpan | undefined)?.info;
    const baggage = hasBaggage ? propagation.getBaggage(context) : undefined;
    const info = baggage && traceInfoFrom(runtime, (key) => baggage.getEntry(key)?.value);
    return info === undefined || seed === undefined ? (info ?? seed) : mergeTraceInfo(info, seed);
  };

  /** No span of OpenTelemetry: ours; for a trace that has not begun, the attributes that it will begin with. */
  const outside = (context: Context, own: Span | undefined): Span | undefined => {
    if (own !== undefined && (own as NonRecordingSpan).reason !== "seed") return own;
    const info = infoOf(context, own);
    return info === undefined ? own : new NonRecordingSpan("seed", { info });
  };

  const traceOf = (context: Context, span: OtelSpan, own: Span | undefined): Trace => {
    const { traceId, traceFlags, traceState } = span.spanContext();
    const known = traces.get(traceId);
    traces.delete(traceId);
    const from = {
      traceId,
      traceFlags: traceFlags & KNOWN_FLAGS,
      traceState: parseTracestate(traceState?.serialize()),
    };
    const trace =
      known ?? joinTrace(runtime, { ...from, info: infoOf(context, traceIn(own) === undefined ? own : undefined) });
    // The newest last, so that the first is the one to forget.
    traces.set(traceId, trace);
    if (traces.size > MAX_TRACES) traces.delete(traces.keys().next().value!);
    return trace;
  };

  const inside = (context: Context, span: OtelSpan, own: Span | undefined): Span | undefined => {
    if (isSuppressed(own) || (own !== undefined && isIn(own, span))) return own;
    const { traceId, spanId, traceFlags, isRemote } = span.spanContext();
    const around = traceIn(own);
    const isShared = around?.traceId === traceId;
    const isDropped = !isSampled({ traceFlags });
    // One span of a trace that is recorded, left out by OpenTelemetry's sampler: nobody could find it as a parent.
    if (isShared && isDropped) return own;
    const trace = isShared ? around : traceOf(context, span, own);
    const isWanted = isDropped ? runtime.recordUnsampled && !isSampled(trace) : isRecorded(runtime, trace);
    const reason = !isWanted ? "unsampled" : isRemote === true ? "remote" : "external";
    const enclosing = isShared ? (own!.recording ? own : (own as NonRecordingSpan).enclosing) : undefined;
    return new NonRecordingSpan(reason, { trace, spanId, enclosing });
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
      if (span !== undefined && span !== own) setPlace(span, context);
      readings.set(context, { own, span });
      return span;
    },
  };
}

function traceIn(span: Span | undefined): Trace | undefined {
  return (span as { trace?: Trace } | undefined)?.trace;
}

/** Ours became current inside this very span of OpenTelemetry, and is the nearer one. */
function isIn(own: Span, span: OtelSpan): boolean {
  const place = placeOf(own);
  return place !== undefined && otelTrace.getSpan(place) === span;
}

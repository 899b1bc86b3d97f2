import { type Context, createContextKey } from "@opentelemetry/api";
import type { Span } from "../core/span.ts";
import type { Trace } from "../core/trace.ts";

/** The same for all loaded copies of the package. A WeakMap costs 3 µs for each span, most of it in garbage collection. */
const PLACE: unique symbol = Symbol.for("sightline.opentelemetry.context") as never;
/** In OpenTelemetry's context: the trace of the nearest span of ours, also below spans of theirs that we never saw. */
const TRACE = createContextKey("sightline.opentelemetry.trace");

type Placed = Span & { [PLACE]?: Context };

/** OpenTelemetry's context in which the span first became current. It resumes there, with all that the context held. */
export function placeOf(span: Span): Context | undefined {
  return (span as Placed)[PLACE];
}

export function setPlace(span: Span, context: Context): void {
  Reflect.set(span, PLACE, context);
}

/** The trace of our nearest span around, by OpenTelemetry's context and not by ours. */
export function traceAround(context: Context): Trace | undefined {
  return context.getValue(TRACE) as Trace | undefined;
}

export function setTraceAround(context: Context, trace: Trace): Context {
  return context.getValue(TRACE) === trace ? context : context.setValue(TRACE, trace);
}

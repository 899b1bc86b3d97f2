import {
  type Context,
  createTraceState,
  type Span as OtelSpan,
  trace as otelTrace,
  type SpanContext,
  type TraceState,
} from "@opentelemetry/api";
import type { NonRecordingSpan } from "../core/non-recording-span.ts";
import { SAMPLED } from "../core/sampling.ts";
import type { Span } from "../core/span.ts";
import type { Trace } from "../core/trace.ts";
import { sentryScopes } from "./opentelemetry-sentry.ts";

/** On a span of OpenTelemetry's that stands for one of ours. The same for all loaded copies of the package. */
export const OURS: unique symbol = Symbol.for("sightline.span") as never;
/** On its context, which spans of theirs keep as their parent's. */
const TRACE: unique symbol = Symbol.for("sightline.trace") as never;

export interface Stand extends OtelSpan {
  [OURS]?: Span;
}

/** A class for its private field: of the trace neither a spread nor a console exporter sees anything. */
class StandContext implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote: boolean;
  declare readonly traceState?: TraceState;
  readonly #trace: Trace;

  constructor(span: Span, trace: Trace, isRemote: boolean) {
    this.traceId = span.traceId;
    this.spanId = span.spanId;
    this.traceFlags = trace.traceFlags & SAMPLED;
    this.isRemote = isRemote;
    this.#trace = trace;
  }

  get [TRACE](): Trace {
    return this.#trace;
  }
}

/** What OpenTelemetry takes for its active span. */
export function standFor(span: Span, trace: Trace, active: Context, around: OtelSpan | undefined): Stand {
  const isRemote =
    (span as NonRecordingSpan).reason === "remote" ||
    // Sentry drops the children of a local span that is not its own; of a remote one it takes the decision only if that is yes.
    ((trace.traceFlags & SAMPLED) === SAMPLED && sentryScopes(active) !== undefined);
  const context = new StandContext(span, trace, isRemote);
  const stand: Stand = otelTrace.wrapSpanContext(Object.assign(context, traceStateOf(trace, around)));
  stand[OURS] = span;
  return stand;
}

/** The trace of our span that a parent's context stands for; `undefined` where it is somebody else's. */
export function traceOfStand(context: SpanContext): Trace | undefined {
  return (context as Partial<StandContext>)[TRACE];
}

/** As the parent has it, which may know more than its header; else as it came. */
function traceStateOf(trace: Trace, around: OtelSpan | undefined): { traceState?: TraceState } {
  const parent = around?.spanContext();
  if (parent?.traceState !== undefined && parent.traceId === trace.traceId) return { traceState: parent.traceState };
  return trace.traceState === undefined ? {} : { traceState: createTraceState(trace.traceState) };
}

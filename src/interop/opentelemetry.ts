import {
  type Context,
  context,
  createContextKey,
  createTraceState,
  isSpanContextValid,
  type Span as OtelSpan,
  trace as otelTrace,
  propagation,
  type TraceState,
} from "@opentelemetry/api";
import { type BaggageRules, baggageFrom } from "../core/baggage.ts";
import type { Carrier } from "../core/context.ts";
import { ConfigError } from "../core/errors.ts";
import { isSuppressed, type NonRecordingSpan, SUPPRESSED } from "../core/non-recording-span.ts";
import { type Runtime, slot } from "../core/runtime.ts";
import { SAMPLED } from "../core/sampling.ts";
import type { Span } from "../core/span.ts";
import type { Trace } from "../core/trace.ts";
import { placeOf, setPlace } from "./opentelemetry-place.ts";
import { type ContextReader, contextReader } from "./opentelemetry-reading.ts";
import { sentryScopes, suppressSentry } from "./opentelemetry-sentry.ts";

export interface OpenTelemetryCarrierOptions {
  /**
   * OpenTelemetry's spans go to another backend than ours, and must find their parents there: a span of theirs is a child
   * of the nearest one of theirs. Ours are still children of the nearest, whosever it is. Default: true beside Sentry, whose
   * spans go to Sentry; else false.
   */
  readonly separate?: boolean;
}

/** The key by which OpenTelemetry's SDK keeps `suppressTracing`. */
const SUPPRESS = createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
/** On a span of OpenTelemetry's that stands for one of ours. The same for all loaded copies of the package. */
const OURS: unique symbol = Symbol.for("sightline.span") as never;

interface Stand extends OtelSpan {
  [OURS]?: Span;
}

/**
 * Carries the current span in OpenTelemetry's context as well as in our own: an active span of OpenTelemetry is the parent
 * of ours, and ours of theirs, in the same trace and with the same decision on sampling. `suppressTracing` silences us, and
 * `suppress` them. Needs `@opentelemetry/api` alone and registers nothing; the SDK may be started before or after.
 *
 * @example
 * import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
 * configure({ sinks: [consoleSink()], carrier: openTelemetryCarrier() });
 */
export function openTelemetryCarrier(options: OpenTelemetryCarrierOptions = {}): Carrier {
  check(options);
  let reader: ContextReader | undefined;

  const readerOf = (runtime: Runtime): ContextReader => {
    if (reader?.runtime !== runtime) reader = contextReader(runtime);
    return reader;
  };

  const isSeparate = (active: Context, around: Stand | undefined): boolean => {
    if (around === undefined || OURS in around || !isSpanContextValid(around.spanContext())) return false;
    return options.separate ?? sentryScopes(active) !== undefined;
  };

  const contextOf = (active: Context, span: Span): Context => {
    if (isSuppressed(span))
      return active.getValue(SUPPRESS) === true ? active : suppressSentry(active.setValue(SUPPRESS, true));
    const around = otelTrace.getSpan(active) as Stand | undefined;
    const trace = (span as { trace?: Trace }).trace;
    // Outside of any trace, and so outside of theirs.
    if (trace === undefined) return around === undefined ? active : otelTrace.deleteSpan(active);
    const within = isSeparate(active, around)
      ? active
      : otelTrace.setSpan(active, standFor(span, trace, active, around));
    const { runtime } = slot;
    return runtime && readerOf(runtime).hasBaggage ? withBaggage(within, runtime.baggage, trace) : within;
  };

  return {
    get() {
      const own = slot.storage.getStore();
      const active = context.active();
      const ours = (otelTrace.getSpan(active) as Stand | undefined)?.[OURS];
      if (active.getValue(SUPPRESS) === true) return SUPPRESSED;
      if (ours !== undefined) return ours;
      return slot.runtime ? readerOf(slot.runtime).read(active, own) : own;
    },
    run(span, fn) {
      const active = context.active();
      let within = placeOf(span);
      if (within === undefined) {
        within = contextOf(active, span);
        // There is one for all that is suppressed, wherever.
        if (!isSuppressed(span)) setPlace(span, within);
      }
      return within === active ? slot.storage.run(span, fn) : slot.storage.run(span, enter, within, fn);
    },
  };
}

function enter<T>(within: Context, fn: () => T): T {
  return context.with(within, fn);
}

/** What OpenTelemetry takes for its active span. */
function standFor(span: Span, trace: Trace, active: Context, around: OtelSpan | undefined): Stand {
  const traceFlags = trace.traceFlags & SAMPLED;
  const stand: Stand = otelTrace.wrapSpanContext({
    traceId: span.traceId,
    spanId: span.spanId,
    traceFlags,
    // Sentry drops the children of a local span that is not its own; of a remote one it takes the decision only if that is yes.
    isRemote:
      (span as NonRecordingSpan).reason === "remote" || (traceFlags === SAMPLED && sentryScopes(active) !== undefined),
    ...traceStateOf(trace, around),
  });
  stand[OURS] = span;
  return stand;
}

/** As the parent has it, which may know more than its header; else as it came. */
function traceStateOf(trace: Trace, around: OtelSpan | undefined): { traceState?: TraceState } {
  const parent = around?.spanContext();
  if (parent?.traceState !== undefined && parent.traceId === trace.traceId) return { traceState: parent.traceState };
  return trace.traceState === undefined ? {} : { traceState: createTraceState(trace.traceState) };
}

/** The trace attributes that may travel, for OpenTelemetry's propagator to send. */
function withBaggage(active: Context, rules: BaggageRules, trace: Trace): Context {
  let baggage = propagation.getBaggage(active);
  const before = baggage;
  for (const [key, value] of Object.entries(baggageFrom(rules, trace.info))) {
    if (baggage?.getEntry(key)?.value !== value)
      baggage = (baggage ?? propagation.createBaggage()).setEntry(key, { value });
  }
  return baggage === undefined || baggage === before ? active : propagation.setBaggage(active, baggage);
}

function check(options: OpenTelemetryCarrierOptions): void {
  const given: Record<string, unknown> = { ...options };
  const unknown = Object.keys(given).find((key) => key !== "separate");
  if (unknown !== undefined) {
    const message = `openTelemetryCarrier() has no option "${unknown}". It takes: separate.`;
    throw new ConfigError("CONFIG_UNKNOWN_OPTION", message);
  }
  const type = typeof given["separate"];
  if (type !== "boolean" && type !== "undefined") {
    const message = `openTelemetryCarrier({ separate }) takes true or false; it got ${type}.`;
    throw new ConfigError("CONFIG_BAD_VALUE", message);
  }
}

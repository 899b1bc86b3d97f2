import { type Context, context, isSpanContextValid, trace as otelTrace, propagation } from "@opentelemetry/api";
import { type BaggageRules, baggageFrom } from "../core/baggage.ts";
import { checkOptions, isBoolean } from "../core/check-options.ts";
import type { Carrier } from "../core/context.ts";
import { isSuppressed, SUPPRESSED } from "../core/non-recording-span.ts";
import { type Runtime, slot } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { SUPPRESS_TRACING } from "../core/suppress-opentelemetry.ts";
import type { Trace } from "../core/trace.ts";
import { placeOf, setPlace, setTraceAround } from "./opentelemetry-place.ts";
import { type ContextReader, contextReader } from "./opentelemetry-reading.ts";
import { sentryScopes, suppressSentry } from "./opentelemetry-sentry.ts";
import { OURS, type Stand, standFor } from "./opentelemetry-stand.ts";

export interface OpenTelemetryCarrierOptions {
  /**
   * OpenTelemetry's spans go to another backend than ours, and must find their parents there: a span of theirs is a child
   * of the nearest one of theirs. Ours are still children of the nearest, whosever it is. Default: true beside Sentry, whose
   * spans go to Sentry; else false.
   */
  readonly separate?: boolean;
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
  checkOptions("openTelemetryCarrier", options, { separate: [isBoolean, "true or false"] });
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
      return active.getValue(SUPPRESS_TRACING) === true
        ? active
        : suppressSentry(active.setValue(SUPPRESS_TRACING, true));
    const around = otelTrace.getSpan(active) as Stand | undefined;
    const trace = (span as { trace?: Trace }).trace;
    // Outside of any trace, and so outside of theirs.
    if (trace === undefined) return around === undefined ? active : otelTrace.deleteSpan(active);
    const inTrace = setTraceAround(active, trace);
    const within = isSeparate(active, around)
      ? inTrace
      : otelTrace.setSpan(inTrace, standFor(span, trace, active, around));
    const { runtime } = slot;
    return runtime && readerOf(runtime).hasBaggage ? withBaggage(within, runtime.baggage, trace) : within;
  };

  return {
    get() {
      const own = slot.storage.getStore();
      const active = context.active();
      const ours = (otelTrace.getSpan(active) as Stand | undefined)?.[OURS];
      if (active.getValue(SUPPRESS_TRACING) === true) return SUPPRESSED;
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

import { baggageFrom, traceInfoFrom } from "./baggage.ts";
import { contextSpan, runIn } from "./context.ts";
import { guard } from "./guard.ts";
import { isSuppressed, NonRecordingSpan } from "./non-recording-span.ts";
import type { TraceInfo } from "./record.ts";
import { activeRuntime, type Runtime } from "./runtime.ts";
import type { Span } from "./span.ts";
import { isRecorded, joinTrace } from "./start.ts";
import { mergeTraceInfo } from "./trace.ts";
import { extract, formatBaggage, parseBaggage, readFields, inject as setFields } from "./traceparent.ts";

/** The current context as plain JSON, for job payloads, `workerData` and HTTP headers. */
export interface ContextCarrier {
  traceparent?: string;
  tracestate?: string;
  /** The trace attributes that `configure({ baggage })` names, within 8,192 bytes and 64 entries. */
  baggage?: string;
}

/** The same as environment variables, for a child process. */
export interface EnvironmentCarrier {
  TRACEPARENT?: string;
  TRACESTATE?: string;
  BAGGAGE?: string;
}

/**
 * The current context as plain JSON; empty when there is none. With `"env"` as variables of OpenTelemetry's names, for the
 * environment of a child process.
 *
 * @example
 * new Worker(file, { workerData: { job, context: carrier() } });
 */
export function carrier(): ContextCarrier;
export function carrier(form: "env"): EnvironmentCarrier;
export function carrier(form?: "env"): ContextCarrier | EnvironmentCarrier {
  const runtime = activeRuntime();
  if (runtime === null) return {};
  const fields = guard(() => fieldsOf(runtime), {});
  if (form !== "env") return fields;
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toUpperCase(), value]));
}

/**
 * Sets the current context on the headers of a request, plain or `Headers`, and returns them; as they were when there is
 * none. Never throws.
 *
 * @example
 * await fetch(url, { headers: inject({ accept: "application/json" }) });
 */
export function inject<T extends object = Record<string, string>>(headers: T = {} as T): T {
  return setFields(carrier(), headers);
}

/**
 * Runs `fn` as the continuation of another process: spans inside become children of the carried span, and the baggage that
 * `configure({ baggage })` names becomes attributes of the trace. Takes what `carrier()` gave, HTTP headers, a `Headers`
 * object or `process.env`. Anything malformed or absent is ignored. Never throws.
 *
 * @example
 * withContext(job.context, () => handle(job));
 */
export function withContext<T>(carrier: unknown, fn: () => T): T {
  const runtime = activeRuntime();
  if (runtime === null) return fn();
  const context = guard(() => contextFrom(runtime, carrier), undefined);
  return context === undefined ? fn() : runIn(runtime.carrier, context, fn);
}

/**
 * What the context holds where another process is continued; `undefined` when nothing arrived. Attributes that
 * `withTrace` set around it stay, and go before those that arrived.
 */
export function contextFrom(runtime: Runtime, carrier: unknown): Span | undefined {
  const current = contextSpan(runtime) as Partial<NonRecordingSpan> | undefined;
  if (isSuppressed(current as Span | undefined)) return undefined;
  const fields = readFields(carrier);
  const remote = extract(fields);
  const isInTrace = current?.trace !== undefined;
  const arrived = remote === undefined && isInTrace ? undefined : infoOf(runtime, fields.baggage);
  const info = current?.info === undefined || isInTrace ? arrived : mergeTraceInfo(arrived ?? {}, current.info);
  if (remote !== undefined && current?.reason === "external" && current.traceId === remote.traceId) {
    // Another tracer in this process has gone on with that trace: its span is the nearer parent.
    if (arrived !== undefined) current.trace!.info = mergeTraceInfo(arrived, current.trace!.info);
    return current as Span;
  }
  if (remote !== undefined) {
    const trace = joinTrace(runtime, { ...remote, info });
    return new NonRecordingSpan(isRecorded(runtime, trace) ? "remote" : "unsampled", {
      trace,
      spanId: remote.spanId,
      witness: current?.witness,
    });
  }
  // Baggage travels without a trace too: it is for the traces that start here.
  return arrived === undefined
    ? undefined
    : new NonRecordingSpan("seed", { info: info ?? arrived, witness: current?.witness });
}

function infoOf(runtime: Runtime, header: string | undefined): TraceInfo | undefined {
  const keys = Object.keys(runtime.baggage ?? {});
  if (header === undefined || keys.length === 0) return undefined;
  const entries = parseBaggage(header, keys);
  return traceInfoFrom(runtime, (key) => entries[key]);
}

function fieldsOf(runtime: Runtime): ContextCarrier {
  // By its fields and not by its class: the span may be another loaded copy's.
  const span = contextSpan(runtime) as Partial<NonRecordingSpan> | undefined;
  const out: ContextCarrier = {};
  if (span?.trace !== undefined) {
    out.traceparent = (span as Span).traceparent();
    if (span.trace.traceState !== undefined) out.tracestate = span.trace.traceState;
  }
  const info = span?.trace?.info ?? span?.info;
  const baggage = info && formatBaggage(baggageFrom(runtime.baggage ?? {}, info));
  if (baggage !== undefined) out.baggage = baggage;
  return out;
}

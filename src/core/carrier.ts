import { contextSpan, runIn } from "./context.ts";
import { guard } from "./guard.ts";
import { isSuppressed, NonRecordingSpan } from "./non-recording-span.ts";
import { activeRuntime, type Runtime } from "./runtime.ts";
import type { Span } from "./span.ts";
import { isRecorded, joinTrace } from "./start.ts";
import type { Trace } from "./trace.ts";
import { extract } from "./traceparent.ts";

/** The current context as plain JSON, for job payloads, `workerData`, environment variables of a child, HTTP headers. */
export interface ContextCarrier {
  traceparent?: string;
  tracestate?: string;
}

/**
 * The current context as plain JSON; empty when there is none.
 *
 * @example
 * new Worker(file, { workerData: { job, context: carrier() } });
 */
export function carrier(): ContextCarrier {
  const runtime = activeRuntime();
  const span = runtime === null ? undefined : contextSpan(runtime);
  const trace = (span as { trace?: Trace } | undefined)?.trace;
  if (span === undefined || trace === undefined) return {};
  const out: ContextCarrier = { traceparent: span.traceparent() };
  if (trace.traceState !== undefined) out.tracestate = trace.traceState;
  return out;
}

/**
 * Runs `fn` as the continuation of another process: spans inside become children of the carried span. Takes what
 * `carrier()` gave, HTTP headers or a `Headers` object. Anything malformed or absent is ignored. Never throws.
 *
 * @example
 * withContext(job.context, () => handle(job));
 */
export function withContext<T>(carrier: unknown, fn: () => T): T {
  const runtime = activeRuntime();
  if (runtime === null) return fn();
  const remote = guard(() => remoteSpan(runtime, carrier), undefined);
  return remote === undefined ? fn() : runIn(runtime.carrier, remote, fn);
}

function remoteSpan(runtime: Runtime, carrier: unknown): Span | undefined {
  const remote = extract(carrier);
  if (remote === undefined || isSuppressed(contextSpan(runtime))) return undefined;
  const trace = joinTrace(runtime, remote);
  return new NonRecordingSpan(isRecorded(runtime, trace) ? "remote" : "unsampled", { trace, spanId: remote.spanId });
}

import { contextFrom } from "../../core/carrier.ts";
import { contextSpan, runIn } from "../../core/context.ts";
import { guard } from "../../core/guard.ts";
import { isSuppressed, NonRecordingSpan } from "../../core/non-recording-span.ts";
import { clean } from "../../core/recording-span.ts";
import { activeRuntime, type Runtime, shared } from "../../core/runtime.ts";
import type { Span, SpanPatch } from "../../core/span.ts";
import { startUnder } from "../../core/start.ts";
import { suppress } from "../../core/suppress.ts";
import { extract } from "../../core/traceparent.ts";
import { updateTraceOf } from "../../observe/trace.ts";
import { headerAttributes, methodName, type RequestFacts, serverAttributes, statusAttributes } from "./attributes.ts";
import type { RequestOptions } from "./options.ts";

/** A request as the framework has it, and how the parts of it are read. */
export interface Arrival<Request> {
  /** What is given to the options' callbacks. */
  readonly request: Request;
  /** The same object for every middleware that sees this request. */
  readonly key: object;
  /** Where the caller's context is: the request's headers. */
  readonly headers: object;
  readonly facts: () => RequestFacts;
  readonly header: (name: string) => unknown;
}

/** What is known of a request when its response is over. */
export interface Outcome {
  readonly status?: number | undefined;
  /** The pattern that was matched: `/users/:id`. */
  readonly route?: string | undefined;
  /** The client went away before the response was complete. */
  readonly isAborted?: boolean;
  /** What the handler threw. */
  readonly error?: unknown;
  readonly header?: (name: string) => unknown;
}

/** A request under way. */
export interface ServerCall {
  run<T>(fn: () => T): T;
  /** Asked once for its outcome. */
  end(outcome: () => Outcome): void;
}

/** Joins the caller's trace and starts the span of a request; `undefined` where there is nothing to do. Never throws. */
export function beginServerCall<R>(options: RequestOptions<R>, arrival: Arrival<R>): ServerCall | undefined {
  const runtime = activeRuntime();
  return runtime === null ? undefined : guard(() => begin(runtime, options, arrival), undefined);
}

function begin<R>(runtime: Runtime, options: RequestOptions<R>, arrival: Arrival<R>): ServerCall | undefined {
  const current = contextSpan(runtime) as Partial<NonRecordingSpan> | undefined;
  const { request, key, headers } = arrival;
  const seen = shared("tracedRequests", () => new WeakSet<object>());
  if (isSuppressed(current as Span | undefined) || seen.has(key)) return undefined;
  seen.add(key);
  if (guard(() => options.ignore?.(request), false) === true) return { run: suppress, end() {} };
  const outer = enclosingSpan(runtime, headers);
  // A server that was started inside a span hands that to every request: then there is no parent at all.
  const around = current?.trace === undefined ? (current as Span | undefined) : undefined;
  const parent = outer ?? contextFrom(runtime, headers) ?? around;
  const patch = guard(() => options.trace?.(request), undefined);
  if (options.span === false) {
    // A seed of its own: the one around may be that of every request.
    const { trace, info = {} } = (parent ?? {}) as Partial<NonRecordingSpan>;
    const context = trace === undefined ? new NonRecordingSpan("seed", { info }) : (parent as Span);
    if (patch) updateTraceOf(runtime, context, patch);
    return contextOnly(runtime, context);
  }
  const facts = arrival.facts();
  const name = methodName(facts.method);
  const span = startUnder(runtime, parent, name, { kind: isHere(outer) ? "internal" : "server" });
  if (patch) updateTraceOf(runtime, span, patch);
  if (!span.recording) return contextOnly(runtime, span);
  span.update({
    attributes: { ...serverAttributes(facts), ...headerAttributes("request", options.headers, arrival.header) },
  });
  let isOpen = true;
  return {
    run: (fn) => runIn(runtime.carrier, span, fn),
    end(read) {
      if (!isOpen) return;
      isOpen = false;
      guard(() => finish(runtime, span, name, options, request, read()), undefined);
      span.end();
    },
  };
}

/**
 * The current span where it is this request's: another tracer's, a middleware's before, or the caller's that was joined. One
 * that has ended, or is of another trace than the caller's, is there because the server was started in it.
 */
export function enclosingSpan(runtime: Runtime, headers: unknown): Span | undefined {
  const current = contextSpan(runtime) as (Span & Partial<NonRecordingSpan> & { readonly ended?: boolean }) | undefined;
  if (current?.trace === undefined || current.ended) return undefined;
  if (current.reason === "external") return current;
  const remote = extract(headers);
  return remote === undefined || remote.traceId === current.traceId ? current : undefined;
}

/** A span of this process, and not the caller's. */
export function isHere(span: Span | undefined): boolean {
  return span !== undefined && (span.recording || (span as NonRecordingSpan).reason === "external");
}

function contextOnly(runtime: Runtime, context: Span): ServerCall {
  return { run: (fn) => runIn(runtime.carrier, context, fn), end() {} };
}

function finish<R>(
  runtime: Runtime,
  span: Span,
  method: string,
  options: RequestOptions<R>,
  request: R,
  { status, route, isAborted, error, header }: Outcome,
): void {
  const isFailed = status !== undefined && status >= 500;
  const isThrown = isFailed && error !== undefined;
  if (isThrown) span.fail(error);
  const given = guard(() => options.name?.(request), undefined);
  const patch: SpanPatch = {
    name: clean(runtime, given ?? (route === undefined ? method : `${method} ${route}`)),
    attributes: {
      ...(route !== undefined && { "http.route": route }),
      // A thrown error has a type of its own.
      ...statusAttributes(status, isFailed && !isThrown),
      ...(header && headerAttributes("response", options.headers, header)),
    },
  };
  if (isFailed) patch.level = "ERROR";
  else if (isAborted) {
    patch.level = "WARNING";
    patch.statusMessage = "The client went away before the response was complete";
  }
  span.update(patch);
}

import { contextFrom } from "../../core/carrier.ts";
import { contextSpan, runIn } from "../../core/context.ts";
import { NonRecordingSpan } from "../../core/non-recording-span.ts";
import { type Runtime, shared } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import { extract } from "../../core/traceparent.ts";
import { placeOf } from "../opentelemetry-place.ts";

/** Where a request came from. */
export interface Origin {
  /** The same object for every middleware that sees this request. */
  readonly key: object;
  /** Node's request, where `key` was made from one. */
  readonly raw?: object | undefined;
  /** Where the caller's context is: the request's headers. */
  readonly headers: object;
  /** The server that got the request from a connection; none where a program made the request in its own process. */
  readonly server?: object | undefined;
}

type Current = Span & Partial<NonRecordingSpan> & { readonly ended?: boolean };

/** What was opened for a request, by the middlewares of all loaded copies. */
function requestSpans(): WeakMap<object, Span> {
  return shared("requestSpans", () => new WeakMap());
}

export function isOpened({ key }: Origin): boolean {
  return requestSpans().has(key);
}

export function setOpened({ key, raw }: Origin, span: Span): void {
  const spans = requestSpans();
  spans.set(key, span);
  if (raw !== undefined && !spans.has(raw)) spans.set(raw, span);
}

/**
 * The current span where it is this request's: what a middleware of ours opened for it, or another tracer's that is still
 * recording. Node runs the requests of a connection in the context of `listen()`: whatever else is current there is none of
 * theirs. A request that a program makes in its own process (`inject()` of Fastify) is the work of the span that is current,
 * unless its headers say another trace.
 */
export function enclosingSpan(runtime: Runtime, { key, raw, headers, server }: Origin): Span | undefined {
  const current = contextSpan(runtime) as Current | undefined;
  if (current?.trace === undefined || current.ended) return undefined;
  const opened = requestSpans().get(raw ?? key) as Current | undefined;
  if (opened !== undefined) return opened.trace === undefined || opened.traceId === current.traceId ? current : opened;
  if (server !== undefined) return isOfAnotherTracer(current, server) ? current : undefined;
  if (current.reason === "external") return current;
  const remote = extract(headers);
  return remote === undefined || remote.traceId === current.traceId ? current : undefined;
}

/** The context that a request goes on with where nothing of this process encloses it. */
export function callerContext(runtime: Runtime, headers: object): Span | undefined {
  const current = contextSpan(runtime) as Current | undefined;
  if (current?.trace === undefined) return contextFrom(runtime, headers) ?? current;
  return runIn(runtime.carrier, new NonRecordingSpan("seed"), () => contextFrom(runtime, headers));
}

/** A span of this process, and not the caller's. */
export function isHere(span: Span | undefined): boolean {
  return span !== undefined && (span.recording || (span as NonRecordingSpan).reason === "external");
}

function isOfAnotherTracer(current: Current, server: object): boolean {
  const theirs = theirSpan(current);
  if (current.reason === "external") return theirs?.isRecording() !== false;
  if (current.reason !== "unsampled" || theirs === undefined) return false;
  // Of a span that is not recorded nobody can tell whether it has ended. One that was there for the request before is of `listen()`.
  const before = shared("unsampledRequests", () => new WeakMap<object, string>());
  const isNew = before.get(server) !== current.spanId;
  before.set(server, current.spanId);
  return isNew;
}

interface TheirSpan {
  isRecording(): boolean;
  spanContext(): { readonly spanId: string };
}

/** As `@opentelemetry/api` keeps its active span, in all versions 1.x. */
const THEIR_SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
/** On a span of theirs that stands for one of ours. */
const OURS = Symbol.for("sightline.span");

function theirSpan(span: Span): TheirSpan | undefined {
  const theirs = placeOf(span)?.getValue(THEIR_SPAN) as TheirSpan | undefined;
  return theirs === undefined || OURS in theirs || theirs.spanContext().spanId !== span.spanId ? undefined : theirs;
}

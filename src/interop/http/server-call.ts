import { contextSpan, runIn } from "../../core/context.ts";
import { guard } from "../../core/guard.ts";
import { isSuppressed, NonRecordingSpan, SUPPRESSED } from "../../core/non-recording-span.ts";
import { clean } from "../../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../../core/runtime.ts";
import type { Span, SpanPatch } from "../../core/span.ts";
import { startUnder } from "../../core/start.ts";
import { suppress } from "../../core/suppress.ts";
import { updateTraceOf } from "../../observe/trace.ts";
import { headerAttributes, methodName, type RequestFacts, serverAttributes, statusAttributes } from "./attributes.ts";
import type { RequestOptions } from "./options.ts";
import { callerContext, enclosingSpan, isHere, isOpened, type Origin, setOpened } from "./request-context.ts";

/** A request as the framework has it, and how the parts of it are read. */
export interface Arrival<Request> extends Origin {
  /** What is given to the options' callbacks. */
  readonly request: Request;
  readonly facts: () => RequestFacts;
  readonly header: (name: string) => unknown;
}

/** What is known of a request when its response is over. */
export interface Outcome {
  readonly status?: number | undefined;
  /** The pattern that was matched: `/users/:id`. */
  readonly route?: string | undefined;
  /** Who left before the response was complete. */
  readonly aborted?: "client" | "server" | undefined;
  /** What the handler threw. */
  readonly error?: unknown;
  readonly header?: (name: string) => unknown;
}

/** A request under way. */
export interface ServerCall {
  /** It has a span, which must be ended. */
  readonly recording: boolean;
  run<T>(fn: () => T): T;
  /** Asked once for its outcome. */
  end(outcome: () => Outcome): void;
  /** Notes how the response begins. What it gives back ends the span with that, and holds nothing of the request. */
  head(outcome: () => Outcome): () => void;
}

/** Joins the caller's trace and starts the span of a request; `undefined` where there is nothing to do. Never throws. */
export function beginServerCall<R>(
  options: RequestOptions<R> & {
    /** Nothing is begun inside a span of this process. */
    readonly outermost?: boolean;
  },
  arrival: Arrival<R>,
): ServerCall | undefined {
  const runtime = activeRuntime();
  return runtime === null ? undefined : guard(() => begin(runtime, options, arrival), undefined);
}

function begin<R>(
  runtime: Runtime,
  options: RequestOptions<R> & { readonly outermost?: boolean },
  arrival: Arrival<R>,
): ServerCall | undefined {
  const { request, headers } = arrival;
  if (isSuppressed(contextSpan(runtime)) || isOpened(arrival)) return undefined;
  if (guard(() => options.ignore?.(request), false) === true) {
    setOpened(arrival, SUPPRESSED);
    return { ...SILENT, run: suppress };
  }
  const outer = enclosingSpan(runtime, arrival);
  if (options.outermost && isHere(outer)) return undefined;
  const parent = outer ?? callerContext(runtime, headers);
  const patch = guard(() => options.trace?.(request), undefined);
  const contextOnly = (context: Span): ServerCall => {
    setOpened(arrival, context);
    return { ...SILENT, run: (fn) => runIn(runtime.carrier, context, fn) };
  };
  if (options.span === false) {
    // A seed of its own: the one around may be that of every request.
    const { trace, info = {}, witness } = (parent ?? {}) as Partial<NonRecordingSpan>;
    const context = trace === undefined ? new NonRecordingSpan("seed", { info, witness }) : (parent as Span);
    if (patch) updateTraceOf(runtime, context, patch);
    return contextOnly(context);
  }
  const facts = arrival.facts();
  const method = methodName(facts.method);
  const span = startUnder(runtime, parent, method, { kind: isHere(outer) ? "internal" : "server" });
  if (patch) updateTraceOf(runtime, span, patch);
  if (!span.recording) return contextOnly(span);
  setOpened(arrival, span);
  span.update({
    attributes: { ...serverAttributes(facts), ...headerAttributes("request", options.headers, arrival.header) },
  });
  return spanCall(runtime, { span, isOpen: true }, (outcome) => {
    tell(runtime, span, method, options, request, outcome);
  });
}

const SILENT = { recording: false, end() {}, head: () => () => {} };

interface OpenCall {
  readonly span: Span;
  isOpen: boolean;
}

function spanCall(runtime: Runtime, open: OpenCall, tell: (outcome: Outcome) => void): ServerCall {
  return {
    recording: true,
    run: (fn) => runIn(runtime.carrier, open.span, fn),
    end(read) {
      if (!open.isOpen) return;
      open.isOpen = false;
      guard(() => tell(read()), undefined);
      open.span.end();
    },
    head(read) {
      if (open.isOpen) guard(() => tell(read()), undefined);
      return closer(open);
    },
  };
}

/** A function of its own, so that it holds nothing but `open`. */
function closer(open: OpenCall): () => void {
  return () => {
    if (!open.isOpen) return;
    open.isOpen = false;
    open.span.end();
  };
}

const ABORTED = {
  client: "The client went away before the response was complete",
  server: "The response was not completed",
};

function tell<R>(
  runtime: Runtime,
  span: Span,
  method: string,
  options: RequestOptions<R>,
  request: R,
  { status, route, aborted, error, header }: Outcome,
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
  else if (aborted !== undefined) {
    patch.level = "WARNING";
    patch.statusMessage = ABORTED[aborted];
  }
  span.update(patch);
}

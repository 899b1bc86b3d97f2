import { carrier } from "../../core/carrier.ts";
import { contextSpan, runIn } from "../../core/context.ts";
import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import { isMuted, isSuppressed } from "../../core/non-recording-span.ts";
import { clean } from "../../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import { startUnder } from "../../core/start.ts";
import { type PropagationFields, readFields, inject as setFields } from "../../core/traceparent.ts";
import { globalFetch, isTraced } from "../../openai/wire/traced-fetches.ts";
import { clientAttributes, methodName, statusAttributes } from "./attributes.ts";
import { type Checks, checkOptions, isBoolean, isFunction } from "./options.ts";

export interface PropagatedFetchOptions {
  /** What makes the requests. Default: `globalThis.fetch`, looked up at each call, or the one before it where this is that. */
  fetch?: typeof fetch;
  /** Whether a server is told of the trace: `(url) => url.hostname.endsWith(".internal")`. Default: all are. */
  to?: (url: URL) => boolean;
  /** `false`: the headers are sent, and no span is recorded. Default: true. */
  span?: boolean;
}

/**
 * A `fetch` that sends `traceparent`, `tracestate` and `baggage`, so that the server it asks continues the trace, and
 * records each request as a span of kind `client` that ends with the head of the answer. The answer is the very same
 * object, its body unread. A request that has a `traceparent` of its own keeps it.
 *
 * For your own services. The client of a model gets `tracedFetch`, which records the call itself: around one, this is
 * refused unless `span` is false.
 *
 * @throws ConfigError for options that do not exist or make no sense. The function it returns throws nothing of its own.
 *
 * @example
 * const ask = propagatedFetch({ to: (url) => url.hostname.endsWith(".internal") });
 * await ask("http://127.0.0.1:9/orders").catch(() => "nobody there");
 */
export function propagatedFetch(options: PropagatedFetchOptions = {}): typeof fetch {
  checkOptions("propagatedFetch", options, CHECKS);
  if (options.fetch !== undefined && options.span !== false && isTraced(options.fetch)) {
    throw new ConfigError(
      "CONFIG_BAD_VALUE",
      "propagatedFetch({ fetch }) got a fetch of sightline/openai, which records its requests already: leave one out, or pass { span: false }.",
    );
  }
  const propagated = (...args: Parameters<typeof fetch>): Promise<Response> => {
    const send = inner();
    const runtime = activeRuntime();
    const current = runtime === null ? undefined : contextSpan(runtime);
    if (runtime === null || isSuppressed(current)) return send(...args);
    const request = guard(() => readRequest(...args), undefined);
    if (request === undefined) return send(...args);
    const sendOn = (): Promise<Response> => {
      const isTold = options.to === undefined || guard(() => options.to?.(request.url), false) === true;
      return send(...(isTold ? guard(() => withContextHeaders(args), args) : args));
    };
    if (options.span === false || isMuted(current)) return sendOn();
    const span = guard(() => begin(runtime, current, request), undefined);
    return span?.recording ? record(runtime, span, sendOn) : sendOn();
  };
  const inner = options.fetch === undefined ? globalFetch(propagated) : () => options.fetch!;
  Object.defineProperty(propagated, "name", { value: "fetch", configurable: true });
  return propagated;
}

const CHECKS: Checks<PropagatedFetchOptions> = {
  fetch: [isFunction, "a function like fetch"],
  to: [isFunction, "a function from a URL to true or false"],
  span: [isBoolean, "true or false"],
};

interface Asked {
  readonly url: URL;
  readonly method: string;
}

function readRequest(input: unknown, init?: RequestInit): Asked | undefined {
  const { url, method } = Object(input) as { url?: unknown; method?: unknown };
  const address = typeof input === "string" || input instanceof URL ? String(input) : String(url);
  if (!URL.canParse(address)) return undefined;
  return { url: new URL(address), method: String(init?.method ?? method ?? "GET").toUpperCase() };
}

function begin(runtime: Runtime, parent: Span | undefined, { url, method }: Asked): Span {
  const span = startUnder(runtime, parent, clean(runtime, `${methodName(method)} ${url.hostname}`), { kind: "client" });
  return span.update({ attributes: clientAttributes(method, url) });
}

function record(runtime: Runtime, span: Span, send: () => Promise<Response>): Promise<Response> {
  const failed = (error: unknown): never => {
    span.fail(error).end();
    throw error;
  };
  let answer: Promise<Response>;
  try {
    answer = runIn(runtime.carrier, span, send);
  } catch (error) {
    return failed(error);
  }
  return Promise.resolve(answer).then((response) => {
    guard(() => answered(span, response), undefined);
    span.end();
    return response;
  }, failed);
}

/** To who asks, a refused request is an error as much as a failed one. */
function answered(span: Span, { status }: Response): void {
  const isError = status >= 400;
  span.update({ attributes: statusAttributes(status, isError), ...(isError && { level: "ERROR" }) });
}

/** The arguments with the headers of the context; nothing of the caller's is changed. */
function withContextHeaders(args: Parameters<typeof fetch>): Parameters<typeof fetch> {
  const [input, init] = args;
  const given = init?.headers ?? (input as { headers?: HeadersInit }).headers;
  const own = readFields(Array.isArray(given) ? new Map(given as [string, string][]) : given);
  const fields: PropagationFields = carrier();
  // A `tracestate` belongs to its `traceparent`.
  if (own.traceparent !== undefined) {
    delete fields.traceparent;
    delete fields.tracestate;
  }
  if (own.baggage !== undefined) delete fields.baggage;
  return Object.keys(fields).length === 0 ? args : [input, { ...init, headers: merged(given, fields) }];
}

/** In the form in which they were given. */
function merged(given: HeadersInit | undefined, fields: PropagationFields): HeadersInit {
  if (Array.isArray(given)) return [...given, ...Object.entries(fields)] as [string, string][];
  const isPlain = typeof (given as Headers | undefined)?.get !== "function";
  return setFields(fields, isPlain ? ({ ...given } as Record<string, string>) : new Headers(given));
}

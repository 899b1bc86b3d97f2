import { carrier } from "../../core/carrier.ts";
import { type Checks, checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
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

export interface PropagatedFetchOptions {
  /** What makes the requests. Default: `globalThis.fetch`, looked up at each call, or the one before it where this is that. */
  fetch?: typeof fetch;
  /**
   * Whether a server is told of the trace: `(url) => url.hostname.endsWith(".internal")`. Default: all are. Asked for the address
   * that is given: where that redirects, fetch sends the headers on, unless it is told `redirect: "manual"`.
   */
  to?: (url: URL) => boolean;
  /** `false`: the headers are sent, and no span is recorded. Default: true. */
  span?: boolean;
}

/**
 * A `fetch` that sends `traceparent`, `tracestate` and `baggage`, so that the server it asks continues the trace, and
 * records each request over HTTP as a span of kind `client` that ends with the head of the answer. The answer is the very same
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
  const parsed = new URL(address);
  // The address of `data:` is all that it asks for.
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return undefined;
  return { url: parsed, method: String(init?.method ?? method ?? "GET").toUpperCase() };
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

type Pair = readonly [string, string];

/** The arguments with the headers of the context; nothing of the caller's is changed. */
function withContextHeaders(args: Parameters<typeof fetch>): Parameters<typeof fetch> {
  const [input, init] = args;
  const fields: PropagationFields = carrier();
  if (Object.keys(fields).length === 0) return args;
  if (init !== undefined && init !== null && !isPlain(init)) {
    // What it inherits, a copy would not have; of a `Request` that is everything.
    const request = new Request(input, init);
    return [request, { headers: merged(request.headers, fields) as Headers }];
  }
  const given: unknown = init?.headers ?? (input as { headers?: unknown }).headers;
  // For fetch to refuse.
  if (init?.headers === null || (given !== undefined && Object(given) !== given)) return args;
  return [input, { ...init, headers: merged(given as object | undefined, fields) as HeadersInit }];
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The headers as they were given, a `Headers` or an object, or what is iterated over as an array: that can be read but once. */
function merged(given: object | undefined, all: PropagationFields): object {
  if (given instanceof Headers) return setFields(missing(given, all), new Headers(given));
  if (typeof (given as Iterable<unknown> | undefined)?.[Symbol.iterator] !== "function") {
    return setFields(missing(given, all), { ...given });
  }
  const pairs = [...(given as Iterable<Iterable<string>>)].map((pair) =>
    isIterable(pair) ? [...pair] : pair,
  ) as unknown as Pair[];
  const fields = missing(new Map(pairs.filter((pair) => Array.isArray(pair))), all);
  const replaced = Object.keys(fields.traceparent === undefined ? fields : { ...fields, tracestate: "" });
  return [...pairs.filter((pair) => !replaced.includes(String(pair?.[0]).toLowerCase())), ...Object.entries(fields)];
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

/** The fields that the caller has not set. A `tracestate` belongs to its `traceparent`. */
function missing(given: object | undefined, all: PropagationFields): PropagationFields {
  const own = readFields(given);
  const fields = { ...all };
  if (own.traceparent !== undefined) {
    delete fields.traceparent;
    delete fields.tracestate;
  }
  if (own.baggage !== undefined) delete fields.baggage;
  return fields;
}

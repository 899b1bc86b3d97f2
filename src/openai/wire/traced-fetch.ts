import { type Checks, checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
import { asyncLocalCarrier, contextSpan, runIn } from "../../core/context.ts";
import { guard } from "../../core/guard.ts";
import { isMuted, isSuppressed } from "../../core/non-recording-span.ts";
import { activeRuntime, type Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import { beginCall, type Call } from "./call.ts";
import { endpointOf } from "./endpoints.ts";
import type { CallStart, WireSettings } from "./exchange-of.ts";
import { type InjectOptions, type Injector, injector } from "./inject.ts";
import { decide, isModelCall } from "./refusal.ts";
import { readRequest } from "./request.ts";
import { globalFetch, isHandedOver, sender, tracedFetches } from "./traced-fetches.ts";
import { type WaitingCalls, waitingCalls } from "./waiting-calls.ts";

export interface TracedFetchOptions {
  /**
   * What makes the requests. Default: `globalThis.fetch`, looked up at each call; the one before it where `tracedFetch()` has
   * been made the global one. Where this `fetch` is traced too, a request is recorded once, by the outer one.
   */
  fetch?: typeof fetch;
  /** The provider's name on the records. Default: by the host, `openai` where that is not known. */
  provider?: string;
  /** Bytes of an answer that are kept to be read; of a longer one only usage, model and how it ended. Default: 4 MiB. */
  maxBodyBytes?: number;
  /** Whether prompts and answers go on the record. Default: what `configure` says for observed functions. */
  captureContent?: boolean;
  /** Adds user, session, feature, environment and trace id of the context to requests that take them. Default: false. */
  inject?: boolean | InjectOptions;
}

/** Most answers have some KiB; a Responses answer with many items can have 1 MiB. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * A `fetch` that records the calls of OpenAI's API, or of any compatible one, under the current span: models, messages,
 * tools, tokens, errors, retries, streams. For the `fetch` option of `openai` 4 to 7, of the Vercel AI SDK and of LangChain.
 *
 * Nothing else changes: the same requests, the same answers, errors and streams, read no earlier than the caller reads
 * them. While tracing is off it is the inner `fetch` alone.
 *
 * A timeout of `openai` 5 to 7 that no other attempt follows looks here like the caller's abort (a warning), unless the
 * request was given its own timeout: those clients do not tell theirs. `observeOpenAI` knows it.
 *
 * @throws ConfigError for options that do not exist or make no sense. The function it returns throws nothing of its own.
 *
 * @example
 * const openai = new OpenAI({ fetch: tracedFetch() });
 */
export function tracedFetch(options: TracedFetchOptions = {}): typeof fetch {
  return tracedFetchOf(options, undefined);
}

/** The same for a client whose timeout in milliseconds is known. */
export function tracedFetchOf(options: TracedFetchOptions, timeoutMs: number | undefined): typeof fetch {
  checkOptions("tracedFetch", options, CHECKS);
  const settings: WireSettings = {
    provider: options.provider,
    maxBodyBytes: options.maxBodyBytes ?? MAX_BODY_BYTES,
    captureContent: options.captureContent,
    timeoutMs,
  };
  const tracer: Tracer = { settings, waiting: waitingCalls(), inject: injector(options.inject) };
  const traced = (...args: Parameters<typeof fetch>): Promise<Response> => {
    const send = sender(innerFetch());
    const runtime = activeRuntime();
    const parent = runtime === null ? undefined : contextSpan(runtime);
    // What is sent must not depend on whether its trace is sampled.
    const isLeftAlone = options.inject ? isSuppressed(parent) : isMuted(parent);
    if (runtime === null || isLeftAlone) return send(...args);
    return tracedCall(tracer, runtime, parent, send, args);
  };
  const innerFetch = options.fetch === undefined ? globalFetch(traced) : () => options.fetch!;
  Object.defineProperty(traced, "name", { value: "fetch", configurable: true });
  tracedFetches().set(traced, innerFetch);
  return traced;
}

interface Tracer {
  readonly settings: WireSettings;
  readonly waiting: WaitingCalls<Call>;
  readonly inject: Injector;
}

function tracedCall(
  { settings, waiting, inject }: Tracer,
  runtime: Runtime,
  parent: Span | undefined,
  send: typeof fetch,
  args: Parameters<typeof fetch>,
): Promise<Response> {
  const start = guard(() => startOf(runtime, parent, args, settings), undefined);
  if (start === undefined) return send(...args);
  const [input, init] = args;
  // What is added to a `Request` would stand in place of its own.
  const isAddress = typeof input === "string" || input instanceof URL;
  const isRecorded = !guard(() => isHandedOver(start.request.url), false);
  const begin = (): Call | undefined => (isRecorded ? guard(() => callOf(start, waiting), undefined) : undefined);
  const isAsked = runtime.modelCalls !== undefined && isModelCall(start.endpoint.kind);
  const isForeign = runtime.carrier !== asyncLocalCarrier;
  // Where it may be refused, or somebody else's spans may stand below ours, it is there before the request is.
  const early = isAsked || isForeign ? { call: begin() } : undefined;
  const asked = isAsked ? early?.call : undefined;
  const decision = asked && guard(() => decide(asked, init, isAddress), undefined);
  const refuse = decision?.refuse;
  const refused = refuse && guard(() => asked?.refused(refuse), undefined);
  if (refused !== undefined) return Promise.resolve(refused);
  const chosen = decision === undefined ? init : decision.init;
  const sent = isAddress ? inject({ ...start, ...start.request, init: chosen, span: parent }) : init;
  const hand = (): Promise<Response> => (sent === init ? send(...args) : send(input, sent));
  const span = isForeign ? early?.call?.span : undefined;
  let answer: Promise<Response>;
  try {
    answer = span === undefined ? hand() : runIn(runtime.carrier, span, hand);
  } catch (error) {
    guard(() => (early === undefined ? begin() : early.call)?.rejected(error), undefined);
    throw error;
  }
  // Otherwise after the request has been handed over, which does not wait for it.
  const call = early === undefined ? begin() : early.call;
  if (call === undefined) return answer;
  return Promise.resolve(answer).then(
    (response) => guard(() => call.answered(response), undefined) ?? ended(call, response),
    (error: unknown) => {
      guard(() => call.rejected(error), undefined);
      throw error;
    },
  );
}

function startOf(
  runtime: Runtime,
  parent: Span | undefined,
  args: Parameters<typeof fetch>,
  settings: WireSettings,
): CallStart | undefined {
  const request = readRequest(...args);
  if (request === undefined) return undefined;
  const endpoint = endpointOf(request.method, request.url);
  return { runtime, parent, endpoint, request, settings, atMs: runtime.clock.monotonicMs() };
}

function callOf(start: CallStart, waiting: WaitingCalls<Call>): Call | undefined {
  const before = waiting.take(start.request, start.parent);
  before?.retry(start.request);
  return before ?? beginCall(start, waiting);
}

function ended(call: Call, response: Response): Response {
  guard(() => call.end(), undefined);
  return response;
}

const CHECKS: Checks<TracedFetchOptions> = {
  fetch: [isFunction, "a function like fetch"],
  provider: [(value) => typeof value === "string" && value !== "", "a name, such as groq"],
  maxBodyBytes: [(value) => Number.isInteger(value) && (value as number) >= 0, "a whole number of bytes"],
  captureContent: [isBoolean, "true or false"],
  inject: [(value) => typeof value === "boolean" || (typeof value === "object" && value !== null), "true or options"],
};

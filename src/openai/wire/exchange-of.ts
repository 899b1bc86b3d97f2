import type { HttpCall } from "../../core/record.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import type { SpanRef } from "../../core/start.ts";
import type { RequestedSpan } from "../describe.ts";
import type { Endpoint, Exchange } from "./exchange.ts";
import { providerOf } from "./provider.ts";
import type { SentRequest } from "./request.ts";
import { readBody } from "./request-body.ts";

/** An exchange whose HTTP facts are still to come, and what its request says once that has been read. */
export type OpenExchange = Omit<Exchange, "http"> & {
  http: HttpCall;
  requested?: RequestedSpan | undefined;
  /** The request goes out with another model than its body names. */
  sendModel(model: string): void;
};

/** What `tracedFetch` is told. */
export interface WireSettings {
  readonly provider: string | undefined;
  readonly maxBodyBytes: number;
  readonly captureContent: boolean | undefined;
  /** After which the client aborts a request by itself, where that is known. */
  readonly timeoutMs: number | undefined;
}

/** What is known at a call. */
export interface CallStart {
  readonly runtime: Runtime;
  readonly parent: Span | undefined;
  readonly endpoint: Endpoint;
  readonly request: SentRequest;
  readonly settings: WireSettings;
  /** The monotonic clock. */
  readonly atMs: number;
}

export function exchangeOf({ runtime, parent, endpoint, request, settings, atMs }: CallStart): OpenExchange {
  const { method, url } = request;
  let asked: { readonly value: unknown } | undefined;
  // A string is parsed when it is first asked for: not before the request is on its way.
  const bytes = typeof request.body === "string" ? undefined : readBody(request).bytes;
  const startMs = epochMs(runtime, parent, atMs);
  const capture = settings.captureContent;
  return {
    runtime,
    endpoint,
    method,
    provider: settings.provider ?? providerOf(url.hostname),
    get request() {
      asked ??= { value: withModel(readBody(request).value, endpoint) };
      return asked.value;
    },
    sendModel(model) {
      asked = { value: { ...(this.request as object), model } };
    },
    header: request.header,
    query: url.searchParams,
    parent,
    captures: { input: capture ?? runtime.captureInput, output: capture ?? runtime.captureOutput },
    startMs,
    nowMs: () => startMs + Math.max(0, runtime.clock.monotonicMs() - atMs),
    http: {
      method,
      route: endpoint.route,
      host: hostOf(url),
      ...(bytes !== undefined && { requestBytes: bytes }),
    },
  };
}

/** With the port, but for that of https: a host alone would say 443 of plain http too. */
function hostOf({ protocol, host, port }: URL): string {
  return protocol === "http:" && port === "" ? `${host}:80` : host;
}

/** By the anchor of the trace, so that it is in order with the other spans below the wall clock's milliseconds. */
function epochMs(runtime: Runtime, parent: Span | undefined, atMs: number): number {
  const trace = (parent as SpanRef | undefined)?.trace;
  if (trace !== undefined) return trace.anchorEpochMs + (atMs - trace.anchorMonotonicMs);
  return runtime.clock.epochMs() - (runtime.clock.monotonicMs() - atMs);
}

/** Azure has the model in the address, as the deployment. */
function withModel(request: unknown, { ids: { deployment } }: Endpoint): unknown {
  if (deployment === undefined || typeof request !== "object" || request === null || "model" in request) return request;
  return { ...request, model: deployment };
}

import { ConfigError } from "../../core/errors.ts";
import { debug, guard } from "../../core/guard.ts";
import { isSuppressed } from "../../core/non-recording-span.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import { userIdHasher } from "../../core/user-id.ts";
import { parsedJson } from "../messages.ts";
import { contextOf, fill, lengthOf, MAX_IDENTIFIER, pairsOf, type RequestContext } from "../request-context.ts";
import type { Endpoint } from "./exchange.ts";
import { isPlain, MAX_BODY, withFields, withHeaders } from "./new-body.ts";

/** What `tracedFetch({ inject })` adds to requests; not to those that are given as a `Request`, or with an `init` of a class. */
export interface InjectOptions {
  /** Hosts besides `api.openai.com` that take the parameters, with the port where there is one: `my.openai.azure.com`. */
  hosts?: readonly string[];
  /** At least 16 characters. Default: the key of `configure({ userIdKey })`, or `SIGHTLINE_USER_ID_KEY`; without any, no user. */
  hashKey?: string;
  /** Adds `prompt_cache_key`: the session, or else the feature; or what the function says of the context. */
  promptCacheKey?: true | ((context: RequestContext) => string | undefined);
  /** Adds the W3C header `traceparent` of the current span to every request to these hosts. */
  traceparent?: boolean;
}

/** A request on its way out. */
export interface Outgoing {
  readonly runtime: Runtime;
  readonly url: URL;
  readonly method: string;
  readonly endpoint: Endpoint;
  readonly init: RequestInit | undefined;
  /** The span that is current at the call. */
  readonly span: Span | undefined;
}

/** The `init` to send: a copy with more in it, or the very same. Never throws. */
export type Injector = (request: Outgoing) => RequestInit | undefined;

/** What each endpoint takes. Everything else refuses unknown parameters. */
const TAKES: ReadonlyMap<string, { readonly metadata: "always" | "stored"; readonly identifiers: boolean }> = new Map([
  // "The 'metadata' parameter is only allowed when 'store' is enabled."
  ["/chat/completions", { metadata: "stored", identifiers: true }],
  ["/responses", { metadata: "always", identifiers: true }],
  ["/conversations", { metadata: "always", identifiers: false }],
  ["/threads", { metadata: "always", identifiers: false }],
  ["/threads/runs", { metadata: "always", identifiers: false }],
  ["/threads/{thread_id}/runs", { metadata: "always", identifiers: false }],
  ["/threads/{thread_id}/messages", { metadata: "always", identifiers: false }],
]);

/**
 * Makes the function that adds the context to outgoing requests: user, session, feature, environment and trace id as
 * `metadata`, the user's hash as `safety_identifier`, each only where the endpoint takes it and the request does not say
 * it itself. The same context and request give the same bytes, so the attempts of one call are alike. Throws a
 * `ConfigError` for options that make no sense.
 */
export function injector(option: boolean | InjectOptions | undefined): Injector {
  if (option === undefined || option === false) return ({ init }) => init;
  const options = option === true ? {} : checked(option);
  const hosts = new Set(["api.openai.com", ...(options.hosts ?? []).map((host) => host.toLowerCase())]);
  return (request) => guard(() => inject(request, options, hosts), request.init);
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

const CHECKS: { readonly [name in keyof InjectOptions]-?: readonly [(value: any) => boolean, string] } = {
  hosts: [(value) => Array.isArray(value) && value.every(isText), "an array of host names"],
  // Checked by its own, which does not show it.
  hashKey: [(value) => userIdHasher(value) !== undefined, ""],
  promptCacheKey: [(value) => value === true || typeof value === "function", "true or a function"],
  traceparent: [(value) => typeof value === "boolean", "true or false"],
};

function checked(options: InjectOptions): InjectOptions {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(CHECKS, name)) {
      const known = Object.keys(CHECKS).join(", ");
      throw new ConfigError(
        "CONFIG_UNKNOWN_OPTION",
        `tracedFetch({ inject }) has no option "${name}". It takes: ${known}.`,
      );
    }
    const [isRight, wanted] = CHECKS[name as keyof InjectOptions];
    if (value !== undefined && !isRight(value)) {
      throw new ConfigError(
        "CONFIG_BAD_VALUE",
        `tracedFetch({ inject: { ${name} } }) takes ${wanted}; it got ${typeof value}.`,
      );
    }
  }
  return options;
}

function inject(request: Outgoing, options: InjectOptions, hosts: ReadonlySet<string>): RequestInit | undefined {
  const { url, init, span } = request;
  if (!hosts.has(url.host) || isSuppressed(span) || !isPlain(init)) return init;
  const body = guard(() => injectedBody(request, options), undefined);
  const traceparent = options.traceparent === true && span?.recording === true ? span.traceparent() : undefined;
  if (body === undefined && traceparent === undefined) return init;
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-length"] = String(Buffer.byteLength(body));
  if (traceparent !== undefined) headers["traceparent"] = traceparent;
  return {
    ...init,
    ...(body !== undefined && { body }),
    ...withHeaders(init?.headers, headers),
  };
}

/** The body with what is added to it; `undefined` when that is nothing. */
function injectedBody(request: Outgoing, options: InjectOptions): string | undefined {
  const { runtime, method, endpoint, init, span } = request;
  const takes = method.toUpperCase() === "POST" ? TAKES.get(endpoint.route) : undefined;
  const text: unknown = init?.body;
  if (takes === undefined || typeof text !== "string" || text.length > MAX_BODY) return undefined;
  const body = parsedJson(text);
  if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
  const given = body as { readonly [name: string]: unknown };
  const context = contextOf(runtime, span, options.hashKey);
  const metadata = takes.metadata === "always" || given["store"] === true ? mergedMetadata(given, context) : undefined;
  const added = {
    ...(metadata !== undefined && { metadata }),
    ...(takes.identifiers && identifiers(given, context, options)),
  };
  return Object.keys(added).length === 0 ? undefined : withFields(text, given, added);
}

/** The request's own pairs and ours behind them; `undefined` when there is nothing to add. */
function mergedMetadata(body: { readonly [name: string]: unknown }, context: RequestContext): object | undefined {
  const own = body["metadata"] ?? {};
  if (typeof own !== "object" || Array.isArray(own)) return undefined;
  const metadata: Record<string, unknown> = { ...own };
  const left = fill(metadata, pairsOf(context));
  if (left.length > 0) debug(`no room in the request's metadata for ${left.join(", ")}`);
  return Object.keys(metadata).length === Object.keys(own).length ? undefined : metadata;
}

function identifiers(
  body: { readonly [name: string]: unknown },
  context: RequestContext,
  { promptCacheKey }: InjectOptions,
): { safety_identifier?: string; prompt_cache_key?: string } {
  const { user } = context;
  // `user` is the older name of both.
  const isNamed = isGiven(body, "safety_identifier") || isGiven(body, "user");
  const key = isGiven(body, "prompt_cache_key") ? undefined : cacheKey(promptCacheKey, context);
  return {
    ...(user !== undefined && !isNamed && { safety_identifier: user }),
    ...(key !== undefined && { prompt_cache_key: key }),
  };
}

function isGiven(body: { readonly [name: string]: unknown }, name: string): boolean {
  return body[name] !== undefined && body[name] !== null;
}

function cacheKey(option: InjectOptions["promptCacheKey"], context: RequestContext): string | undefined {
  if (option === undefined) return undefined;
  const key: unknown =
    typeof option === "function" ? guard(() => option(context), undefined) : (context.sessionId ?? context.feature);
  if (typeof key !== "string" || key === "") return undefined;
  if (lengthOf(key) <= MAX_IDENTIFIER) return key;
  // A longer one is refused, and one that is merely cut would be shared by all with the same beginning.
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(key).digest("hex");
}

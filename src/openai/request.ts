import { contextSpan } from "../core/context.ts";
import { SightlineError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import { activeRuntime } from "../core/runtime.ts";
import {
  contextOf,
  fill,
  hasherOf,
  lengthOf,
  MAX_IDENTIFIER,
  MAX_KEY,
  MAX_PAIRS,
  MAX_VALUE,
  pairsOf,
  type RequestContext,
} from "./request-context.ts";

export interface RequestParamsOptions {
  /** Hashed before it leaves. Default of this and the next three: what `withTrace`, `updateTrace` or `configure` said. */
  userId?: string | undefined;
  sessionId?: string | undefined;
  feature?: string | undefined;
  environment?: string | undefined;
  /**
   * More pairs, which win over those from the context; `undefined` values are left out. `false`: no `metadata` at all, as
   * chat completions take it only together with `store: true`.
   */
  metadata?: { readonly [key: string]: string | number | boolean | undefined } | false;
  /** Requests that share a long beginning and this key meet the same cache. At most 64 characters. */
  promptCacheKey?: string | undefined;
  /** At least 16 characters. Default: the key of `configure({ userIdKey })`, or `SIGHTLINE_USER_ID_KEY`. */
  hashKey?: string | undefined;
  /** Names the user in `user` and not in `safety_identifier`: for embeddings, images and hosts that know only the older name. */
  legacyUser?: boolean;
}

/** Parameters of a request to OpenAI, by their wire names. */
export interface RequestParams {
  metadata: { [key: string]: string };
  safety_identifier?: string;
  user?: string;
  prompt_cache_key?: string;
}

/**
 * Says to OpenAI where a request comes from: spread the result into `responses.create`, into `chat.completions.create`
 * with `store: true`, or its `metadata` alone into `threads.runs.create`. The user is named by a keyed hash; the pairs
 * `trace_id`, `session_id`, `user_id`, `feature` and `environment` are taken from the current context.
 *
 * Throws a `SightlineError` for what OpenAI would refuse: `REQUEST_METADATA_LIMIT` for more than 16 pairs, a key of more than
 * 64 or a value of more than 512 characters, `REQUEST_CACHE_KEY_LIMIT`, `REQUEST_BAD_VALUE` for a value that is no text, `REQUEST_UNKNOWN_OPTION`;
 * and `REQUEST_NO_USER_ID_KEY` for a user without a key to hash by. Pairs from the context never make it throw: those that
 * do not fit are left out.
 *
 * @example
 * const params = requestParams({ userId, feature: "hints", hashKey: process.env["USER_ID_KEY"]! });
 * await openai.responses.create({ model: "gpt-5.1", input: question, ...params });
 * await openai.beta.threads.runs.create(thread.id, { assistant_id: assistant.id, metadata: params.metadata });
 */
export function requestParams(options: RequestParamsOptions & { metadata: false }): Omit<RequestParams, "metadata">;
export function requestParams(options?: RequestParamsOptions): RequestParams;
export function requestParams(options: RequestParamsOptions = {}): Omit<RequestParams, "metadata"> {
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) {
    const known = [...OPTIONS].join(", ");
    throw new SightlineError(
      "REQUEST_UNKNOWN_OPTION",
      `requestParams() has no option "${unknown}". It takes: ${known}.`,
    );
  }
  const given = givenContext(options);
  const runtime = activeRuntime();
  const around = runtime === null ? {} : contextOf(runtime, contextSpan(runtime), options.hashKey);
  const user = given.user ?? around.user;
  const cacheKey = textOf("promptCacheKey", options.promptCacheKey);
  if (cacheKey !== undefined && lengthOf(cacheKey) > MAX_IDENTIFIER) {
    throw new SightlineError(
      "REQUEST_CACHE_KEY_LIMIT",
      `The promptCacheKey has ${lengthOf(cacheKey)} characters; OpenAI takes at most ${MAX_IDENTIFIER}. Use a shorter one, or a hash of it.`,
    );
  }
  return {
    ...(options.metadata !== false && { metadata: metadataOf(options.metadata ?? {}, given, around) }),
    ...(user !== undefined && (options.legacyUser === true ? { user } : { safety_identifier: user })),
    ...(cacheKey !== undefined && { prompt_cache_key: cacheKey }),
  };
}

const OPTIONS: ReadonlySet<string> = new Set<keyof RequestParamsOptions>([
  "userId",
  "sessionId",
  "feature",
  "environment",
  "metadata",
  "promptCacheKey",
  "hashKey",
  "legacyUser",
]);

function givenContext(options: RequestParamsOptions): RequestContext {
  const userId = textOf("userId", options.userId);
  const [sessionId, feature] = [textOf("sessionId", options.sessionId), textOf("feature", options.feature)];
  const environment = textOf("environment", options.environment);
  return {
    ...(userId !== undefined && { user: hashed(userId, options.hashKey) }),
    ...(sessionId !== undefined && { sessionId }),
    ...(feature !== undefined && { feature }),
    ...(environment !== undefined && { environment }),
  };
}

function hashed(userId: string, hashKey: string | undefined): string {
  const hash = hasherOf(hashKey);
  if (hash !== undefined) return hash(userId);
  throw new SightlineError(
    "REQUEST_NO_USER_ID_KEY",
    "requestParams() sends a userId only as a keyed hash, and there is no key: give requestParams({ hashKey }), configure({ userIdKey }) or SIGHTLINE_USER_ID_KEY, at least 16 characters that stay secret.",
  );
}

function metadataOf(
  pairs: Exclude<RequestParamsOptions["metadata"], false | undefined>,
  given: RequestContext,
  around: RequestContext,
): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [key, value] of [...Object.entries(pairsOf(given)), ...Object.entries(pairs)]) {
    const text = textOf(`metadata "${key}"`, value, "");
    if (text !== undefined) metadata[key] = checked(key, text);
  }
  const count = Object.keys(metadata).length;
  if (count > MAX_PAIRS) throw limit(`has ${count} pairs; OpenAI takes at most ${MAX_PAIRS}. Leave some out.`);
  const left = fill(metadata, pairsOf(around));
  if (left.length > 0) debug(`no room in the request's metadata for ${left.join(", ")}`);
  return metadata;
}

function checked(key: string, value: string): string {
  const [keyLength, length] = [lengthOf(key), lengthOf(value)];
  if (keyLength > MAX_KEY) {
    throw limit(
      `key "${key.slice(0, MAX_KEY)}…" has ${keyLength} characters; OpenAI takes at most ${MAX_KEY}. Use a shorter one.`,
    );
  }
  if (length > MAX_VALUE) {
    throw limit(`value of "${key}" has ${length} characters; OpenAI takes at most ${MAX_VALUE}. Shorten it.`);
  }
  return value;
}

function limit(problem: string): SightlineError {
  return new SightlineError("REQUEST_METADATA_LIMIT", `The metadata ${problem}`);
}

/** An empty text says nothing, except as `empty`. */
function textOf(what: string, value: unknown, empty?: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (value === "") return empty;
  const isText =
    typeof value === "number" ? Number.isFinite(value) : ["string", "boolean", "bigint"].includes(typeof value);
  if (isText) return String(value);
  throw new SightlineError(
    "REQUEST_BAD_VALUE",
    `requestParams() takes text for ${what}; it got ${Array.isArray(value) ? "an array" : typeof value === "number" ? value : `a value of type ${typeof value}`}. OpenAI's metadata is flat.`,
  );
}

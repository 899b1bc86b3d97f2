import type { NonRecordingSpan } from "../core/non-recording-span.ts";
import type { TraceInfo } from "../core/record.ts";
import type { Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { mergeTraceInfo } from "../core/trace.ts";
import { keptUserIdHasher, userIdHasher } from "../core/user-id.ts";

/** What OpenAI takes of each; it counts Unicode characters and answers 400 to more. */
export const MAX_PAIRS = 16;
export const MAX_KEY = 64;
export const MAX_VALUE = 512;
/** Of `prompt_cache_key`; `safety_identifier` has the same limit and is never longer than 32 here. */
export const MAX_IDENTIFIER = 64;

/** What a request may say about where it comes from. */
export interface RequestContext {
  /** The id as it may leave the process: hashed. */
  readonly user?: string;
  readonly sessionId?: string;
  readonly feature?: string;
  readonly environment?: string;
  readonly traceId?: string;
}

/** What `span` and its trace say. A user id that is not hashed yet is hashed with `hashKey`, and left out without any key. */
export function contextOf(runtime: Runtime, span: Span | undefined, hashKey?: string): RequestContext {
  const { trace, info: seed } = (span ?? {}) as Partial<NonRecordingSpan>;
  const info: TraceInfo = trace?.info ?? mergeTraceInfo(runtime.traceDefaults, seed ?? {});
  const { userId, sessionId, feature, environment } = info;
  const user = userId && (keptUserIdHasher() !== undefined ? userId : hasherOf(hashKey)?.(userId));
  return {
    ...(user && { user }),
    ...(sessionId && { sessionId }),
    ...(feature && { feature }),
    ...(environment && { environment }),
    ...(trace !== undefined && { traceId: trace.traceId }),
  };
}

/** The context as the pairs of `metadata`, in the order in which they are left out last. */
export function pairsOf(context: RequestContext): Record<string, string> {
  const { traceId, user, sessionId, feature, environment } = context;
  const pairs = { trace_id: traceId, session_id: sessionId, user_id: user, feature, environment };
  return Object.fromEntries(Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** The first that makes hashes: `hashKey`, the key that `configure` was given, `SIGHTLINE_USER_ID_KEY`. */
export function hasherOf(hashKey: string | undefined): ((id: string) => string) | undefined {
  if (hashKey !== undefined) return userIdHasher(hashKey);
  const key = process.env["SIGHTLINE_USER_ID_KEY"];
  return keptUserIdHasher() ?? (key ? userIdHasher(key) : undefined);
}

/** Characters as OpenAI counts them: an emoji is one. */
export function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Adds the pairs that OpenAI would take, as far as there is room; returns the keys of the others. */
export function fill(metadata: Record<string, unknown>, pairs: { readonly [key: string]: string }): string[] {
  const left: string[] = [];
  let room = MAX_PAIRS - Object.keys(metadata).length;
  for (const [key, value] of Object.entries(pairs)) {
    if (Object.hasOwn(metadata, key)) continue;
    if (room <= 0 || lengthOf(value) > MAX_VALUE) left.push(key);
    else {
      metadata[key] = value;
      room--;
    }
  }
  return left;
}

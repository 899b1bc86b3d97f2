import type { Endpoint, EndpointKind } from "./exchange.ts";
import { isKnownHost } from "./provider.ts";

type Methods = { readonly [method: string]: EndpointKind };

interface Pattern {
  readonly route: string;
  /** Literal segments, and `{name}` for an id. */
  readonly segments: readonly string[];
  readonly methods: Methods;
}

/** Two rows that both fit: the first counts, so what ends like another comes before it, and a word before an id. */
const PATTERNS: readonly Pattern[] = [
  ...routes("/organization/usage", ["completions", "embeddings", "moderations", "vector_stores"]),
  ...routes("/chatkit/threads", ["", "{id}", "{id}/items"]),
  pattern("/chat/completions", { POST: "chat" }),
  pattern("/completions", { POST: "completion" }),
  pattern("/responses", { POST: "response" }),
  // A response that stands for a longer conversation.
  pattern("/responses/compact", { POST: "response" }),
  pattern("/responses/input_tokens", {}),
  pattern("/responses/{response_id}", { GET: "response.retrieve" }),
  pattern("/responses/{response_id}/cancel", { POST: "response.cancel" }),
  pattern("/responses/{response_id}/input_items", {}),
  pattern("/embeddings", { POST: "embedding" }),
  pattern("/images/generations", { POST: "image" }),
  pattern("/images/edits", { POST: "image" }),
  pattern("/images/variations", { POST: "image" }),
  pattern("/audio/speech", { POST: "speech" }),
  pattern("/audio/transcriptions", { POST: "transcription" }),
  pattern("/audio/translations", { POST: "transcription" }),
  pattern("/moderations", { POST: "moderation" }),
  pattern("/assistants", { POST: "assistant.create" }),
  pattern("/assistants/{assistant_id}", { GET: "assistant.retrieve" }),
  pattern("/threads", {}),
  pattern("/threads/runs", { POST: "run.create" }),
  pattern("/threads/{thread_id}", {}),
  pattern("/threads/{thread_id}/runs", { POST: "run.create" }),
  pattern("/threads/{thread_id}/runs/{run_id}", { GET: "run.retrieve", POST: "run.update" }),
  pattern("/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", { POST: "run.submit" }),
  pattern("/threads/{thread_id}/runs/{run_id}/cancel", { POST: "run.cancel" }),
  pattern("/threads/{thread_id}/runs/{run_id}/steps", { GET: "step.list" }),
  pattern("/threads/{thread_id}/runs/{run_id}/steps/{step_id}", { GET: "step.retrieve" }),
  pattern("/threads/{thread_id}/messages", { POST: "message.create", GET: "message.list" }),
  pattern("/threads/{thread_id}/messages/{message_id}", { GET: "message.retrieve" }),
  pattern("/models", {}),
  pattern("/models/{model}", {}),
  ...routes("/chat/completions", ["{id}", "{id}/messages"]),
  ...routes("/conversations", ["", "{conversation_id}", "{conversation_id}/items", "{conversation_id}/items/{id}"]),
  ...routes("/vector_stores/{id}/file_batches", ["", "{id}", "{id}/cancel", "{id}/files"]),
  ...routes("/vector_stores/{id}/files", ["", "{id}", "{id}/content"]),
  ...routes("/vector_stores", ["", "{id}", "{id}/search"]),
  ...routes("/containers/{id}/files", ["", "{id}", "{id}/content"]),
  ...routes("/containers", ["", "{id}"]),
  ...routes("/files", ["", "{id}", "{id}/content"]),
  ...routes("/uploads", ["", "{id}/parts", "{id}/complete", "{id}/cancel", "{id}"]),
  ...routes("/batches", ["", "{id}", "{id}/cancel"]),
  ...routes("/fine_tuning/checkpoints/{id}/permissions", ["", "{id}"]),
  ...routes("/fine_tuning/jobs", ["", "{id}", "{id}/cancel", "{id}/pause", "{id}/resume"]),
  ...routes("/fine_tuning/jobs", ["{id}/events", "{id}/checkpoints"]),
  ...routes("/evals/{id}/runs", ["", "{id}", "{id}/cancel", "{id}/output_items", "{id}/output_items/{id}"]),
  ...routes("/evals", ["", "{id}"]),
  ...routes("/realtime", ["sessions", "client_secrets", "transcription_sessions", "calls"]),
  ...routes("/realtime/calls/{id}", ["accept", "hangup", "refer", "reject"]),
  ...routes("/videos", [
    "characters/{id}",
    "characters",
    "edits",
    "extensions",
    "",
    "{id}",
    "{id}/content",
    "{id}/remix",
  ]),
  ...routes("/skills", [
    "",
    "{id}",
    "{id}/content",
    "{id}/versions",
    "{id}/versions/{id}",
    "{id}/versions/{id}/content",
  ]),
  ...routes("/chatkit/sessions", ["", "{id}/cancel"]),
];

/** No endpoint has so many segments below its base; what has more is nothing that is known. */
const MAX_SEGMENTS = 8;

/**
 * What a request is about. The base address may be any: `/v1`, `/openai/v1`, `/api/v1`, a gateway's own, Azure's
 * `/openai/deployments/{deployment}`, or none. What is not known is `other`, with a route in which ids are replaced.
 *
 * @example
 * endpointOf("GET", new URL("https://api.openai.com/v1/threads/thread_1/runs/run_1"));
 * // { kind: "run.retrieve", route: "/threads/{thread_id}/runs/{run_id}", ids: { thread_id: "thread_1", run_id: "run_1" } }
 */
export function endpointOf(method: string, url: URL): Endpoint {
  const segments = url.pathname.split("/").filter((segment) => segment !== "");
  const isKnown = isKnownHost(url.hostname);
  for (const { route, segments: wanted, methods } of PATTERNS) {
    if (!fits(segments, wanted)) continue;
    if (!isKnown && !isBase(segments.slice(0, -wanted.length), wanted)) continue;
    const ids = idsOf(segments, wanted);
    return { kind: methods[method] ?? "other", route, ids };
  }
  return unknownEndpoint(segments, isKnown);
}

/**
 * Whether what stands before an endpoint is the base of such an API, so that another API's `/users/42/responses` is not
 * taken for one: a version or `openai` at its end, Azure's deployment or project, or nothing. Chat completions are nobody
 * else's.
 */
function isBase(base: readonly string[], [first, second]: readonly string[]): boolean {
  if (base.length === 0 || (first === "chat" && second === "completions")) return true;
  const [last, before] = [base.at(-1)!, base.at(-2)];
  if (/^(?:v\d\w*|openai|openapi)$/.test(last) || before === "deployments") return true;
  return base.length === 3 && base[0] === "api" && base[1] === "projects";
}

function pattern(route: string, methods: Methods): Pattern {
  return { route, segments: route.slice(1).split("/"), methods };
}

/** Requests that run no model and are about nothing that is followed: only their routes are known. */
function routes(below: string, paths: readonly string[]): Pattern[] {
  return paths.map((path) => pattern(path === "" ? below : `${below}/${path}`, {}));
}

/** Compared from the end, as the base in front may be any. */
function fits(segments: readonly string[], wanted: readonly string[]): boolean {
  const base = segments.length - wanted.length;
  if (base < 0) return false;
  for (let i = wanted.length - 1; i >= 0; i--) {
    const want = wanted[i]!;
    if (!want.startsWith("{") && want !== segments[base + i]) return false;
  }
  return true;
}

function idsOf(segments: readonly string[], wanted: readonly string[]): { [name: string]: string } {
  const ids: { [name: string]: string } = {};
  const base = segments.length - wanted.length;
  wanted.forEach((want, i) => {
    if (want.startsWith("{")) ids[want.slice(1, -1)] = decoded(segments[base + i]!);
  });
  const deployments = segments.indexOf("deployments");
  if (deployments >= 0 && deployments + 1 < base) ids["deployment"] = decoded(segments[deployments + 1]!);
  return ids;
}

function unknownEndpoint(segments: readonly string[], isKnown: boolean): Endpoint {
  const ids: { [name: string]: string } = {};
  const version = segments.slice(0, 3).findIndex((segment) => /^v\d/.test(segment));
  let rest = segments.slice(version + 1);
  if (version === -1 && rest[0] === "openai") rest = rest.slice(1);
  if (rest[0] === "deployments" && rest.length > 2) {
    ids["deployment"] = decoded(rest[1]!);
    rest = rest.slice(2);
  }
  const isId = (segment: string): boolean => looksLikeId(segment) || (!isKnown && MAY_IDENTIFY.test(segment));
  const shown = rest.slice(0, MAX_SEGMENTS).map((segment) => (isId(segment) ? "{id}" : segment));
  if (rest.length > MAX_SEGMENTS) shown.push("…");
  return { kind: "other", route: `/${shown.join("/")}`, ids };
}

/** `file-Ab3…`, `vs_6f…`, UUIDs, numbers, hex, and whatever is too long for a word. */
const ID =
  /^(?:\d+|[0-9a-f]{12,}|[0-9a-fA-F]{8}-[0-9a-fA-F-]{20,}|[a-zA-Z]{1,20}[_-](?=.*[\dA-Z])[\w.-]{5,}|(?=.*\d)[\w.~:-]{20,}|.{48,})$/;

/** Of a host that is not known nothing is shown that may name somebody: `jane.doe`, `a@example.com`, `T024`. */
const MAY_IDENTIFY = /[@%.\d]|^.{21,}$/;

function looksLikeId(segment: string): boolean {
  return ID.test(segment);
}

function decoded(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

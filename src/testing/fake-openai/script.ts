import { defaultBody, type Reply, type SentEvent } from "./http.ts";
import type { LoggedRequest } from "./request.ts";
import type { StreamShape } from "./send.ts";

/**
 * What happens to the requests that it matches. With a `status`, a `body` or `events` it is the reply; without them the
 * real reply is given, changed by the rest of the rule.
 */
export interface ScriptedReply {
  /** Method and path without `/v1`; `*` stands for anything: `"POST /chat/completions"`, `"* /threads*"`. */
  match: string;
  /** Default: 200 with a `body` or `events`. */
  status?: number;
  headers?: Record<string, string>;
  /** JSON, or what makes it of the request; a string or bytes go as they are. Default: what OpenAI says with that status. */
  body?: object | string | null | ((request: LoggedRequest) => unknown);
  /** An event stream. */
  events?: readonly SentEvent[];
  /** Changes the real reply, when it is JSON. */
  edit?: (json: any, request: LoggedRequest) => unknown;
  /** Changes the real reply, when it is an event stream: events that are left out, renamed, added. */
  editEvents?: (events: SentEvent[], request: LoggedRequest) => readonly SentEvent[];
  /** How an event stream goes over the wire. */
  stream?: StreamShape;
  /** How long the reply takes, in milliseconds. */
  delayMs?: number;
  /** The connection is closed without a reply. */
  drop?: boolean;
  /** How often; then the next rule, or the real reply. Default: every time. */
  times?: number;
}

/** Finds the rule for each request. */
export function scripted(script: readonly ScriptedReply[]): (request: LoggedRequest) => ScriptedReply | undefined {
  const rules = script.map((rule) => ({ rule, pattern: glob(rule.match), left: rule.times ?? Infinity }));
  return ({ method, path }) => {
    const found = rules.find(({ pattern, left }) => left > 0 && pattern.test(`${method} ${path}`));
    if (found) found.left--;
    return found?.rule;
  };
}

/** The reply of a rule that does not leave it to the real one. */
export function replyOf(rule: ScriptedReply, request: LoggedRequest): Reply | undefined {
  const { status = 200, headers = {}, events } = rule;
  if (events !== undefined) return { status, headers, events };
  if (rule.body === undefined && rule.status === undefined) return undefined;
  const body = typeof rule.body === "function" ? rule.body(request) : rule.body;
  if (typeof body === "string") return { status, headers, bytes: Buffer.from(body), contentType: "text/plain" };
  if (body instanceof Uint8Array) return { status, headers, bytes: body, contentType: "application/octet-stream" };
  return { status, headers, json: body ?? defaultBody(status) };
}

/** The real reply as a rule changes it. */
export function edited(reply: Reply, rule: ScriptedReply, request: LoggedRequest): Reply {
  const headers = { ...reply.headers, ...rule.headers };
  if ("json" in reply && rule.edit) return { ...reply, headers, json: rule.edit(structuredClone(reply.json), request) };
  if ("events" in reply && rule.editEvents) {
    return { ...reply, headers, events: rule.editEvents([...reply.events], request) };
  }
  return { ...reply, headers };
}

function glob(match: string): RegExp {
  const parts = match.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}

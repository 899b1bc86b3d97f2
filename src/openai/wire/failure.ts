import { field, text } from "../fields.ts";

/** A failed answer as the error that `openai` throws for it: the class by its name, and what the body says. */
export interface ApiFailure {
  readonly name: string;
  readonly status: number | undefined;
  readonly code: string | number | undefined;
  readonly message: string;
  /** `invalid_request_error`, `tokens`, …: what the API calls it. */
  readonly type: string | undefined;
  /** The parameter that is at fault. */
  readonly param: string | undefined;
}

/** What a failure may say where payloads are not recorded: nothing of the request's texts, which errors like to repeat. */
export interface FailureLimits {
  readonly captures: { readonly input: boolean; readonly output: boolean };
  /** The parsed request; `undefined` where it is not known. */
  readonly request: unknown;
  readonly method: string;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [400, "BadRequestError"],
  [401, "AuthenticationError"],
  [403, "PermissionDeniedError"],
  [404, "NotFoundError"],
  [409, "ConflictError"],
  [422, "UnprocessableEntityError"],
  [429, "RateLimitError"],
]);

/** A status of 4xx or 5xx with its body: parsed JSON, text, or `undefined` when nobody has read it. */
export function statusFailure(status: number, body: unknown, limits?: FailureLimits): ApiFailure {
  const name = NAMES.get(status) ?? (status >= 500 ? "InternalServerError" : "APIError");
  if (limits !== undefined && isLimited(limits)) {
    const facts = namesOnly(said(body));
    const message = safeMessage(body, limits) ?? [status, facts.code ?? facts.type ?? "status code"].join(" ");
    return { name, status, ...facts, message };
  }
  return { name, status, ...said(body), message: messageOf(body) ?? `${status} status code (no body)` };
}

/** An error that came as an event of a stream whose status was 200. */
export function eventFailure(error: unknown, limits?: FailureLimits): ApiFailure {
  const body = { error };
  const unknown = "an error came in the stream";
  const name = "APIError";
  if (limits !== undefined && isLimited(limits)) {
    return { name, status: undefined, ...namesOnly(said(body)), message: safeMessage(body, limits) ?? unknown };
  }
  return { name, status: undefined, ...said(body), message: messageOf(body) ?? unknown };
}

function said(body: unknown): Pick<ApiFailure, "code" | "type" | "param"> {
  const error = errorIn(body);
  const code: unknown = field(error, "code");
  return {
    code: typeof code === "number" ? code : text(code),
    type: text(field(error, "type")),
    param: text(field(error, "param")),
  };
}

/** OpenAI's place for it; elsewhere the fields stand by themselves. */
function errorIn(body: unknown): unknown {
  const error: unknown = field(body, "error");
  return typeof error === "object" ? error : body;
}

/** A whole page of HTML says no more than its beginning. */
const MAX_TEXT = 1000;

/** OpenAI's `error.message`, `message` (gateways), `detail` (FastAPI), `error` as a string, or plain text. */
function messageOf(body: unknown): string | undefined {
  const error = errorIn(body);
  const message: unknown = field(error, "message") ?? field(body, "error") ?? field(body, "detail") ?? body;
  if (typeof message === "string") return text(message.trim().slice(0, MAX_TEXT));
  return message === undefined || message === null ? undefined : JSON.stringify(message).slice(0, MAX_TEXT);
}

function isLimited({ captures }: FailureLimits): boolean {
  return !captures.input || !captures.output;
}

/** A code or the path of a parameter is short and has no blanks: anything else may be a text. */
const NAME = /^[\w.:[\]-]{1,64}$/;

function namesOnly({ code, type, param }: ReturnType<typeof said>): ReturnType<typeof said> {
  const name = <T>(value: T): T | undefined => (typeof value === "string" && !NAME.test(value) ? undefined : value);
  return { code: name(code), type: name(type), param: name(param) };
}

/** Longer than what the API's own sentences have. */
const MAX_SAFE = 200;

/** OpenAI's `error.message`, or where FastAPI says what is wrong, if they repeat nothing of the request. */
function safeMessage(body: unknown, limits: FailureLimits): string | undefined {
  const detail: unknown = field(body, "detail");
  const places = Array.isArray(detail) ? detail.slice(0, 5).map(placeOf) : undefined;
  const message = places === undefined ? text(field(field(body, "error"), "message")) : JSON.stringify(places);
  if (message === undefined || message.length > (places === undefined ? MAX_SAFE : MAX_TEXT)) return undefined;
  return repeats(message, limits) ? undefined : message;
}

function placeOf(entry: unknown): unknown {
  return { loc: field(entry, "loc"), type: field(entry, "type"), msg: field(entry, "msg") };
}

/** A request with more text than this cannot be searched in passing. */
const MAX_SEARCHED = 64 * 1024;
/** So much of a longer text, repeated, is no chance. */
const MIN_REPEATED = 12;
/** A number or a word of two letters is in every other sentence. */
const MIN_TEXT = 3;
/** What these say names things of the API. */
const NAMING: ReadonlySet<string> = new Set(["model", "role", "type", "object", "format", "detail", "effort"]);

function repeats(message: string, { request, method }: FailureLimits): boolean {
  // Nothing was sent, or it is not known what.
  if (request === undefined) return method !== "GET";
  const texts: string[] = [];
  if (!collect(request, texts)) return true;
  const parts = new Set<string>();
  for (let at = 0; at + MIN_REPEATED <= message.length; at++) parts.add(message.slice(at, at + MIN_REPEATED));
  return texts.some((given) => {
    if (given.length <= MIN_REPEATED) return message.includes(given);
    for (let at = 0; at + MIN_REPEATED <= given.length; at++) {
      if (parts.has(given.slice(at, at + MIN_REPEATED))) return true;
    }
    return false;
  });
}

/** The texts of a request; false when there are too many. */
function collect(value: unknown, texts: string[]): boolean {
  const stack: unknown[] = [value];
  let left = MAX_SEARCHED;
  while (stack.length > 0) {
    const next = stack.pop();
    if (typeof next === "string") {
      if (next.trim().length < MIN_TEXT) continue;
      texts.push(next.trim());
      if ((left -= next.length) < 0) return false;
    } else if (typeof next === "object" && next !== null) {
      for (const [key, inner] of Object.entries(next))
        if (!NAMING.has(key) || typeof inner !== "string") stack.push(inner);
      if (stack.length > MAX_SEARCHED) return false;
    }
  }
  return true;
}

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
export function statusFailure(status: number, body: unknown): ApiFailure {
  const name = NAMES.get(status) ?? (status >= 500 ? "InternalServerError" : "APIError");
  return { name, status, ...said(body), message: messageOf(body) ?? `${status} status code (no body)` };
}

/** An error that came as an event of a stream whose status was 200. */
export function eventFailure(error: unknown): ApiFailure {
  const message = messageOf({ error }) ?? "an error came in the stream";
  return { name: "APIError", status: undefined, ...said({ error }), message };
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

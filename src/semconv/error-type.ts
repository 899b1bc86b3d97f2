import type { SpanRecord } from "../core/record.ts";

/** A code that is one of few, such as `rate_limit_exceeded` or `ECONNRESET`; no sentence, no id. */
const CODE = /^[A-Za-z][A-Za-z_.-]{0,63}$/;
/** Classes and `typeof`s that say nothing of what went wrong. */
const VAGUE: ReadonlySet<string> = new Set(["Error", "Object", "object", "string", "number", "undefined", "null", ""]);
/** For errors that have no name (`error.type` in the registry). */
const OTHER = "_OTHER";

/**
 * `error.type`, which is to have few values: the error's code, else its class, else its HTTP status, else `_OTHER`.
 * `undefined` for a span that did not fail.
 */
export function errorTypeOf({ status, error, genAi, http }: SpanRecord): string | undefined {
  if (status.code !== "error") return undefined;
  const codes = [error?.code, genAi?.openai?.errorCode];
  const code = codes.find((each) => typeof each === "string" && CODE.test(each));
  if (code !== undefined) return String(code);
  if (error !== undefined && !VAGUE.has(error.type)) return error.type;
  const answer = error?.status ?? (http?.status !== undefined && http.status >= 400 ? http.status : undefined);
  if (answer !== undefined) return String(answer);
  return error?.type === "Error" ? error.type : OTHER;
}

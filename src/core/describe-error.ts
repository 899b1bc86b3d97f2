import type { Capture } from "./capture.ts";
import type { ErrorInfo } from "./record.ts";

/** Longer chains say no more. */
const MAX_CAUSES = 5;

/** What was thrown, as data. Every property is read once and guarded: errors may have getters, and be no errors at all. */
export function describeError(thrown: unknown, capture: Capture): ErrorInfo {
  if (typeof thrown !== "object" || thrown === null) {
    const shown = capture.value(thrown, "error").value;
    return { type: thrown === null ? "null" : typeof thrown, message: capture.text(String(shown)) };
  }
  const info: { -readonly [K in keyof ErrorInfo]: ErrorInfo[K] } = { type: capture.text(typeName(thrown)) };
  const message = read(thrown, "message");
  if (typeof message === "string") info.message = capture.text(message);
  const stack = read(thrown, "stack");
  if (typeof stack === "string") info.stack = capture.text(stack);
  const code = read(thrown, "code");
  if (typeof code === "string") info.code = capture.text(code);
  else if (Number.isFinite(code)) info.code = (code as number) + 0;
  const status = read(thrown, "status") ?? read(thrown, "statusCode");
  if (Number.isFinite(status)) info.status = (status as number) + 0;
  const causes = causesOf(thrown, capture);
  if (causes.length > 0) info.causes = causes;
  return info;
}

/** True for an abort by the caller: `AbortError`, and openai's `APIUserAbortError` (whose `name` is just `Error`). */
export function isAbort(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null) return false;
  return read(thrown, "name") === "AbortError" || typeName(thrown) === "APIUserAbortError";
}

function causesOf(thrown: object, capture: Capture): { type: string; message?: string }[] {
  const causes: { type: string; message?: string }[] = [];
  const seen = new Set<unknown>([thrown]);
  let cause = read(thrown, "cause");
  while (cause !== undefined && !seen.has(cause) && causes.length < MAX_CAUSES) {
    seen.add(cause);
    if (typeof cause !== "object" || cause === null) {
      causes.push({ type: typeof cause, message: capture.text(String(cause)) });
      break;
    }
    const message = read(cause, "message");
    const type = capture.text(typeName(cause));
    causes.push(typeof message === "string" ? { type, message: capture.text(message) } : { type });
    cause = read(cause, "cause");
  }
  return causes;
}

/** The class that the error was made by; `name` only where that says more than `Error`. */
function typeName(thrown: object): string {
  const name = read(thrown, "name");
  if (typeof name === "string" && name !== "" && name !== "Error") return name;
  const made = read(thrown, "constructor");
  const className = typeof made === "function" ? read(made, "name") : undefined;
  return typeof className === "string" && className !== "" ? className : "Error";
}

function read(target: object, key: string): unknown {
  try {
    return (target as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

import { slot } from "./runtime.ts";

let debuglog: import("node:util").DebugLogger | undefined;

/** What is printed is masked like any text of a record: an error's message may hold what a call was given. */
function log(text: string): void {
  debuglog ??= process.getBuiltinModule("node:util").debuglog("sightline");
  if (!debuglog.enabled) return;
  const mask = slot.shared.get(DEBUG_MASK) as ((text: string) => string) | undefined;
  debuglog("%s", mask === undefined ? text.slice(0, text.search(/[:\n]|$/)) : mask(text));
}

/** Where `configure` leaves the function that masks; it stays when tracing is switched off again. */
export const DEBUG_MASK = "debug-mask";

/** Runs our own code on behalf of the host: whatever it throws is counted and swallowed. The one place that does so. */
export function guard<T, F>(fn: () => T, fallback: F): T | F {
  try {
    return fn();
  } catch (error) {
    swallow(error);
    return fallback;
  }
}

/**
 * Calls a function of the user's of which nothing is wanted. What it throws is counted; so is what a promise that it gives
 * rejects with, which would end the process: TypeScript takes an `async` function wherever nothing is to be returned.
 */
export function callBack(fn: () => unknown): void {
  guard(() => {
    const given = fn() as { then?: unknown } | null | undefined;
    if (typeof given === "object" && given !== null && typeof given.then === "function") {
      void Promise.resolve(given).then(undefined, swallow);
    }
  }, undefined);
}

/** Counts an internal fault, and shows it when `NODE_DEBUG=sightline` is set. */
export function swallow(error: unknown): void {
  slot.internalErrors++;
  try {
    log(`internal error: ${describe(error)}`);
  } catch {
    // An error that cannot even be printed.
  }
}

/** The stack and the messages of the causes. `inspect` would break texts into pieces, and half a secret is not known for one. */
function describe(error: unknown): string {
  const lines: string[] = [];
  let at = error;
  for (; at instanceof Error && lines.length < 5; at = at.cause) lines.push(at.stack ?? at.message);
  return lines.length === 0 ? String(error) : lines.join("\ncaused by ");
}

/** One line for whoever runs with `NODE_DEBUG=sightline`. */
export function debug(message: string): void {
  log(message);
}

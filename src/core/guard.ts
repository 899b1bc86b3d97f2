import { slot } from "./runtime.ts";

let debuglog: ((message: string, ...values: unknown[]) => void) | undefined;

function log(message: string, ...values: unknown[]): void {
  debuglog ??= process.getBuiltinModule("node:util").debuglog("sightline");
  debuglog(message, ...values);
}

/** Runs our own code on behalf of the host: whatever it throws is counted and swallowed. The one place that does so. */
export function guard<T, F>(fn: () => T, fallback: F): T | F {
  try {
    return fn();
  } catch (error) {
    swallow(error);
    return fallback;
  }
}

/** Counts an internal fault, and shows it when `NODE_DEBUG=sightline` is set. */
export function swallow(error: unknown): void {
  slot.internalErrors++;
  try {
    log("internal error: %o", error);
  } catch {
    // An error that cannot even be printed.
  }
}

/** One line for whoever runs with `NODE_DEBUG=sightline`. */
export function debug(message: string): void {
  log(message);
}

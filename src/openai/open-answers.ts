import { guard } from "../core/guard.ts";
import { perRuntime, type Runtime } from "../core/runtime.ts";

/** Reads what has come of an answer and waits to be read. */
export type DrainAnswer = () => void;

/** The streamed answers of this configuration that are still coming. */
export function openAnswers(runtime: Runtime): Set<DrainAnswer> {
  return perRuntime(runtime, "openAnswers", () => new Set());
}

/**
 * Events are read in a later turn than the one in which they went on to the user, who may record what one carries at once:
 * by then it has to be known that its answer is on the wire.
 */
export function drainOpenAnswers(runtime: Runtime): void {
  for (const drain of openAnswers(runtime)) guard(drain, undefined);
}

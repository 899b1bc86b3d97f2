import { isPromise } from "node:util/types";
import type { CallWatch, Verdict } from "./call-watch.ts";
import { ConfigError } from "./errors.ts";
import { guard, swallow } from "./guard.ts";
import { suppress } from "./suppress.ts";

/**
 * The watches of all sinks as one; `undefined` where there is none. Every watch hears of every call. The first refusal
 * counts, and of the models that they want the first. One that throws changes nothing, and what it calls is not traced.
 *
 * @throws ConfigError for what is no watch
 */
export function joinWatches(given: readonly (CallWatch | undefined)[]): CallWatch | undefined {
  const watches = [...new Set(given)].filter((watch) => watch !== undefined);
  if (watches.length === 0) return undefined;
  for (const watch of watches) check(watch);
  /** Calls that the watches know of and that go on. */
  const told = new Set<string>();
  return {
    starting(call) {
      told.add(call.traceId + call.spanId);
      Object.freeze(call);
      let refuse: Verdict["refuse"];
      let model: string | undefined;
      for (const watch of watches) {
        const verdict = guard(() => verdictOf(suppress(() => watch.starting(call))), undefined);
        refuse ??= verdict?.refuse;
        model ??= verdict?.model;
      }
      if (refuse !== undefined) return { refuse };
      return model === undefined ? undefined : { model };
    },
    ended(traceId, spanId) {
      if (told.size === 0 || !told.delete(traceId + spanId)) return;
      for (const watch of watches) guard(() => settled(suppress(() => watch.ended(traceId, spanId))), undefined);
    },
  };
}

function check(watch: Partial<CallWatch> | null): void {
  const isWatch = typeof watch?.starting === "function" && typeof watch.ended === "function";
  if (isWatch) return;
  throw new ConfigError("CONFIG_SINK", "a sink's modelCalls takes an object with the functions starting and ended.");
}

/** What it says, if it is of the right form. */
function verdictOf(given: unknown): Verdict | undefined {
  const said = settled(given) as { refuse?: { code?: unknown; message?: unknown }; model?: unknown } | undefined | null;
  if (typeof said !== "object" || said === null) return undefined;
  const { refuse, model } = said;
  if (typeof refuse === "object" && refuse !== null) {
    return { refuse: { code: String(refuse.code ?? "budget_exceeded"), message: String(refuse.message ?? "refused") } };
  }
  return typeof model === "string" && model !== "" ? { model } : undefined;
}

/** Watches are synchronous: a promise says nothing, and its rejection is nobody's but ours. */
function settled(value: unknown): unknown {
  if (!isPromise(value)) return value;
  value.catch(() => {});
  swallow(new TypeError("a watch of model calls returned a promise; watches are synchronous"));
  return undefined;
}

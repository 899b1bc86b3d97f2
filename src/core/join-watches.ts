import { isPromise } from "node:util/types";
import type { CallWatch, StartingCall, Verdict } from "./call-watch.ts";
import { ConfigError } from "./errors.ts";
import { guard, swallow } from "./guard.ts";
import { suppress } from "./suppress.ts";

/** The watches of all sinks as one. */
export interface JoinedWatches extends CallWatch {
  /** The call goes on although its span ends: its end is what the function tells. `undefined` where nobody was asked of it. */
  keep(traceId: string, spanId: string): (() => void) | undefined;
  /** Every call that goes on is given up. */
  endAll(): void;
}

type Ids = Pick<StartingCall, "traceId" | "spanId">;

/**
 * The watches of all sinks as one; `undefined` where there is none. Every watch hears of every call. The first refusal
 * counts, and of the models that they want the first, about which the others are asked as well. Where one of these wants
 * a third, all others are asked whether that may be: then they can only refuse. One that throws changes nothing, and what
 * it calls is not traced.
 *
 * @throws ConfigError for what is no watch
 */
export function joinWatches(given: readonly (CallWatch | undefined)[]): JoinedWatches | undefined {
  const watches = [...new Set(given)].filter((watch) => watch !== undefined);
  if (watches.length === 0) return undefined;
  for (const watch of watches) check(watch);
  /** Calls that the watches know of and that go on. */
  const told = new Map<string, Ids>();
  /** Those whose spans say nothing of their end. */
  const kept = new Set<Ids>();

  /** What all say but `except`, and who wants another model. */
  const ask = (call: StartingCall, except?: CallWatch): Verdict & { by?: CallWatch } => {
    Object.freeze(call);
    let refuse: Verdict["refuse"];
    let wanted: { model: string; by: CallWatch } | undefined;
    for (const watch of watches) {
      if (watch === except) continue;
      const verdict = guard(() => verdictOf(suppress(() => watch.starting(call))), undefined);
      refuse ??= verdict?.refuse;
      const model = call.canReroute === false ? undefined : verdict?.model;
      if (model !== undefined && model !== call.model) wanted ??= { model, by: watch };
    }
    return refuse === undefined ? (wanted ?? {}) : { refuse };
  };

  const end = ({ traceId, spanId }: Ids): void => {
    for (const watch of watches) guard(() => settled(suppress(() => watch.ended(traceId, spanId))), undefined);
  };

  return {
    starting(call) {
      const { traceId, spanId } = call;
      told.set(traceId + spanId, { traceId, spanId });
      const { refuse, model, by } = ask(call);
      if (refuse !== undefined) return { refuse };
      if (model === undefined) return undefined;
      const second = ask({ ...call, model }, by);
      if (second.refuse !== undefined) return { refuse: second.refuse };
      if (second.model === undefined) return { model };
      const third = ask({ ...call, model: second.model, canReroute: false }, second.by);
      return third.refuse === undefined ? { model: second.model } : { refuse: third.refuse };
    },
    ended(traceId, spanId) {
      const ids = told.size === 0 ? undefined : told.get(traceId + spanId);
      if (ids === undefined) return;
      told.delete(traceId + spanId);
      end(ids);
    },
    keep(traceId, spanId) {
      const ids = told.get(traceId + spanId);
      if (ids === undefined) return undefined;
      told.delete(traceId + spanId);
      kept.add(ids);
      return () => {
        if (kept.delete(ids)) end(ids);
      };
    },
    endAll() {
      const all = [...told.values(), ...kept];
      told.clear();
      kept.clear();
      for (const ids of all) end(ids);
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

import { isPromise } from "node:util/types";
import { ObserveError } from "../core/errors.ts";
import { guard, swallow } from "../core/guard.ts";
import { type Level, OBSERVATION_TYPES, type ObservationType, type SpanKind, type TraceInfo } from "../core/record.ts";

/** What `@observe(options)` takes. Pickers run inside the call and may return anything; what they throw is swallowed. */
export interface ObserveOptions {
  /** Default: `Class.method`, or the function's own name. */
  name?: string;
  /** Default: `span`. */
  type?: ObservationType;
  /** Default: `internal`. */
  kind?: SpanKind;
  /** Record the arguments. Default: what `configure` says, which is yes. */
  captureInput?: boolean;
  /** Record the result. Default: what `configure` says, which is yes. */
  captureOutput?: boolean;
  /** What to record instead of the arguments. */
  input?: (args: any[]) => unknown;
  /** What to record instead of the result; for streams and iterators it is given the array of items. */
  output?: (result: any) => unknown;
  metadata?: Record<string, unknown>;
  attributes?: Record<string, unknown>;
  level?: Level;
  model?: string;
  provider?: string;
  /** Attributes of the whole trace, as `updateTrace` takes them. */
  trace?: TraceInfo | (Omit<TraceInfo, "metadata"> & { metadata?: Record<string, unknown> });
  /** Start a new trace here, whatever the context. */
  root?: boolean;
  /** On a class: members that are left alone. */
  exclude?: readonly string[];
  /** On a class: observe function-valued fields of each new instance too. The class is then replaced by a proxy of it. */
  fields?: boolean;
}

/** Options worked out per call, from `this` and the arguments. */
export type DynamicOptions = (self: any, ...args: any[]) => ObserveOptions;

/** Every accepted option; the value says nothing. */
const KNOWN: { readonly [K in keyof Required<ObserveOptions>]: true } = {
  name: true,
  type: true,
  kind: true,
  captureInput: true,
  captureOutput: true,
  input: true,
  output: true,
  metadata: true,
  attributes: true,
  level: true,
  model: true,
  provider: true,
  trace: true,
  root: true,
  exclude: true,
  fields: true,
};

/**
 * What a picker or a function of options says. Both are synchronous: a promise says nothing, and its rejection is
 * nobody's but ours.
 */
export function pick<T>(picker: () => T): T | undefined {
  const picked = guard(picker, undefined);
  if (!isPromise(picked)) return picked;
  picked.catch(() => {});
  swallow(new TypeError("a picker of observe() returned a promise; pickers are synchronous"));
  return undefined;
}

/** Options as they were written, checked once at decoration time. */
export function readOptions(written: ObserveOptions | string | undefined): ObserveOptions {
  if (written === undefined) return {};
  if (typeof written === "string") return { name: written };
  for (const key of Object.keys(written)) {
    if (Object.hasOwn(KNOWN, key)) continue;
    const names = Object.keys(KNOWN).join(", ");
    throw new ObserveError("OBSERVE_UNKNOWN_OPTION", `observe() has no option "${key}". It takes: ${names}.`);
  }
  if (Array.isArray(written))
    throw new ObserveError("OBSERVE_BAD_OPTION", "observe() takes options or a name; it got an array.");
  if (written.type !== undefined && !OBSERVATION_TYPES.includes(written.type)) {
    const types = OBSERVATION_TYPES.join(", ");
    throw new ObserveError("OBSERVE_BAD_OPTION", `observe({ type }) takes one of ${types}; it got "${written.type}".`);
  }
  const { exclude } = written;
  if (exclude !== undefined && !(Array.isArray(exclude) && exclude.every((name) => typeof name === "string"))) {
    throw new ObserveError("OBSERVE_BAD_OPTION", "observe({ exclude }) takes an array of member names.");
  }
  // Read once: later changes, and getters, are not asked again.
  return { ...written };
}

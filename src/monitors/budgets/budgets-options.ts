import type { StartingCall } from "../../core/call-watch.ts";
import { type Checks, checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
import type { Clock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import { showValue } from "../../core/show-value.ts";
import { DIMENSIONS, type Dimension } from "../reading.ts";
import type { State } from "../state.ts";
import type { BudgetEvent, BudgetStatus } from "./budget-status.ts";
import { calendar, PERS, type Per } from "./calendar.ts";
import { DEFAULT_GROUPS } from "./group-sums.ts";

/** What is asked of a call that a hard limit would refuse: what `starting` hears, without the ids. */
export type AskedCall = Pick<StartingCall, "provider" | "model" | "trace">;

/**
 * `"refuse"`: it is not made. A model: it is made with that one. `undefined`: it is made as it is.
 *
 * A model reaches the request that `tracedFetch` makes, also below an observed function; an observed function that makes none
 * hears nothing of it, and picks its model by `modelFor()`. Where the request cannot be changed, a model refuses.
 */
export type HardLimit = (call: AskedCall, status: BudgetStatus) => undefined | "refuse" | { readonly model: string };

/** So much money for so long. */
export interface BudgetLimit {
  /** Told apart by it: in status, readings, messages, and in the state file. */
  readonly name: string;
  /** For each period, and with `by` for each feature, team, user or model. */
  readonly usd: number;
  /** A period of the calendar, in `timeZone`. */
  readonly per: Per;
  /**
   * Every one has `usd` of its own. Calls that do not name theirs are counted and not limited: nobody is to be stopped by
   * the money of others.
   */
  readonly by?: Dimension | undefined;
  /**
   * With `by`: how many are kept apart in a period, those who have spent most, and beside them whoever has used up a hard
   * limit. The others are put together as `other`; one who comes back begins anew. 400 bytes each, and 50 in the state file.
   * 1 to 1,000,000. Default: 10,000.
   */
  readonly maxGroups?: number | undefined;
  /**
   * Only calls that have all of these: `{ team: "alpha", feature: "summarizer" }`. A model by the name that is asked for, or
   * that answers: of that a call which starts has the one that answered last. A user as your program calls it, or hashed.
   * `filter(budgets(), …)` would choose what is counted, and not who is refused.
   */
  readonly where?: { readonly [dimension in Dimension]?: string } | undefined;
  /** Shares of `usd` that are told, once a period each. Default: 0.8 and 0.95. */
  readonly warn?: number | undefined;
  readonly critical?: number | undefined;
  /** Of days and months: `Europe/Berlin`. Default: UTC. */
  readonly timeZone?: string | undefined;
  /**
   * What becomes of calls when it is used up. Default, `false`: nothing. `true` or `"refuse"`: they are refused before they
   * are made. A function decides on each call, at once; one that throws, or gives something else, refuses. A model that it
   * gives reaches the request that `tracedFetch` makes, also below an observed function; where there is none, the program
   * picks by `modelFor()`. Where the request cannot be changed, it is refused.
   *
   * Calls without a known cost count at what calls of their model cost on the average under this limit (`estimatedUsd`).
   */
  readonly hard?: boolean | "refuse" | HardLimit | undefined;
}

export interface BudgetsOptions {
  readonly limits: readonly BudgetLimit[];
  /** Where amounts survive a restart: `stateFile(path)`. Default: nowhere. */
  readonly state?: State | undefined;
  /** Hears when a threshold is passed, within the call that passed it. What it throws is swallowed. */
  readonly onThreshold?: ((event: BudgetEvent) => void) | undefined;
  readonly clock?: Clock | undefined;
  /** Of the sink, and of its part in the state file. Default: `budgets`. */
  readonly name?: string | undefined;
}

const WARN = 0.8;
const CRITICAL = 0.95;
const MOST_GROUPS = 1_000_000;

/** A limit with all that it says and all that it leaves out. */
export interface CheckedLimit {
  readonly name: string;
  readonly usd: number;
  readonly per: Per;
  readonly by: Dimension | undefined;
  readonly maxGroups: number;
  readonly where: readonly (readonly [Dimension, string])[];
  readonly warn: number;
  readonly critical: number;
  readonly timeZone: string;
  /** `undefined`: nobody is stopped. */
  readonly hard: HardLimit | undefined;
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isShare = (value: unknown): boolean => typeof value === "number" && value > 0 && value <= 1;
const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const hasFunctions = (value: unknown, ...names: string[]): boolean =>
  isObject(value) && names.every((name) => isFunction((value as { [name: string]: unknown })[name]));

const OPTIONS: Checks<BudgetsOptions> = {
  limits: [Array.isArray, 'an array of limits, such as [{ name: "daily", usd: 100, per: "day" }]'],
  state: [(value) => hasFunctions(value, "load", "changed", "save"), "a state, such as stateFile(path)"],
  onThreshold: [isFunction, "a function"],
  clock: [(value) => hasFunctions(value, "epochMs", "monotonicMs"), "a clock with epochMs() and monotonicMs()"],
  name: [isText, "a name"],
};

const LIMIT: Checks<BudgetLimit> = {
  name: [isText, "a name"],
  usd: [(value) => typeof value === "number" && value > 0 && Number.isFinite(value), "an amount in USD above 0"],
  per: [(value) => PERS.includes(value as Per), '"hour", "day" or "month"'],
  by: [(value) => DIMENSIONS.includes(value as Dimension), '"model", "feature", "team" or "user"'],
  maxGroups: [
    (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_GROUPS,
    "a whole number from 1 to 1000000",
  ],
  where: [isWhere, 'an object of model, feature, team or user, such as { feature: "summarizer" }'],
  warn: [isShare, "a share above 0 and up to 1"],
  critical: [isShare, "a share above 0 and up to 1"],
  timeZone: [isTimeZone, 'the name of a time zone, such as "Europe/Berlin"'],
  hard: [
    (value) => isBoolean(value) || value === "refuse" || isFunction(value),
    'true, false, "refuse", or a function (call, status) that gives undefined, "refuse" or { model }',
  ],
};

/** @throws ConfigError that names the limit, the option, its value and what it takes */
export function checkLimits(options: BudgetsOptions): CheckedLimit[] {
  checkOptions("budgets", options, OPTIONS);
  if (options.limits === undefined || options.limits.length === 0) {
    throw bad('takes limits: at least one, such as { name: "daily", usd: 100, per: "day" }.');
  }
  const limits = options.limits.map(checkLimit);
  for (const [i, { name }] of limits.entries()) {
    if (limits.findIndex((limit) => limit.name === name) < i) {
      throw bad(`has two limits of the name "${name}": give each a name of its own.`);
    }
  }
  return limits;
}

function checkLimit(limit: BudgetLimit, i: number): CheckedLimit {
  if (!isObject(limit)) throw bad(`takes objects as limits; number ${i + 1} is ${showValue(limit)}.`);
  const which = isText(limit.name) ? `limit "${limit.name}"` : `limit number ${i + 1}`;
  for (const key of Object.keys(limit)) {
    if (!Object.hasOwn(LIMIT, key))
      throw bad(`${which} has no option "${key}". It takes: ${Object.keys(LIMIT).join(", ")}.`);
  }
  for (const [key, [isRight, wanted]] of Object.entries(LIMIT)) {
    const value = limit[key as keyof BudgetLimit];
    const isNeeded = key === "name" || key === "usd" || key === "per";
    if ((isNeeded || value !== undefined) && !isRight(value)) {
      throw bad(`${which} takes as ${key} ${wanted}; it got ${showValue(value)}.`);
    }
  }
  // Who sets one of them alone must not stumble over the default of the other.
  const warn = limit.warn ?? Math.min(WARN, limit.critical ?? 1);
  const critical = limit.critical ?? Math.max(CRITICAL, warn);
  if (warn > critical)
    throw bad(`${which} would warn at ${warn}, after critical at ${critical}: warn must not be above it.`);
  const { name, usd, per, by, maxGroups = DEFAULT_GROUPS, where, timeZone = "UTC", hard } = limit;
  return {
    name,
    usd,
    per,
    by,
    maxGroups,
    where: Object.entries(where ?? {}) as [Dimension, string][],
    warn,
    critical,
    timeZone,
    hard: hard === true || hard === "refuse" ? () => "refuse" : hard || undefined,
  };
}

function isWhere(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).length === 0) return false;
  return Object.entries(value).every(([key, text]) => DIMENSIONS.includes(key as Dimension) && isText(text));
}

function isTimeZone(value: unknown): boolean {
  if (!isText(value)) return false;
  try {
    calendar("day", value);
    return true;
  } catch {
    return false;
  }
}

function bad(problem: string): ConfigError {
  return new ConfigError("CONFIG_BUDGETS", `budgets() ${problem}`);
}

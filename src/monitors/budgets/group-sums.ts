import { type Amount, addAmount, newAmount, usdOf } from "./amount.ts";
import type { BudgetLevel } from "./budget-status.ts";
import { keepLargest } from "./keep-largest.ts";
import { roundUsd } from "./limit-status.ts";

export const LEVELS: readonly BudgetLevel[] = ["ok", "warn", "critical", "used_up"];

/** What one group has spent in one period. */
export interface GroupSum {
  readonly usd: Amount;
  /** What calls without a known cost are reckoned at, under a hard limit. */
  readonly estimated: Amount;
  calls: number;
  unpriced: number;
  refused: number;
  rerouted: number;
  /** The level that has been told of: its place in `LEVELS`. */
  told: number;
}

/** All of one limit in one period. */
export interface Sums {
  /** By the value of the limit's `by`; `""` is the only one of a limit without. */
  readonly groups: Map<string, GroupSum>;
  /** Of groups that are no longer kept apart, and of calls that do not say whose they are. */
  readonly other: GroupSum;
  readonly none: GroupSum;
  /** How many groups have gone to `other`; one that came back and went again counts twice. */
  folded: number;
  /** How many had used up the limit when groups were last put to `other`: they stay, and are no part of the bound. */
  usedUp: number;
  /** From when on it is known what was spent. */
  readonly sinceMs: number;
  /** Calls without a known cost, by model. */
  readonly unpriced: Map<string, number>;
}

/** Some 4 MB in memory, and 500 KB in the state file. Those who spend less are put together as `other`. */
export const DEFAULT_GROUPS = 10_000;
/** Named in status and report. */
export const MAX_UNPRICED_MODELS = 20;

export function newSums(sinceMs: number): Sums {
  return { groups: new Map(), other: newGroup(), none: newGroup(), folded: 0, usedUp: 0, sinceMs, unpriced: new Map() };
}

function newGroup(): GroupSum {
  return { usd: newAmount(), estimated: newAmount(), calls: 0, unpriced: 0, refused: 0, rerouted: 0, told: 0 };
}

/** `null`: the calls that do not say whose they are. */
export function groupOf(sums: Sums, key: string | null): GroupSum {
  if (key === null) return sums.none;
  let group = sums.groups.get(key);
  if (group === undefined) sums.groups.set(key, (group = newGroup()));
  return group;
}

/** What is known of what was spent, and what must be reckoned with. */
export function reckonedUsd({ usd, estimated }: GroupSum): number {
  return roundUsd(usdOf(usd) + usdOf(estimated));
}

/**
 * What goes to `other` limits nobody: nobody is to be stopped by the money of others. Who has used up a hard limit,
 * `hardUsd`, does not go there: each of them has cost as much, so money bounds their number.
 */
export function boundGroups(sums: Sums, maxGroups: number, hardUsd: number): void {
  const { groups, other } = sums;
  if (groups.size <= (maxGroups + sums.usedUp) * 1.1) return;
  sums.usedUp = 0;
  for (const group of groups.values()) if (reckonedUsd(group) >= hardUsd) sums.usedUp++;
  sums.folded += keepLargest(
    groups,
    // They are the largest.
    maxGroups + sums.usedUp,
    reckonedUsd,
    (group) => {
      addAmount(other.usd, group.usd);
      addAmount(other.estimated, group.estimated);
      for (const count of ["calls", "unpriced", "refused", "rerouted"] as const) other[count] += group[count];
    },
  );
}

/** The amounts alone, for a period that goes on where another was left. */
export function carriedSums({ groups, other, none, folded, usedUp }: Sums, sinceMs: number): Sums {
  const carried = newSums(sinceMs);
  const copy = ({ usd, estimated, told }: GroupSum): GroupSum => ({
    ...newGroup(),
    usd: { ...usd },
    estimated: { ...estimated },
    told,
  });
  for (const [key, group] of groups) carried.groups.set(key, copy(group));
  return { ...carried, other: copy(other), none: copy(none), folded, usedUp };
}

/** Plain JSON, a row of numbers for each group. */
export function sumsToJson({ groups, other, none, folded, sinceMs, unpriced }: Sums): object {
  return {
    sinceMs,
    groups: [...groups].map(([key, group]) => [key, ...toRow(group)]),
    other: toRow(other),
    none: toRow(none),
    ...(folded > 0 && { folded }),
    unpriced: [...unpriced],
  };
}

/** What is no such row is left out. */
export function sumsFromJson(json: any): Sums {
  const sums = newSums(isCount(json?.sinceMs) ? json.sinceMs : 0);
  for (const row of lists(json?.groups)) {
    const group = fromRow(row.slice(1));
    if (typeof row[0] === "string" && group !== undefined) sums.groups.set(row[0], group);
  }
  for (const row of lists(json?.unpriced)) {
    if (typeof row[0] === "string" && isCount(row[1])) sums.unpriced.set(row[0], row[1]);
  }
  const [other, none] = [json?.other, json?.none].map((row) => (Array.isArray(row) && fromRow(row)) || newGroup());
  return { ...sums, other: other!, none: none!, folded: isCount(json?.folded) ? json.folded : 0 };
}

function toRow({ usd, calls, unpriced, refused, rerouted, told, estimated }: GroupSum): number[] {
  const row = [usd.dollars, usd.parts, calls, unpriced, refused, rerouted, told];
  // Of few limits: the others' rows stay short.
  return usdOf(estimated) === 0 ? row : [...row, estimated.dollars, estimated.parts];
}

function fromRow(row: readonly unknown[]): GroupSum | undefined {
  if ((row.length !== 7 && row.length !== 9) || !row.every(isCount)) return undefined;
  const [dollars, parts, calls, unpriced, refused, rerouted, told, ...estimated] = row as readonly number[];
  return {
    usd: { dollars: dollars!, parts: parts! },
    estimated: { dollars: estimated[0] ?? 0, parts: estimated[1] ?? 0 },
    calls: calls!,
    unpriced: unpriced!,
    refused: refused!,
    rerouted: rerouted!,
    told: Math.min(told!, LEVELS.length - 1),
  };
}

export function lists(value: unknown): unknown[][] {
  return Array.isArray(value) ? value.filter(Array.isArray) : [];
}

/** Whole, not below zero, and not so large that a sum would lose digits. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

import { guard } from "../../core/guard.ts";
import { addUsd, usdOf } from "./amount.ts";
import type { BudgetEvent, BudgetStatus } from "./budget-status.ts";
import type { AskedCall, CheckedLimit } from "./budgets-options.ts";
import { calendar, type Period } from "./calendar.ts";
import { callCosts } from "./call-costs.ts";
import { type DearestCalls, dearestCalls } from "./dearest-calls.ts";
import { foldedGroups } from "./folded.ts";
import {
  boundGroups,
  carriedSums,
  type GroupSum,
  groupOf,
  isCount,
  LEVELS,
  MAX_UNPRICED_MODELS,
  newSums,
  reckonedUsd,
  type Sums,
  sumsFromJson,
  sumsToJson,
} from "./group-sums.ts";
import { keepLargest } from "./keep-largest.ts";
import { forecast, passedMessage, roundUsd } from "./limit-status.ts";
import { type Page, periodBook } from "./period-book.ts";
import { type RollingHour, rollingHour } from "./rolling-hour.ts";
import { isSame, type Spender } from "./spender.ts";
import { unknownCosts } from "./unpriced.ts";

/** What a record adds. */
export interface Spent {
  readonly traceId: string;
  /** `undefined`: nobody knows. */
  readonly usd: number | undefined;
  readonly isCall: boolean;
  readonly isUnpriced: boolean;
}

/** Both readings of the clock, taken together. */
export interface Now {
  readonly epochMs: number;
  readonly monotonicMs: number;
}

/** One limit: what was spent of it, by whom, and what becomes of calls when it is used up. */
export interface LimitBook {
  readonly limit: CheckedLimit;
  /** Whose calls these are under this limit. `null`: they do not say; `undefined`: it is not about them. */
  groupOf(spender: Spender): string | null | undefined;
  /** Says which thresholds that has passed. */
  add(group: string | null, spender: Spender, spent: Spent, now: Now): BudgetEvent[];
  /** What becomes of a call that starts now: `undefined` when there is money left, or it may go on without. */
  judge(group: string, call: AskedCall, ownUsd: number, now: Now): "refuse" | { readonly model: string } | undefined;
  /** Counts what was made of a call that was judged. */
  refused(group: string, now: Now): void;
  rerouted(group: string, now: Now): void;
  /** What a call of the model is reckoned at until its cost is known. */
  estimate(model: string | undefined): number;
  reserve(group: string, usd: number): void;
  release(group: string, usd: number): void;
  statusOf(group: string, now: Now): BudgetStatus;
  /** One, or with `by` one for each of those who have spent most, then `other` and `null`. */
  status(now: Now): BudgetStatus[];
  /** USD per hour, by the last hour, as a share of what the limit has for an hour. */
  costRate(group: string, now: Now): number;
  /** What the calls without a known cost of a period are reckoned at. */
  estimatedUsd(periodKey: string): number;
  /** Those of the last hour that cost most. */
  dearestTraces(group: string, now: Now): string[];
  toJson(): object;
}

/** The last hour of one group, which belongs to no period. */
interface Meter {
  readonly hour: RollingHour;
  readonly dearest: DearestCalls;
}

/** Groups whose last hour is known, those who spent most in it: ten times what is shown, 1 MB. */
const MAX_METERS = 1_000;
/** Of a limit with `by`, those in status and readings: a screen, and what alerts can be about. */
export const MAX_SHOWN = 100;
const HOUR_MS = 3_600_000;

/** @param restored what `toJson` gave in an earlier process; of another limit, or damaged, it is left out */
export function limitBook(limit: CheckedLimit, now: Now, restored: unknown): LimitBook {
  const { name, usd: limitUsd, by, where, hard } = limit;
  /** Amounts of a limit on something else, or of other periods, say nothing about this one. */
  const about = JSON.stringify([limit.per, limit.timeZone, by ?? null, where]);
  const pages = restoredPages(restored, about);
  let isKnown = pages.length > 0;
  const book = periodBook<Sums>(calendar(limit.per, limit.timeZone), open, pages);
  const costs = callCosts();
  const tellUnknown = unknownCosts(name);
  const tellFolded = foldedGroups(limit);
  const meters = new Map<string, Meter>();
  /** Of the calls under way, by group; a group without any has none. */
  const held = new Map<string, { calls: number; usd: number }>();
  for (const { value } of pages)
    for (const group of value.groups.values()) group.told = Math.min(group.told, levelOf(group));
  book.at(now.epochMs);

  function open({ startMs }: Period, left: Page<Sums> | undefined, epochMs: number): Sums {
    if (left !== undefined) return carriedSums(left.value, startMs);
    // Of the period in which it begins, it knows only the rest.
    const sinceMs = isKnown ? startMs : epochMs;
    isKnown = true;
    return newSums(sinceMs);
  }

  function levelOf(sum: GroupSum): number {
    const share = reckonedUsd(sum) / limitUsd;
    return share >= 1 ? 3 : share >= limit.critical ? 2 : share >= limit.warn ? 1 : 0;
  }

  function addEstimate(group: GroupSum, { model, answered }: Spender): void {
    const usd = costs.of(model);
    if (usd > 0) addUsd(group.estimated, usd);
    else tellUnknown(answered ?? model);
  }

  function meterOf(group: string, { monotonicMs }: Now): Meter {
    let meter = meters.get(group);
    if (meter !== undefined) return meter;
    keepLargest(
      meters,
      MAX_METERS,
      ({ hour }) => hour.sum(monotonicMs),
      () => {},
    );
    meters.set(group, (meter = { hour: rollingHour(), dearest: dearestCalls() }));
    return meter;
  }

  function count(group: string, what: "refused" | "rerouted", { epochMs }: Now): void {
    const { value } = book.at(epochMs);
    groupOf(value, group)[what]++;
    bound(value);
  }

  function bound(sums: Sums): void {
    const before = sums.folded;
    boundGroups(sums, limit.maxGroups, hard === undefined ? Number.POSITIVE_INFINITY : limitUsd);
    if (sums.folded > before) tellFolded();
  }

  /** `sum` stands where no group has spent anything yet. */
  function describe(
    { period }: Page<Sums>,
    sum: GroupSum,
    key: string | null | undefined,
    page: Sums,
    now: Now,
  ): BudgetStatus {
    const isLimited = typeof key === "string";
    const spentUsd = usdOf(sum.usd);
    const underWay = isLimited ? held.get(key) : undefined;
    const forecastUsd = forecast(spentUsd, period, page.sinceMs, now.epochMs);
    return {
      budget: name,
      ...(by !== undefined && { group: { [by]: key === undefined ? "other" : key } }),
      ...(by !== undefined && key === undefined && { groups: page.folded }),
      per: limit.per,
      period: period.key,
      since: new Date(period.startMs).toISOString(),
      until: new Date(period.endMs).toISOString(),
      ...(isLimited && { limitUsd }),
      spentUsd,
      estimatedUsd: usdOf(sum.estimated),
      reservedUsd: underWay?.usd ?? 0,
      inFlight: underWay?.calls ?? 0,
      ...(isLimited && { share: spentUsd / limitUsd }),
      level: isLimited ? LEVELS[levelOf(sum)]! : "ok",
      ...(forecastUsd !== undefined && { forecastUsd }),
      overshootUsd: isLimited ? roundUsd(Math.max(0, spentUsd - limitUsd)) : 0,
      hard: hard !== undefined,
      refused: sum.refused,
      rerouted: sum.rerouted,
      calls: sum.calls,
      unpriced: sum.unpriced,
      ...(by === undefined && page.unpriced.size > 0 && { unpricedModels: Object.fromEntries(page.unpriced) }),
    };
  }

  function statusOf(group: string, now: Now): BudgetStatus {
    const page = book.at(now.epochMs);
    const sum = page.value.groups.get(group) ?? groupOf(newSums(0), "");
    return describe(page, sum, group, page.value, now);
  }

  return {
    limit,
    groupOf(spender) {
      const isAbout = where.every(
        ([key, value]) => isSame(key, value, spender[key]) || (key === "model" && spender.answered === value),
      );
      if (!isAbout) return undefined;
      return by === undefined ? "" : (spender[by] ?? null);
    },
    add(key, spender, { traceId, usd, isCall, isUnpriced }, now) {
      const page = book.at(now.epochMs);
      const sums = page.value;
      const group = groupOf(sums, key);
      if (isCall) group.calls++;
      if (isUnpriced) {
        group.unpriced++;
        countUnpriced(sums.unpriced, spender.answered ?? spender.model);
        if (hard !== undefined && key !== null) addEstimate(group, spender);
      }
      if (usd !== undefined) {
        addUsd(group.usd, usd);
        if (isCall) costs.add(spender.model, usd);
      }
      const passed: BudgetEvent[] = [];
      if (key !== null) {
        if (usd !== undefined) {
          const { hour, dearest } = meterOf(key, now);
          hour.add(usd, now.monotonicMs);
          dearest.add(traceId, usd, now.monotonicMs);
        }
        for (const level = levelOf(group); group.told < level; ) {
          const status = {
            ...describe(page, group, key, sums, now),
            level: LEVELS[++group.told] as BudgetEvent["level"],
          };
          passed.push({ level: status.level, message: passedMessage(status), status });
        }
      }
      bound(sums);
      return passed;
    },
    judge(group, call, ownUsd, now) {
      if (hard === undefined) return undefined;
      const sum = book.at(now.epochMs).value.groups.get(group);
      const reservedUsd = (held.get(group)?.usd ?? 0) - ownUsd;
      if (roundUsd((sum === undefined ? 0 : reckonedUsd(sum)) + reservedUsd) < limitUsd) return undefined;
      const said: unknown = guard(() => hard(call, statusOf(group, now)), "refuse");
      if (said === undefined) return undefined;
      // A promise would come too late; that it rejects must not end the program.
      if (said instanceof Promise) said.catch(() => {});
      const model = (said as { model?: unknown } | null)?.model;
      return typeof model === "string" && model !== "" ? { model } : "refuse";
    },
    refused: (group, now) => count(group, "refused", now),
    rerouted: (group, now) => count(group, "rerouted", now),
    estimate: costs.of,
    reserve(group, usd) {
      const { calls, usd: before } = held.get(group) ?? { calls: 0, usd: 0 };
      held.set(group, { calls: calls + 1, usd: roundUsd(before + usd) });
    },
    release(group, usd) {
      const before = held.get(group);
      if (before === undefined || before.calls === 1) held.delete(group);
      else held.set(group, { calls: before.calls - 1, usd: roundUsd(Math.max(0, before.usd - usd)) });
    },
    statusOf,
    status(now) {
      const page = book.at(now.epochMs);
      const sums = page.value;
      if (by === undefined) return [statusOf("", now)];
      const largest = [...sums.groups].sort(([, a], [, b]) => usdOf(b.usd) - usdOf(a.usd)).slice(0, MAX_SHOWN);
      const shown = largest.map(([key, sum]) => describe(page, sum, key, sums, now));
      if (hasAny(sums.other)) shown.push(describe(page, sums.other, undefined, sums, now));
      if (hasAny(sums.none)) shown.push(describe(page, sums.none, null, sums, now));
      return shown;
    },
    costRate(group, now) {
      const { period } = book.at(now.epochMs);
      const perHour = limitUsd / ((period.endMs - period.startMs) / HOUR_MS);
      return (meters.get(group)?.hour.sum(now.monotonicMs) ?? 0) / perHour;
    },
    estimatedUsd(periodKey) {
      const page = book.pages().find(({ period }) => period.key === periodKey);
      let usd = page === undefined ? 0 : usdOf(page.value.other.estimated);
      for (const { estimated } of page?.value.groups.values() ?? []) usd += usdOf(estimated);
      return roundUsd(usd);
    },
    dearestTraces: (group, now) => meters.get(group)?.dearest.traces(now.monotonicMs) ?? [],
    toJson: () => ({
      about,
      pages: book.pages().map(({ period, value }) => ({ ...period, sums: sumsToJson(value) })),
    }),
  };
}

function hasAny({ usd, calls }: GroupSum): boolean {
  return calls > 0 || usdOf(usd) > 0;
}

function countUnpriced(counts: Map<string, number>, model: string = "unknown"): void {
  const key = counts.has(model) || counts.size < MAX_UNPRICED_MODELS ? model : "other";
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function restoredPages(restored: unknown, about: string): Page<Sums>[] {
  const saved = restored as { about?: unknown; pages?: unknown } | undefined | null;
  if (saved?.about !== about || !Array.isArray(saved.pages)) return [];
  return saved.pages.flatMap(({ key, startMs, endMs, sums }) => {
    const isPeriod = typeof key === "string" && isCount(startMs) && isCount(endMs);
    return isPeriod ? [{ period: { key, startMs, endMs }, value: sumsFromJson(sums) }] : [];
  });
}

import type { Dimension } from "../reading.ts";
import type { Per } from "./calendar.ts";

/** How far a budget is used up. */
export type BudgetLevel = "ok" | "warn" | "critical" | "used_up";

/** One limit in its current period, or one feature, team, user or model of it. Plain JSON; times in ISO 8601. */
export interface BudgetStatus {
  readonly budget: string;
  /** With `by`: whose. `null`: of calls that do not say. `other`: of those that are no longer kept apart. */
  readonly group?: { readonly [dimension in Dimension]?: string | null };
  /** Of `other`: how many were put together there in this period; who came back and went again counts twice. */
  readonly groups?: number;
  readonly per: Per;
  /** `2026-03-29T02+02:00`, `2026-03-29`, `2026-03`. */
  readonly period: string;
  readonly since: string;
  /** When it begins anew. */
  readonly until: string;
  /** Absent where nothing is limited: for the groups `null` and `other`. */
  readonly limitUsd?: number;
  readonly spentUsd: number;
  /**
   * What calls without a known cost are reckoned at, from what calls of their model have cost: in no other amount, but a
   * hard limit is used up with it. Of hard limits.
   */
  readonly estimatedUsd: number;
  /** What the calls under way are reckoned at, from what such calls have cost. Of hard limits. */
  readonly reservedUsd: number;
  readonly inFlight: number;
  /** `spentUsd`, of the limit. 1: used up. */
  readonly share?: number;
  /** By `spentUsd` and `estimatedUsd` together. */
  readonly level: BudgetLevel;
  /** What it will have come to at the period's end if it goes on like this. Absent before a tenth of the period is known. */
  readonly forecastUsd?: number;
  /** By how much the limit was passed: at most by the calls that were under way then, where it is hard. */
  readonly overshootUsd: number;
  readonly hard: boolean;
  /** Calls that were refused, and that were made with another model. */
  readonly refused: number;
  readonly rerouted: number;
  readonly calls: number;
  /** Calls that nobody knows the cost of: no price for the model, or no token counts. They are in `estimatedUsd` alone. */
  readonly unpriced: number;
  /** The same by model, of limits without `by`: the first 20 models, the rest as `other`. */
  readonly unpricedModels?: { readonly [model: string]: number };
}

/** A threshold has been passed. */
export interface BudgetEvent {
  readonly level: Exclude<BudgetLevel, "ok">;
  /** In one sentence, with the figures. */
  readonly message: string;
  readonly status: BudgetStatus;
}

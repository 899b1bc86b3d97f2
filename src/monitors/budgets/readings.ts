import type { Dimension, Metric, Query, Reading } from "../reading.ts";
import type { BudgetStatus } from "./budget-status.ts";
import type { LimitBook, Now } from "./limit-book.ts";
import { isSame } from "./spender.ts";

export const BUDGET_METRICS: readonly Metric[] = [
  { name: "budget_used", unit: "share", description: "What was spent in the current period, as a share of the limit." },
  {
    name: "budget_forecast",
    unit: "share",
    description: "What will have been spent at the end of the period if it goes on like this, as a share of the limit.",
  },
  { name: "cost_rate", unit: "ratio", description: "USD of the last hour, over what the limit has for an hour." },
];

/**
 * One reading for each limit, with `by` for each of those who have spent most. The windows are those of the limits: the
 * query's says nothing.
 */
export function readBudgets(books: readonly LimitBook[], metric: string, query: Partial<Query>, now: Now): Reading[] {
  return books
    .filter(({ limit }) => query.by === undefined || limit.by === query.by)
    .flatMap((book) =>
      book.status(now).flatMap((status) => {
        const { limit } = book;
        const group = limit.by === undefined ? "" : status.group?.[limit.by];
        if (status.limitUsd === undefined || typeof group !== "string") return [];
        const labels = limit.by === undefined ? {} : { [limit.by]: group };
        if (!isAskedFor({ ...Object.fromEntries(limit.where), ...labels }, query)) return [];
        const value = figureOf(metric, status, () => book.costRate(group, now));
        const traces = book.dearestTraces(group, now);
        return [{ value, samples: status.calls, labels: { budget: limit.name, ...labels }, traces }];
      }),
    );
}

function isAskedFor(labels: { readonly [dimension in Dimension]?: string }, { where = {} }: Partial<Query>): boolean {
  return Object.entries(where).every(([dimension, value]) =>
    isSame(dimension as Dimension, value, labels[dimension as Dimension]),
  );
}

function figureOf(metric: string, status: BudgetStatus, costRate: () => number): number | undefined {
  if (metric === "budget_used") return status.share;
  if (metric === "cost_rate") return costRate();
  const { forecastUsd, limitUsd } = status;
  return metric !== "budget_forecast" || forecastUsd === undefined ? undefined : forecastUsd / limitUsd!;
}

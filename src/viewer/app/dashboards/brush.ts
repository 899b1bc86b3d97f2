import type { AggregateField } from "../../../store/trace-store.ts";
import { type Filters, NO_FILTERS, type ValueField } from "../traces/filters.ts";

/** Fields of spans that traces can be looked for by. */
const FIELDS: { readonly [field in AggregateField]?: ValueField } = {
  model: "model",
  feature: "feature",
  team: "team",
  userId: "userId",
  environment: "environment",
};

export interface Brush {
  /** What was dragged over, epoch seconds. */
  readonly fromS: number;
  readonly toS: number;
  readonly where: { readonly [field in AggregateField]?: string };
}

/** The traces behind a stretch of a chart. A field that is empty, or that traces do not have, cannot be asked for. */
export function brushFilters({ fromS, toS, where }: Brush): Filters {
  return {
    ...NO_FILTERS,
    // Whole milliseconds: the address stays readable.
    range: { fromUs: Math.floor(fromS * 1e3) * 1e3, toUs: Math.ceil(toS * 1e3) * 1e3 },
    values: groupFilters(where),
  };
}

export function groupFilters(where: Brush["where"]): Filters["values"] {
  const values: { [field in ValueField]?: string } = {};
  for (const [field, value] of Object.entries(where)) {
    const own = FIELDS[field as AggregateField];
    if (own !== undefined && value) values[own] = value;
  }
  return values;
}

import { ConfigError } from "../../core/errors.ts";
import { DIMENSIONS, type Dimension } from "../reading.ts";
import type { Attribution, AttributionBook } from "./attribution.ts";
import type { Now } from "./limit-book.ts";

export interface AttributionOptions {
  /** In this order. Default: team and feature. */
  readonly by?: Dimension | readonly Dimension[] | undefined;
  /**
   * `hour`, `day`, `month`: the current one, where a limit has such periods. Or the key of one of the last three, such as
   * `2026-03-29`. Default: the current period of the first limit.
   */
  readonly period?: string | undefined;
}

/** @throws ConfigError for a dimension or a period that there is not */
export function attribute(
  books: readonly AttributionBook[],
  { by = ["team", "feature"], period }: AttributionOptions,
  now: Now,
): Attribution {
  const dimensions = [by].flat() as Dimension[];
  const wrong = dimensions.find((dimension, i) => !DIMENSIONS.includes(dimension) || dimensions.indexOf(dimension) < i);
  if (wrong !== undefined || dimensions.length === 0) {
    throw bad(`takes as by some of ${DIMENSIONS.join(", ")}, each once; it got "${dimensions.join(", ")}"`);
  }
  for (const book of books) {
    const found = book.read(dimensions, period === book.per ? undefined : period, now);
    if (found !== undefined) return found;
  }
  const kinds = [...new Set(books.map(({ per }) => per))].join(" or ");
  throw bad(`knows no period "${period}"; the limits have periods of a ${kinds}, and the last three are kept`);
}

function bad(problem: string): ConfigError {
  return new ConfigError("CONFIG_BUDGET_REPORT", `A report of budgets() ${problem}.`);
}

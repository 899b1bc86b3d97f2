/** What monitors can be asked by: attributes of the trace, and the model. */
export const DIMENSIONS = ["model", "feature", "team", "user"] as const;

export type Dimension = (typeof DIMENSIONS)[number];

export interface Query {
  /** The last so many milliseconds. */
  readonly windowMs: number;
  /** One reading for each value of this dimension; without it one for all. */
  readonly by?: Dimension | undefined;
  /** Only what has this value: `{ feature: "summarizer" }`. One dimension. */
  readonly where?: { readonly [dimension in Dimension]?: string } | undefined;
  /** Also count how many of the samples are above this, in the metric's unit: `Reading.above`. Asked of percentiles. */
  readonly above?: number | undefined;
}

/** One figure as it is now. */
export interface Reading {
  /** `undefined`: there is nothing to tell it from. Never zero in its place. */
  readonly value: number | undefined;
  /** From how many calls, scores or amounts it was made. */
  readonly samples: number;
  /**
   * Of a percentile: how many of the samples are above `Query.above`, where that was asked. It tells a p95 that is too high
   * from one that happens to be, as a percentile alone cannot. Left out by a source that does not know.
   */
  readonly above?: number;
  /** Which one of several: `{ feature: "summarizer" }`, `{ budget: "daily" }`. Empty for the only one. */
  readonly labels: { readonly [name: string]: string };
  /** Ids of recent traces that show it: the slowest calls, the failed ones. At most five. */
  readonly traces?: readonly string[];
}

/** Which windows there are, in milliseconds. */
export interface WindowRange {
  readonly leastMs: number;
  readonly mostMs: number;
}

/** Where alerts get their figures: `metrics()`, `budgets()`, `quality()`, or your own. */
export interface Source {
  /** The names it can be asked for; a name may belong to one source only. */
  readonly metrics: readonly Metric[];
  /** Windows that it can be asked for: `alerts()` refuses rules about others. Default: any. */
  readonly windows?: WindowRange;
  /** One reading for each group; none where nothing is known. Never throws for a name of its own. */
  read(metric: string, query: Query): readonly Reading[];
}

/** A figure that a source knows. */
export interface Metric {
  readonly name: string;
  readonly unit: "seconds" | "share" | "per_minute" | "usd_per_hour" | "count" | "score" | "ratio" | "usd";
  readonly description: string;
  /** Whether a larger value is a better one. */
  readonly higherIsBetter?: boolean;
}

/** The value as people read it: `8.2 s`, `4.1 %`, `12.50 USD/h`. */
export function formatReading(unit: Metric["unit"], value: number): string {
  switch (unit) {
    case "seconds":
      if (value >= 1) return `${significant(value)} s`;
      return `${value < 0.01 ? significant(value * 1000) : Math.round(value * 1000)} ms`;
    case "share":
      return `${significant(value * 100)} %`;
    case "per_minute":
      return `${significant(value)}/min`;
    case "usd_per_hour":
      return `${money(value)} USD/h`;
    case "usd":
      return `${money(value)} USD`;
    default:
      return significant(value);
  }
}

/** Two digits behind the point from 1 on, two that say something below. */
function money(value: number): string {
  return value === 0 || Math.abs(value) >= 1 ? value.toFixed(2) : significant(value);
}

function significant(value: number): string {
  return String(Number(Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(3)));
}

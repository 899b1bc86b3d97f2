import { ConfigError } from "../../core/errors.ts";
import { showValue } from "../../core/show-value.ts";
import { clean, columns, count, fit, padEnd, padStart } from "../../sinks/console-text.ts";
import { digitsOf, usdText } from "./amount.ts";
import type { AttributionOptions } from "./attribute.ts";
import type { Attribution, AttributionRow } from "./attribution.ts";
import { csv } from "./csv.ts";

export interface ReportOptions extends AttributionOptions {
  /** `table` for a terminal, `json`, or `csv` (RFC 4180; what a spreadsheet would take for a formula begins with `'`). */
  readonly format?: "table" | "json" | "csv" | undefined;
}

/** Longer names are cut in a table: of eight columns, a terminal has some 100. */
const MAX_NAME = 32;
/** Rows of a table, and models named below it; `json` and `csv` have all. */
const MAX_ROWS = 50;
const MAX_MODELS = 5;
const MAX_DIGITS = 6;

/** What a hard limit reckons with for calls without a known cost. */
export interface Estimate {
  readonly budget: string;
  readonly usd: number;
}

export function report(
  attribution: Attribution,
  format: ReportOptions["format"] = "table",
  estimates: readonly Estimate[] = [],
): string {
  if (format === "table") return table(attribution, estimates);
  if (format === "json") return JSON.stringify(attribution, null, 2);
  if (format === "csv") return sheet(attribution);
  throw new ConfigError(
    "CONFIG_BUDGET_REPORT",
    `A report of budgets() has the formats table, json and csv; it got ${showValue(format)}.`,
  );
}

function sheet({ by, rows, period }: Attribution): string {
  const lines = rows.map(({ group, usd, share, calls, tokens, unpriced }) => [
    period,
    ...by.map((dimension) => group[dimension] ?? ""),
    usd,
    share ?? "",
    calls,
    tokens,
    unpriced,
  ]);
  return csv([["period", ...by, "usd", "share", "calls", "tokens", "unpriced"], ...lines]);
}

function table(attribution: Attribution, estimates: readonly Estimate[]): string {
  const { by, rows, total, per, period, timeZone, unpricedModels, noUsageModels } = attribution;
  const shown = rows.slice(0, MAX_ROWS);
  // As many as the smallest amount needs, so that the points stand under each other.
  const digits = Math.min(MAX_DIGITS, Math.max(2, ...shown.map(({ usd }) => digitsOf(usd))));
  const lines = [
    [...by, "USD", "share", "calls", "tokens", "unpriced"],
    ...shown.map((row) => [...by.map((dimension) => row.group[dimension] ?? "–"), ...figures(row, digits)]),
    [...by.map((_, i) => (i === 0 ? "total" : "")), ...figures(total, digits)],
  ].map((line) => line.map((cell) => fit(clean(cell), MAX_NAME)));
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => columns(line[i]!))));
  const text = lines.map((line) =>
    line
      .map((cell, i) => (i < by.length ? padEnd : padStart)(cell, widths[i]!))
      .join("  ")
      .trimEnd(),
  );
  const rule = "─".repeat(Math.max(...text.map(columns)));
  const more = rows.length > shown.length ? [`${count(rows.length - shown.length)} more rows are in the total.`] : [];
  return [
    `Costs of the ${per} ${period}${per === "hour" ? "" : ` (${timeZone})`}`,
    "",
    text[0],
    rule,
    ...(shown.length > 0 ? [...text.slice(1, -1), rule] : []),
    text.at(-1),
    ...(more.length + total.unpriced > 0 ? [""] : []),
    ...more,
    ...unknownLines(withoutThese(unpricedModels, noUsageModels), "price"),
    ...unknownLines(noUsageModels, "usage"),
    ...estimates.map(
      ({ budget, usd }) =>
        `Budget ${fit(clean(budget), MAX_NAME)} reckons with ${usdText(usd)} USD for them: an estimate, not in these amounts.`,
    ),
    "",
  ].join("\n");
}

function figures({ usd, share, calls, tokens, unpriced }: Omit<AttributionRow, "group">, digits: number): string[] {
  // Nothing known is not nothing.
  const isKnown = usd > 0 || unpriced === 0;
  return [
    isKnown ? usdText(usd, digits) : "–",
    isKnown && share !== null ? `${(share * 100).toFixed(1)} %` : "–",
    count(calls),
    count(tokens),
    unpriced === 0 ? "–" : count(unpriced),
  ];
}

type Counts = Attribution["unpricedModels"];

function withoutThese(counts: Counts, these: Counts): Counts {
  const left = Object.entries(counts).map(([model, count]) => [model, count - (these[model] ?? 0)] as const);
  return Object.fromEntries(left.filter(([, count]) => count > 0));
}

function unknownLines(models: Counts, what: "price" | "usage"): string[] {
  const entries = Object.entries(models);
  const lines = entries.slice(0, MAX_MODELS).map(([model, calls]) => {
    const which = calls === 1 ? "1 call" : `${count(calls)} calls`;
    return `${which} of ${fit(clean(model), MAX_NAME)} ${calls === 1 ? "has" : "have"} no known ${what}: not in these amounts.`;
  });
  const rest = entries.slice(MAX_MODELS).reduce((sum, [, calls]) => sum + calls, 0);
  return rest === 0 ? lines : [...lines, `${count(rest)} calls of other models have none either.`];
}

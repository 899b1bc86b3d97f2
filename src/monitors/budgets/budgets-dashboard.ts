import { clean, columns, count, fit, padEnd, padStart } from "../../sinks/console-text.ts";
import { usdText } from "./amount.ts";
import type { BudgetLevel, BudgetStatus } from "./budget-status.ts";
import type { Budgets } from "./budgets.ts";

export interface BudgetsDashboardOptions {
  /** Columns of the terminal; no line is longer. Default: those of stdout, at most 100. */
  readonly columns?: number | undefined;
  /** Default: on a terminal and without `NO_COLOR`. */
  readonly colors?: boolean | undefined;
  /** Lines, at most; the limits with the least left come first. Default: 12. */
  readonly rows?: number | undefined;
}

const COLORS: { readonly [level in BudgetLevel]: number } = { ok: 32, warn: 33, critical: 31, used_up: 31 };
const MIN_WIDTH = 40;
const MAX_WIDTH = 100;
const [MIN_NAME, MAX_NAME] = [8, 30];
const SHARE = "> 999 %".length;
const [MIN_BAR, MAX_BAR] = [6, 24];
const ROWS = 12;

/**
 * The budgets as a panel for a terminal: a line each with how much is used, and what is to be known of it.
 *
 * @example
 * import { budgets, budgetsDashboard } from "sightline/monitors";
 * const costs = budgets({ limits: [{ name: "daily", usd: 100, per: "day" }] });
 * const panel = budgetsDashboard(costs, { columns: 80 });
 */
export function budgetsDashboard(budgets: Pick<Budgets, "status">, options: BudgetsDashboardOptions = {}): string {
  const width = Math.max(MIN_WIDTH, options.columns ?? Math.min(process.stdout.columns || MAX_WIDTH, MAX_WIDTH));
  const colors = options.colors ?? (process.stdout.isTTY === true && !process.env["NO_COLOR"]);
  const paint = (text: string, color: number): string =>
    colors && text !== "" ? `\x1b[${color}m${text}\x1b[0m` : text;
  const all = budgets.status().sort((a, b) => (b.share ?? -1) - (a.share ?? -1));
  const shown = all.slice(0, options.rows ?? ROWS);
  const amounts = shown.map(amountOf);
  const amountWidth = Math.max(0, ...amounts.map(columns));
  // Name, bar, share and amount, two spaces between them. Where that is too much, the bar goes.
  const hasBar = width - amountWidth - SHARE - MIN_BAR - 6 >= MIN_NAME;
  const room = width - amountWidth - SHARE - (hasBar ? MIN_BAR + 6 : 4);
  const names = shown.map((status) => fit(clean(nameOf(status)), Math.min(room, MAX_NAME)));
  const nameWidth = Math.max(0, ...names.map(columns));
  const bar = hasBar ? Math.min(MAX_BAR, MIN_BAR + Math.floor((room - nameWidth) / 2)) : 0;
  const lines = shown.flatMap((status, i) => {
    const { share, level } = status;
    const isLimited = share !== undefined;
    const full = isLimited ? Math.min(bar, Math.round(share * bar)) : 0;
    const gauge = isLimited
      ? paint("█".repeat(full), COLORS[level]) + paint("░".repeat(bar - full), 90)
      : " ".repeat(bar);
    const percent = padStart(isLimited ? percentOf(share) : "–", SHARE);
    const cells = [padEnd(names[i]!, nameWidth), gauge, paint(percent, isLimited ? COLORS[level] : 90)];
    const head = [...cells.filter((cell) => cell !== ""), padStart(amounts[i]!, amountWidth)].join("  ");
    const used = nameWidth + bar + SHARE + amountWidth + (hasBar ? 6 : 4);
    const note = notesOf(status).join(", ");
    if (note === "") return [head];
    if (used + 2 + columns(note) <= width) return [`${head}  ${paint(note, 90)}`];
    return [head, `  ${paint(fit(note, width - 2), 90)}`];
  });
  const more = all.length > shown.length ? [paint(`and ${count(all.length - shown.length)} more`, 90)] : [];
  return [paint("Budgets", 1), ...lines, ...more, ""].join("\n");
}

/** A limit that is used up by a thousandfold is `> 999 %`. Rounded down: 100 % is used up. */
function percentOf(share: number): string {
  return share >= 10 ? "> 999 %" : `${Math.floor(share * 100 + 1e-9)} %`;
}

function nameOf({ budget, group }: BudgetStatus): string {
  const [whose] = Object.values(group ?? {});
  return group === undefined ? budget : `${budget} · ${whose ?? "(not said)"}`;
}

function amountOf({ spentUsd, limitUsd }: BudgetStatus): string {
  return `${usdText(spentUsd)}${limitUsd === undefined ? "" : ` of ${usdText(limitUsd)}`} USD`;
}

function notesOf({
  level,
  forecastUsd,
  limitUsd,
  refused,
  rerouted,
  unpriced,
  estimatedUsd,
  hard,
  until,
  inFlight,
}: BudgetStatus): string[] {
  return [
    level === "used_up" ? `${hard ? "closed" : "used up"} until ${until.slice(0, 16)}Z` : "",
    level !== "used_up" && forecastUsd !== undefined && limitUsd !== undefined && forecastUsd > limitUsd
      ? `heads for ${usdText(forecastUsd)} USD`
      : "",
    inFlight > 0 ? `${count(inFlight)} under way` : "",
    refused > 0 ? `${count(refused)} refused` : "",
    rerouted > 0 ? `${count(rerouted)} rerouted` : "",
    unpriced > 0 ? `${count(unpriced)} unpriced` : "",
    estimatedUsd > 0 ? `estimated at ${usdText(estimatedUsd)} USD` : "",
  ].filter((note) => note !== "");
}

import type { ModelCall } from "../model-call.ts";
import { DIMENSIONS, type Dimension } from "../reading.ts";
import { type Amount, addAmount, addUsd, newAmount, usdOf } from "./amount.ts";
import { calendar, type Per } from "./calendar.ts";
import { isCount, lists } from "./group-sums.ts";
import { keepLargest } from "./keep-largest.ts";
import type { Now, Spent } from "./limit-book.ts";
import { type Page, periodBook } from "./period-book.ts";

/** One line of a report: whose it is, and what they had. */
export interface AttributionRow {
  /** `null`: they do not say. `other`: those who spent too little to be kept apart. */
  readonly group: { readonly [dimension in Dimension]?: string | null };
  readonly usd: number;
  /** Of all that was spent in the period. `null` where nothing was. */
  readonly share: number | null;
  readonly calls: number;
  readonly tokens: number;
  /** Calls without a known cost: they are in neither amount nor share. */
  readonly unpriced: number;
}

/** Who spent what in one period. Plain JSON; times in ISO 8601. */
export interface Attribution {
  readonly per: Per;
  readonly period: string;
  readonly timeZone: string;
  readonly since: string;
  readonly until: string;
  readonly by: readonly Dimension[];
  /** By amount, the largest first. */
  readonly rows: readonly AttributionRow[];
  readonly total: Omit<AttributionRow, "group">;
  /** Calls without a known cost, by model, the most frequent first. */
  readonly unpricedModels: { readonly [model: string]: number };
  /** Those of them whose token counts are unknown: with a price they would be unpriced all the same. */
  readonly noUsageModels: { readonly [model: string]: number };
}

interface Cell {
  readonly names: readonly (string | null)[];
  readonly usd: Amount;
  calls: number;
  tokens: number;
  unpriced: number;
  /** Of the unpriced. */
  noUsage: number;
}

type Cells = Map<string, Cell>;

/** Costs by model, feature, team and user together, of one kind of period. */
export interface AttributionBook {
  readonly per: Per;
  readonly timeZone: string;
  add(call: ModelCall, spent: Spent, now: Now): void;
  /** Of the current period, or of the one with this key; `undefined` when it is not kept any more. */
  read(by: readonly Dimension[], key: string | undefined, now: Now): Attribution | undefined;
  toJson(): unknown;
}

/** Combinations of model, feature, team and user: 160 KB in the state file. Those who spent least lose their user first. */
const MAX_CELLS = 2_000;
const USER = DIMENSIONS.indexOf("user");
const MODEL = DIMENSIONS.indexOf("model");
const OTHER = "other";
/** More USD than anybody has spent. */
const NOT_YET = 1e12;

export function attributionBook(per: Per, timeZone: string, now: Now, restored: unknown): AttributionBook {
  const book = periodBook<Cells>(calendar(per, timeZone), () => new Map(), restoredPages(restored));
  book.at(now.epochMs);
  return {
    per,
    timeZone,
    add(call, { usd, isCall, isUnpriced }, { epochMs }) {
      const cells = book.at(epochMs).value;
      const cell = cellOf(
        cells,
        DIMENSIONS.map((dimension) => call[dimension] ?? null),
      );
      if (usd !== undefined) addUsd(cell.usd, usd);
      if (isCall) cell.calls++;
      if (isUnpriced) cell.unpriced++;
      if (isUnpriced && call.totalTokens === undefined) cell.noUsage++;
      cell.tokens += call.totalTokens ?? 0;
      bound(cells);
    },
    read(by, key, { epochMs }) {
      const current = book.at(epochMs);
      const page = key === undefined ? current : book.pages().find(({ period }) => period.key === key);
      return page && attributionOf(page, by, per, timeZone);
    },
    toJson: () =>
      book.pages().map(({ period, value }) => ({
        ...period,
        cells: [...value.values()].map(({ names, usd, calls, tokens, unpriced, noUsage }) => [
          ...names,
          usd.dollars,
          usd.parts,
          calls,
          tokens,
          unpriced,
          noUsage,
        ]),
      })),
  };
}

function attributionOf(
  { period, value }: Page<Cells>,
  by: readonly Dimension[],
  per: Per,
  timeZone: string,
): Attribution {
  const at = by.map((dimension) => DIMENSIONS.indexOf(dimension));
  const rows: Cells = new Map();
  const total = newCell([]);
  const unpriced = new Map<string, number>();
  const noUsage = new Map<string, number>();
  for (const cell of value.values()) {
    addCell(
      cellOf(
        rows,
        at.map((i) => cell.names[i]!),
      ),
      cell,
    );
    addCell(total, cell);
    const model = cell.names[MODEL] ?? "unknown";
    if (cell.unpriced > 0) unpriced.set(model, (unpriced.get(model) ?? 0) + cell.unpriced);
    if (cell.noUsage > 0) noUsage.set(model, (noUsage.get(model) ?? 0) + cell.noUsage);
  }
  const totalUsd = usdOf(total.usd);
  const figures = (cell: Cell): Omit<AttributionRow, "group"> => ({
    usd: usdOf(cell.usd),
    share: totalUsd > 0 ? usdOf(cell.usd) / totalUsd : null,
    calls: cell.calls,
    tokens: cell.tokens,
    unpriced: cell.unpriced,
  });
  return {
    per,
    period: period.key,
    timeZone,
    since: new Date(period.startMs).toISOString(),
    until: new Date(period.endMs).toISOString(),
    by,
    rows: [...rows.values()]
      .sort((a, b) => usdOf(b.usd) - usdOf(a.usd) || b.calls - a.calls)
      .map((cell) => ({
        group: Object.fromEntries(by.map((dimension, i) => [dimension, cell.names[i]])),
        ...figures(cell),
      })),
    total: figures(total),
    unpricedModels: byCount(unpriced),
    noUsageModels: byCount(noUsage),
  };
}

function byCount(counts: ReadonlyMap<string, number>): { [model: string]: number } {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** Takes the users away from the smallest; everything only where there are too many cells without users. */
function bound(cells: Cells): void {
  const sizeOf = ({ names, usd, calls }: Cell): number =>
    (names[USER] === OTHER || names[USER] === null ? NOT_YET : 0) + usdOf(usd) + calls * 1e-12;
  const dropped: Cell[] = [];
  keepLargest(cells, MAX_CELLS, sizeOf, (cell) => dropped.push(cell));
  for (const cell of dropped) {
    const isNamed = cell.names[USER] !== OTHER && cell.names[USER] !== null;
    const known = cell.names.map((name, i) => (i === USER && name !== null ? OTHER : name));
    const hasRoom = cells.has(keyOf(known)) || cells.size < MAX_CELLS * 1.05;
    addCell(cellOf(cells, isNamed && hasRoom ? known : known.map(() => OTHER)), cell);
  }
}

function cellOf(cells: Cells, names: readonly (string | null)[]): Cell {
  const key = keyOf(names);
  let cell = cells.get(key);
  if (cell === undefined) cells.set(key, (cell = newCell(names)));
  return cell;
}

function keyOf(names: readonly (string | null)[]): string {
  return JSON.stringify(names);
}

function newCell(names: readonly (string | null)[]): Cell {
  return { names, usd: newAmount(), calls: 0, tokens: 0, unpriced: 0, noUsage: 0 };
}

function addCell(sum: Cell, { usd, calls, tokens, unpriced, noUsage }: Cell): void {
  addAmount(sum.usd, usd);
  sum.calls += calls;
  sum.tokens += tokens;
  sum.unpriced += unpriced;
  sum.noUsage += noUsage;
}

function restoredPages(restored: unknown): Page<Cells>[] {
  if (!Array.isArray(restored)) return [];
  return restored.flatMap((page) => {
    const { key, startMs, endMs, cells } = page ?? {};
    if (typeof key !== "string" || !isCount(startMs) || !isCount(endMs)) return [];
    const value: Cells = new Map();
    for (const row of lists(cells)) {
      const names = row.slice(0, DIMENSIONS.length) as (string | null)[];
      const counts = row.slice(DIMENSIONS.length);
      // Earlier versions did not count those without usage.
      if ((counts.length !== 5 && counts.length !== 6) || !counts.every(isCount)) continue;
      if (!names.every((name) => name === null || typeof name === "string")) continue;
      const [dollars, parts, calls, tokens, unpriced, noUsage = 0] = counts as number[];
      addCell(cellOf(value, names), {
        names,
        usd: { dollars: dollars!, parts: parts! },
        calls: calls!,
        tokens: tokens!,
        unpriced: unpriced!,
        noUsage,
      });
    }
    return [{ period: { key, startMs, endMs }, value }];
  });
}

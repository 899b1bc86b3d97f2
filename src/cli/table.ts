import { clean, columns, fit, padEnd, padStart } from "../sinks/console-text.ts";
import type { Colors } from "./terminal.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  readonly align?: "right";
  /** Gives way first where the table is too wide, down to so many columns. Others are never cut. */
  readonly shrinksTo?: number;
  /** Left out below this width of the terminal. */
  readonly from?: number;
  readonly paint?: (text: string, row: Row) => string;
}

const GAP = "  ";

/** Lines of at most `width` columns, a heading first. Whatever is in the cells, it stays in its line. */
export function table<Row>(
  rows: readonly Row[],
  all: readonly Column<Row>[],
  { width, colors }: { readonly width: number; readonly colors: Colors },
): string {
  const cols = all.filter((column) => (column.from ?? 0) <= width && rows.some((row) => column.text(row) !== ""));
  const cells = rows.map((row) => cols.map((column) => clean(column.text(row))));
  const widths = cols.map(({ title }, i) => Math.max(columns(title), ...cells.map((line) => columns(line[i]!))));
  shrink(widths, cols, width);
  const line = (texts: readonly string[], paint: (text: string, i: number) => string) =>
    texts
      .map((text, i) => {
        const cut = fit(text, widths[i]!);
        const isLast = i === texts.length - 1;
        if (cols[i]!.align === "right") return padStart("", widths[i]! - columns(cut)) + paint(cut, i);
        return paint(cut, i) + (isLast ? "" : padEnd("", widths[i]! - columns(cut)));
      })
      .join(GAP);
  const heading = line(
    cols.map(({ title }) => title),
    colors.dim,
  );
  const body = cells.map((texts, n) => line(texts, (text, i) => cols[i]!.paint?.(text, rows[n]!) ?? text).trimEnd());
  return [heading.trimEnd(), ...body].map((text) => `${text}\n`).join("");
}

function shrink(widths: number[], cols: readonly Column<any>[], width: number): void {
  const excess = () => widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - width;
  while (excess() > 0) {
    let widest = -1;
    for (const [i, { shrinksTo }] of cols.entries()) {
      if (shrinksTo !== undefined && widths[i]! > shrinksTo && (widest < 0 || widths[i]! > widths[widest]!)) widest = i;
    }
    if (widest < 0) return;
    widths[widest]!--;
  }
}

import { createColors } from "picocolors";

export type Colors = ReturnType<typeof createColors>;

/** Wider, and the eye loses the line from a name to its time. */
const MAX_WIDTH = 160;
const MIN_WIDTH = 40;

/** Of the terminal, or as `COLUMNS` says; 100 where there is none. */
export function widthOf(stream: { readonly columns?: number } = process.stdout): number {
  const asked = Number(process.env["COLUMNS"]);
  const columns = stream.columns || (asked > 0 ? asked : 100);
  return Math.max(MIN_WIDTH, Math.min(columns, MAX_WIDTH));
}

/** Only on a terminal and without `NO_COLOR`; where `FORCE_COLOR` is set, it decides. */
export function hasColors(stream: NodeJS.WriteStream = process.stdout): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return !NO_COLOR && TERM !== "dumb" && stream.isTTY === true;
}

export function colorsOf(stream: NodeJS.WriteStream = process.stdout): Colors {
  return createColors(hasColors(stream));
}

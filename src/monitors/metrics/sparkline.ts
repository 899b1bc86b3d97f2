const LEVELS = "▁▂▃▄▅▆▇█";
/** What is not known. */
const GAP = " ";

/** One character for each value, from zero to the largest; a value of zero is the lowest bar, `null` a gap. */
export function sparkline(values: readonly (number | null)[]): string {
  const most = Math.max(...values.map((value) => value ?? 0), 0);
  return values.map((value) => (value === null ? GAP : LEVELS[level(value, most)])).join("");
}

function level(value: number, most: number): number {
  return most > 0 ? Math.max(0, Math.min(LEVELS.length - 1, Math.ceil((value / most) * LEVELS.length) - 1)) : 0;
}

/** The name that was probably meant: at most a third of its letters, and three, away. */
export function nearest(written: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, Math.ceil(written.length / 3)) + 1;
  for (const name of names) {
    const far = name.startsWith(written) && written.length > 1 ? 1 : distance(written, name);
    if (far >= least) continue;
    [best, least] = [name, far];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + (isSame ? 0 : 1), swapped));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {{ median: number, min: number, max: number, n: number }} */
export function summary(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), n: values.length };
}

/** Ratios of what was measured in the same round, so that a busy minute is in both. */
export function pairedRatios(rounds, contender, base, figure) {
  return rounds.flatMap((round) => {
    const [value, floor] = [round[contender]?.[figure], round[base]?.[figure]];
    return value === undefined || !floor ? [] : [value / floor];
  });
}

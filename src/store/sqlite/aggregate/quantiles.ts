interface Quantiles {
  p50: number;
  p95: number;
  p99: number;
}

/**
 * Adds them, as `percentile` of the sorted values has them, which are at least one; the values change places. They are selected, not
 * sorted: of the 330,000 durations of a day that is a third of the time.
 */
export function addQuantiles(to: Partial<Quantiles>, values: Float64Array): void {
  to.p50 = quantile(values, 0.5, 0);
  to.p95 = quantile(values, 0.95, Math.floor(0.5 * (values.length - 1)));
  to.p99 = quantile(values, 0.99, Math.floor(0.95 * (values.length - 1)));
}

/** @param from nothing before is greater than what comes from here on */
function quantile(values: Float64Array, p: number, from: number): number {
  const place = p * (values.length - 1);
  const below = Math.floor(place);
  select(values, below, from);
  if (below === place) return values[below]!;
  let above = Number.POSITIVE_INFINITY;
  for (let i = below + 1; i < values.length; i++) if (values[i]! < above) above = values[i]!;
  return values[below]! + (above - values[below]!) * (place - below);
}

/** Hoare's selection: puts at `place` what a sort would put there, and nothing greater before it. */
function select(values: Float64Array, place: number, from: number): void {
  let low = from;
  let high = values.length - 1;
  while (low < high) {
    const pivot = values[low + Math.floor(Math.random() * (high - low + 1))]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (place <= j) high = j;
    else if (place >= i) low = i;
    else return;
  }
}

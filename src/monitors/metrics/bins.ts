/** Counts by the keys of a sketch, dense between the lowest and the highest. Memory: four bytes for each key it has room for. */
export interface Bins {
  counts: Uint32Array;
  /** The key of `counts[0]`. */
  first: number;
  /** The keys that occur; `low > high` when there are none. */
  low: number;
  high: number;
  total: number;
  /** Keys it may have room for. Where they lie farther apart the lowest are put together: the highest are what is asked for. */
  readonly limit: number;
}

/** Room is made for so many keys at once. */
const CHUNK = 128;
const NO_ROOM = new Uint32Array(0);

export function newBins(limit: number): Bins {
  return { counts: NO_ROOM, first: 0, low: 1, high: 0, total: 0, limit };
}

export function addToBins(bins: Bins, key: number, count: number): void {
  if (bins.low > bins.high || key < bins.low || key > bins.high) widen(bins, key);
  bins.counts[Math.max(key, bins.low) - bins.first]! += count;
  bins.total += count;
}

export function addBins(to: Bins, from: Bins): void {
  if (from.total === 0) return;
  // From above, so that the lowest are put together once.
  for (let key = from.high; key >= from.low; key--) {
    const count = from.counts[key - from.first]!;
    if (count > 0) addToBins(to, key, count);
  }
}

/** Keeps its room. */
export function clearBins(bins: Bins): void {
  bins.counts.fill(0);
  bins.low = 1;
  bins.high = bins.total = 0;
}

function widen(bins: Bins, key: number): void {
  const isEmpty = bins.low > bins.high;
  const high = isEmpty ? key : Math.max(bins.high, key);
  const low = Math.max(isEmpty ? key : Math.min(bins.low, key), high - bins.limit + 1);
  if (isEmpty && bins.counts.length > 0) bins.first = key - (bins.counts.length >> 1);
  if (low < bins.first || high >= bins.first + bins.counts.length) move(bins, low, high);
  else if (!isEmpty && low > bins.low) collapse(bins, low);
  bins.low = low;
  bins.high = high;
}

/** Gives it the room that it needs, the keys in its middle. */
function move(bins: Bins, low: number, high: number): void {
  const { counts, first, low: lowest, high: highest, limit } = bins;
  const length = Math.max(counts.length, Math.min(Math.ceil((high - low + 1) / CHUNK) * CHUNK, limit));
  bins.counts = new Uint32Array(length);
  bins.first = low - ((length - (high - low + 1)) >> 1);
  for (let key = lowest; key <= highest; key++) {
    bins.counts[Math.max(key, low) - bins.first]! += counts[key - first]!;
  }
}

function collapse({ counts, first, low: lowest }: Bins, low: number): void {
  for (let key = lowest; key < low; key++) {
    counts[low - first]! += counts[key - first]!;
    counts[key - first] = 0;
  }
}

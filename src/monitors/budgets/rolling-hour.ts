/** What was spent within the last hour, by the monotonic clock. */
export interface RollingHour {
  add(usd: number, monotonicMs: number): void;
  /** USD. While less than an hour is known it is what was spent since. */
  sum(monotonicMs: number): number;
}

const HOUR_MS = 3_600_000;
/** Of five minutes each. The oldest counts in part, so the hour is an hour, and its error that of one bucket's evenness. */
const BUCKETS = 12;
const BUCKET_MS = HOUR_MS / BUCKETS;

export function rollingHour(): RollingHour {
  /** The current one, the eleven before it, and the one that the hour leaves. */
  const spent = new Float64Array(BUCKETS + 1);
  let newest = Number.NEGATIVE_INFINITY;

  /** Empties what has been left behind. */
  const turn = (monotonicMs: number): void => {
    const bucket = Math.floor(monotonicMs / BUCKET_MS);
    if (bucket <= newest) return;
    for (let at = Math.max(newest + 1, bucket - BUCKETS); at <= bucket; at++) spent[placeOf(at)] = 0;
    newest = bucket;
  };

  return {
    add(usd, monotonicMs) {
      turn(monotonicMs);
      spent[placeOf(newest)]! += usd;
    },
    sum(monotonicMs) {
      turn(monotonicMs);
      const share = monotonicMs / BUCKET_MS - newest;
      const oldest = placeOf(newest - BUCKETS);
      let sum = 0;
      for (let at = 0; at < spent.length; at++) sum += spent[at]! * (at === oldest ? 1 - share : 1);
      // The rest of what was added and taken away again.
      return Math.round(sum * 1e12) / 1e12;
    },
  };
}

function placeOf(bucket: number): number {
  const places = BUCKETS + 1;
  return ((bucket % places) + places) % places;
}

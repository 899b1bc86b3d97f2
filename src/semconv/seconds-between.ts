const NANOS_PER_SECOND = 1e9;

/** Seconds from one time of a record to another; both are epoch nanoseconds as decimal strings. */
export function secondsBetween(from: string, to: string): number {
  return Number(BigInt(to) - BigInt(from)) / NANOS_PER_SECOND;
}

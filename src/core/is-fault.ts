/**
 * Whether an error is a fault in the code that threw it, which comes from what it was given and will not pass. `fetch` says
 * that a connection failed by a `TypeError` too, but with a cause.
 */
export function isFault(error: unknown): boolean {
  const isKind = error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError;
  return isKind && (error as Error).cause === undefined;
}

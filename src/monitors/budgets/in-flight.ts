import type { LimitBook } from "./limit-book.ts";

/** A call that has started and whose cost is not known yet, as hard limits reckon with it. */
export interface Reservation {
  readonly book: LimitBook;
  readonly group: string;
  readonly usd: number;
}

/** The calls under way. */
export interface InFlight {
  /** What is held back for this one. */
  of(traceId: string, spanId: string): readonly Reservation[] | undefined;
  add(traceId: string, spanId: string, reservations: readonly Reservation[]): void;
  /** Its cost is known, or it has none. */
  release(traceId: string, spanId: string): void;
}

/** More at a time no process makes; the one that has been under way the longest goes, as if it had ended. */
const MAX_IN_FLIGHT = 10_000;

export function inFlight(): InFlight {
  const calls = new Map<string, readonly Reservation[]>();

  const release = (id: string): void => {
    const reservations = calls.get(id);
    if (reservations === undefined) return;
    calls.delete(id);
    for (const { book, group, usd } of reservations) book.release(group, usd);
  };

  return {
    of: (traceId, spanId) => calls.get(traceId + spanId),
    add(traceId, spanId, reservations) {
      if (calls.size >= MAX_IN_FLIGHT) release(calls.keys().next().value!);
      calls.set(traceId + spanId, reservations);
      for (const { book, group, usd } of reservations) book.reserve(group, usd);
    },
    release(traceId, spanId) {
      if (calls.size > 0) release(traceId + spanId);
    },
  };
}

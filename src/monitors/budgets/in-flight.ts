import type { LimitBook } from "./limit-book.ts";

/** A call that has started and whose cost is not known yet, as hard limits reckon with it. */
export interface Reservation {
  readonly book: LimitBook;
  readonly group: string;
  readonly usd: number;
}

/** What is held back for a call, at the cost of which model. */
export interface Held {
  readonly model: string | undefined;
  readonly reservations: readonly Reservation[];
}

/** The calls under way. */
export interface InFlight {
  of(traceId: string, spanId: string): Held | undefined;
  /** In the place of what was held back for it. */
  add(traceId: string, spanId: string, held: Held): void;
  /** Its cost is known, or it has none. */
  release(traceId: string, spanId: string): void;
}

/** More at a time no process makes; the one that has been under way the longest goes, as if it had ended. */
const MAX_IN_FLIGHT = 10_000;

export function inFlight(): InFlight {
  const calls = new Map<string, Held>();

  const release = (id: string): void => {
    const held = calls.get(id);
    if (held === undefined) return;
    calls.delete(id);
    for (const { book, group, usd } of held.reservations) book.release(group, usd);
  };

  return {
    of: (traceId, spanId) => calls.get(traceId + spanId),
    add(traceId, spanId, held) {
      release(traceId + spanId);
      if (calls.size >= MAX_IN_FLIGHT) release(calls.keys().next().value!);
      calls.set(traceId + spanId, held);
      for (const { book, group, usd } of held.reservations) book.reserve(group, usd);
    },
    release(traceId, spanId) {
      if (calls.size > 0) release(traceId + spanId);
    },
  };
}

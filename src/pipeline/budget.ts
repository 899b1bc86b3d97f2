import type { Draft } from "../core/trace.ts";

/** A draft on its way, and how many lanes still hold it. */
export interface Held {
  readonly draft: Draft;
  lanes: number;
}

/** What the budget knows of a lane. */
export interface Holder {
  /** Estimated heap bytes that the lane holds. */
  readonly bytes: number;
  /** Drops the newest records that have not been sent, one if it can; false when there are none. */
  evictNewest(): boolean;
}

/** The heap that all lanes of a pipeline share. A draft counts once, however many lanes hold it. */
export interface Budget {
  /** More than half is used. */
  readonly isTight: boolean;
  /** Counts the draft as held by the lane too; false when there is no room for it. */
  take(held: Held, lane: Holder): boolean;
  release(held: Held): void;
  /** The bytes of what is no draft any more: records that a lane has packed. May be negative. */
  add(bytes: number): void;
}

/** When it is full, the lane that holds the most loses its newest record: a hanging sink cannot starve the others. */
export function createBudget(limitBytes: number, lanes: readonly Holder[]): Budget {
  let used = 0;

  function makeRoom(bytes: number, lane: Holder): boolean {
    while (used + bytes > limitBytes) {
      const greediest = lanes.reduce((most, other) => (other.bytes > most.bytes ? other : most));
      if (greediest.bytes <= lane.bytes || !greediest.evictNewest()) return false;
    }
    return true;
  }

  return {
    get isTight() {
      return used > limitBytes / 2;
    },
    take(held, lane) {
      if (held.lanes === 0) {
        if (!makeRoom(held.draft.bytes, lane)) return false;
        used += held.draft.bytes;
      }
      held.lanes++;
      return true;
    },
    release(held) {
      if (--held.lanes === 0) used -= held.draft.bytes;
    },
    add(bytes) {
      used += bytes;
    },
  };
}

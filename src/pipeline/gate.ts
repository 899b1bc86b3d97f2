import type { TailRule } from "../sinks/sink.ts";
import type { Held } from "./budget.ts";
import { MAX_TIMER_MS } from "./options.ts";
import { createTail, type TailOutput } from "./tail.ts";

/** Tail sampling in front of a lane's queue: holds records until their trace is decided, with the timer that this takes. */
export interface Gate {
  readonly records: number;
  /** Estimated heap bytes. */
  readonly bytes: number;
  offer(held: Held): void;
  /** Decides one trace ahead of time, as memory is short; false when none waits. */
  giveWay(): boolean;
  decideEnded(): void;
  decideAll(): void;
}

/** `sort` gets everything that comes out. */
export function createGate(rule: TailRule, now: () => number, sort: (out: TailOutput) => void): Gate {
  const tail = createTail(rule, now);
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  /** The timer is moved only to an earlier time; one that comes too early finds nothing and is set anew. */
  function settle(out: TailOutput): void {
    sort(out);
    if (tail.dueAt >= timerAt) return;
    clearTimeout(timer);
    timerAt = tail.dueAt;
    timer = setTimeout(look, Math.min(Math.max(0, timerAt - now()), MAX_TIMER_MS)).unref();
  }

  function look(): void {
    timerAt = Number.POSITIVE_INFINITY;
    settle(tail.due());
  }

  return {
    get records() {
      return tail.records;
    },
    get bytes() {
      return tail.bytes;
    },
    offer: (held) => settle(tail.offer(held)),
    giveWay() {
      if (tail.records === 0) return false;
      settle(tail.giveWay());
      return true;
    },
    decideEnded: () => settle(tail.decideEnded()),
    decideAll: () => settle(tail.decideAll()),
  };
}

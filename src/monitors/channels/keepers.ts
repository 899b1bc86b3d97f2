import type { State } from "../state.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { UnderWay } from "./deliver.ts";
import type { Notifier } from "./notifier.ts";

/** The notifier that a part of a state belongs to; and, once it has lost it, what it had begun to send, by channel. */
export interface Keeper {
  readonly notifier: Notifier;
  readonly underWay: Map<string, UnderWay>;
  /** Takes a dead letter back, where there is such a channel. */
  retry(letter: DeadLetter): boolean;
}

const keepers = new WeakMap<State, Map<string, Keeper>>();

/** Whoever has the part now. */
export function keeperOf(state: State | undefined, name: string): Keeper | undefined {
  return state && keepers.get(state)?.get(name);
}

export function setKeeper(state: State | undefined, name: string, keeper: Keeper): void {
  if (state === undefined) return;
  if (!keepers.has(state)) keepers.set(state, new Map());
  keepers.get(state)!.set(name, keeper);
}

/** What is said to a notifier that has lost its part is said to the one that has it. */
export function handingOn(own: Notifier, heir: () => Notifier | undefined): Notifier {
  const current = (): Notifier => heir() ?? own;
  return {
    ...own,
    notify: (notification) => current().notify(notification),
    alert: (event) => current().alert(event),
    tick: (now) => current().tick(now),
    flush: (signal) => current().flush(signal),
    // Its own may be in memory only.
    retryDeadLetters: () => own.retryDeadLetters() + (heir()?.retryDeadLetters() ?? 0),
  };
}

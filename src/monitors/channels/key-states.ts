import type { Clock } from "../../core/clock.ts";
import type { Notification, Thread } from "./notification.ts";

/** What one channel knows of a key, from its first message to its last. Plain JSON. */
export interface KeyState {
  /** Epoch milliseconds of the last message: what an earlier process leaves has its age from it. */
  at: number;
  /** The same on the monotonic clock. Means nothing in another process. */
  seenMs?: number;
  /** Something is wrong, as far as this channel has been told or is about to be told. */
  isOpen: boolean;
  thread?: Thread;
  /** What is to be sent again as long as it is active. */
  last?: Notification;
  /** Monotonic: when it is to be sent again. Means nothing in another process. */
  repeatAtMs?: number;
}

export interface KeyStates {
  get(key: string): KeyState | undefined;
  isOpen(key: string): boolean;
  open(key: string): void;
  /** The key is over; its thread is still needed by the message that says so. */
  close(key: string): void;
  /** A message has been delivered. */
  delivered(notification: Notification, thread: Thread | undefined): KeyState | undefined;
  forget(key: string): void;
  forgetAll(): void;
  /** The keys that something is to be sent again of. */
  repeating(): [string, KeyState][];
  save(): [string, KeyState][];
}

/** Far more than anybody can be told of at once; of more, what is over is forgotten first, then what has been quiet longest. */
const MAX_KEYS = 2_000;
/** After so long the thread of what is over is another matter. What is open is not forgotten by age: its end is still to come. */
const FORGET_MS = 30 * 86_400_000;

export function keyStates(saved: readonly [string, KeyState][], clock: Clock): KeyStates {
  const states = new Map<string, KeyState>();
  for (const [key, { repeatAtMs: _, ...state }] of saved) {
    const ageMs = Math.max(0, clock.epochMs() - state.at);
    if (state.isOpen || ageMs < FORGET_MS) states.set(key, { ...state, seenMs: clock.monotonicMs() - ageMs });
  }

  function touch(key: string, state: KeyState): KeyState {
    state.at = clock.epochMs();
    state.seenMs = clock.monotonicMs();
    states.delete(key);
    states.set(key, state);
    for (const [oldest, { isOpen, seenMs = 0 }] of states) {
      if (state.seenMs - seenMs < FORGET_MS) break;
      if (!isOpen) states.delete(oldest);
    }
    if (states.size > MAX_KEYS) {
      const [quietest] = [...states].find(([, { isOpen }]) => !isOpen) ?? [...states][0]!;
      states.delete(quietest);
    }
    return state;
  }

  return {
    get: (key) => states.get(key),
    isOpen: (key) => states.get(key)?.isOpen === true,
    open(key) {
      const state = states.get(key) ?? { at: 0, isOpen: true };
      state.isOpen = true;
      touch(key, state);
    },
    close(key) {
      const state = states.get(key);
      if (state === undefined) return;
      state.isOpen = false;
      delete state.last;
      touch(key, state);
    },
    delivered(notification, thread) {
      const { key, action } = notification;
      const state = states.get(key);
      if (state === undefined) return undefined;
      if (action === "resolve") {
        if (!state.isOpen) states.delete(key);
        delete state.thread;
        return undefined;
      }
      if (thread !== undefined) state.thread = thread;
      return touch(key, state);
    },
    forget: (key) => void states.delete(key),
    forgetAll: () => states.clear(),
    repeating: () => [...states].filter(([, state]) => state.last !== undefined),
    save: () => [...states].map(([key, { repeatAtMs: _, seenMs: __, ...state }]) => [key, state]),
  };
}

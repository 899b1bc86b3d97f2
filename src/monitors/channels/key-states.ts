import type { Notification, Thread } from "./notification.ts";

/** What one channel knows of a key, from its first message to its last. Plain JSON. */
export interface KeyState {
  /** Epoch milliseconds of the last message. */
  at: number;
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
  open(key: string, nowMs: number): void;
  /** The key is over; its thread is still needed by the message that says so. */
  close(key: string): void;
  /** A message has been delivered. */
  delivered(notification: Notification, thread: Thread | undefined, nowMs: number): KeyState | undefined;
  forget(key: string): void;
  /** The keys that something is to be sent again of. */
  repeating(): [string, KeyState][];
  save(): [string, KeyState][];
}

/** Far more than anybody can be told of at once; what has been quiet for longest is forgotten first. */
const MAX_KEYS = 2_000;
/** After so long Slack's thread and Jira's issue are another matter. */
const FORGET_MS = 30 * 86_400_000;

export function keyStates(saved: readonly [string, KeyState][], nowMs: number): KeyStates {
  const states = new Map<string, KeyState>();
  for (const [key, { repeatAtMs: _, ...state }] of saved) if (nowMs - state.at < FORGET_MS) states.set(key, state);

  function touch(key: string, state: KeyState, now: number): KeyState {
    states.delete(key);
    states.set(key, state);
    state.at = now;
    for (const [oldest, { at }] of states) {
      if (states.size <= MAX_KEYS && now - at < FORGET_MS) break;
      states.delete(oldest);
    }
    return state;
  }

  return {
    get: (key) => states.get(key),
    isOpen: (key) => states.get(key)?.isOpen === true,
    open(key, now) {
      const state = states.get(key) ?? { at: now, isOpen: true };
      state.isOpen = true;
      touch(key, state, now);
    },
    close(key) {
      const state = states.get(key);
      if (state === undefined) return;
      state.isOpen = false;
      delete state.last;
    },
    delivered(notification, thread, now) {
      const { key, action } = notification;
      const state = states.get(key);
      if (state === undefined) return undefined;
      if (action === "resolve") {
        if (!state.isOpen) states.delete(key);
        delete state.thread;
        return undefined;
      }
      if (thread !== undefined) state.thread = thread;
      return touch(key, state, now);
    },
    forget: (key) => void states.delete(key),
    repeating: () => [...states].filter(([, state]) => state.last !== undefined),
    save: () => [...states].map(([key, { repeatAtMs: _, ...state }]) => [key, state]),
  };
}

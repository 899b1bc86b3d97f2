import type { Clock } from "../../core/clock.ts";
import { SEVERITIES } from "../alerts/alert.ts";
import type { Notification } from "./notification.ts";

/** One message that waits for a channel. */
export interface Waiting {
  readonly notification: Notification;
  /** Attempts that have failed. */
  failures: number;
  /** How many earlier messages of the same key it stands for. */
  readonly merged: number;
  /** What is active, sent again: `repeatMs`. */
  readonly isRepeat: boolean;
  /** Its place: messages of one key keep their order. */
  readonly order: number;
  /** Monotonic. */
  notBeforeMs: number;
  readonly sinceMs: number;
  /** How long it had waited in earlier processes. */
  readonly waitedMs: number;
  isSending: boolean;
}

/** As it is kept from one process to the next. */
export interface SavedWaiting {
  readonly notification: Notification;
  readonly failures: number;
  readonly merged: number;
  readonly waitedMs: number;
}

export interface Outbox {
  readonly size: number;
  /** Returns what there is no room for: the least severe, of them the oldest. */
  add(notification: Notification, isRepeat?: boolean): Waiting | undefined;
  has(key: string): boolean;
  /**
   * What is to be sent now: the most severe first, then the oldest; of one key never the second before the first. While
   * attempts fail, what has failed least often goes before: it may be the message's fault.
   */
  next(nowMs: number, isFailing: boolean): Waiting | undefined;
  /** When there will be something to be sent; `Infinity` when nothing waits. */
  dueMs(): number;
  /** The first of its key. */
  head(key: string): Waiting | undefined;
  remove(entry: Waiting): void;
  /** Takes out everything. */
  takeAll(): Waiting[];
  /** An attempt has failed: what has come for the same key meanwhile may stand for it. */
  again(entry: Waiting, notBeforeMs: number): void;
  /** Takes out what has not been sent of a key, and says how many messages that were. */
  drop(key: string): number;
  /** Forgets what it waits for: all may be tried at once. */
  hurry(): void;
  /** For how long it has been waiting, in milliseconds of running processes. */
  age(entry: Waiting): number;
  save(): SavedWaiting[];
  /** Messages that were merged into others so far. */
  readonly merged: number;
}

/**
 * What waits for one channel, in order. A key has at most a few messages in it, however long the channel is down: the newest
 * state wins. An update takes the place of a trigger or an update that has not been sent, a resolve that of everything:
 * nobody is paged about what is over. What was merged is counted in the message that stands for it.
 */
export function outbox(limit: number, clock: Clock, saved: readonly SavedWaiting[] = []): Outbox {
  let entries: Waiting[] = [];
  let orders = 0;
  let merged = 0;

  const unsent = (key: string): Waiting[] =>
    entries.filter((entry) => entry.notification.key === key && !entry.isSending);

  function push(notification: Notification, more: Partial<Waiting>): void {
    const fresh = { failures: 0, merged: 0, isRepeat: false, notBeforeMs: 0, waitedMs: 0 };
    const now = { order: orders++, sinceMs: clock.monotonicMs() };
    entries.push({ ...fresh, ...now, ...more, notification, isSending: false });
  }

  /** How many messages went, with those that were merged into them before. */
  function drop(key: string): number {
    const gone = unsent(key).filter((entry) => entries.splice(entries.indexOf(entry), 1));
    const own = gone.filter((entry) => !entry.isRepeat);
    return own.reduce((sum, entry) => sum + entry.merged, own.length);
  }

  function put(notification: Notification, more: Partial<Waiting> = {}): void {
    const { key, action } = notification;
    const last = unsent(key).at(-1);
    if (action === "resolve") {
      merged += unsent(key).filter((entry) => !entry.isRepeat).length;
      push(notification, { ...more, merged: (more.merged ?? 0) + drop(key) });
      return;
    }
    if (last === undefined || !canStandFor(action, last.notification.action)) {
      push(notification, more);
      return;
    }
    const own = last.isRepeat ? 0 : 1;
    merged += own;
    const isTrigger = action === "trigger" || last.notification.action === "trigger";
    const stands = { notification: isTrigger ? { ...notification, action: "trigger" as const } : notification };
    entries[entries.indexOf(last)] = {
      ...last,
      ...stands,
      isRepeat: false,
      merged: last.merged + own + (more.merged ?? 0),
    };
  }

  /** Of each key what comes first. */
  function heads(): Waiting[] {
    const first = new Map<string, Waiting>();
    for (const entry of entries) if (!first.has(entry.notification.key)) first.set(entry.notification.key, entry);
    return [...first.values()];
  }

  for (const { notification, ...kept } of saved) push(notification, kept);

  return {
    get size() {
      return entries.length;
    },
    get merged() {
      return merged;
    },
    add(notification, isRepeat = false) {
      put(notification, { isRepeat });
      if (entries.length <= limit) return undefined;
      let victim: Waiting | undefined;
      for (const entry of entries) {
        if (!entry.isSending && (victim === undefined || rank(entry) > rank(victim))) victim = entry;
      }
      entries = entries.filter((entry) => entry !== victim);
      return victim;
    },
    has: (key) => entries.some((entry) => entry.notification.key === key),
    next(nowMs, isFailing) {
      const due = heads().filter((entry) => !entry.isSending && entry.notBeforeMs <= nowMs);
      const least = isFailing ? Math.min(...due.map(({ failures }) => failures)) : Number.POSITIVE_INFINITY;
      let best: Waiting | undefined;
      for (const entry of due) {
        if (entry.failures <= least && (best === undefined || rank(entry) < rank(best))) best = entry;
      }
      return best;
    },
    dueMs: () => Math.min(...heads().map((entry) => entry.notBeforeMs)),
    head: (key) => entries.find((entry) => entry.notification.key === key),
    takeAll: () => entries.splice(0),
    remove(entry) {
      entries = entries.filter((other) => other !== entry);
    },
    again(entry, notBeforeMs) {
      const { key } = entry.notification;
      const own = entries.filter((other) => other.notification.key === key);
      entries = entries.filter((other) => other.notification.key !== key);
      entry.isSending = false;
      entry.notBeforeMs = notBeforeMs;
      for (const other of own) {
        if (other === entry) entries.push(entry);
        else put(other.notification, other);
      }
      entries.sort((a, b) => a.order - b.order);
    },
    drop,
    hurry() {
      for (const entry of entries) entry.notBeforeMs = 0;
    },
    age: (entry) => entry.waitedMs + clock.monotonicMs() - entry.sinceMs,
    save() {
      return entries
        .filter((entry) => !entry.isRepeat)
        .map((entry) => ({
          notification: entry.notification,
          failures: entry.failures,
          merged: entry.merged,
          waitedMs: Math.round(entry.waitedMs + clock.monotonicMs() - entry.sinceMs),
        }));
    },
  };
}

/** Whether a message says all that an unsent one before it says. Nobody's acknowledgement is lost in an update. */
function canStandFor(action: Notification["action"], earlier: Notification["action"]): boolean {
  if (action === "acknowledge") return earlier === "acknowledge";
  return earlier === "trigger" || earlier === "update";
}

function rank({ notification }: Waiting): number {
  return SEVERITIES.indexOf(notification.severity);
}

/** A message that stands for others says so. */
export function saying({ notification, merged }: Waiting): Notification {
  if (merged === 0) return notification;
  const messages = merged === 1 ? "an earlier message" : `${merged} earlier messages`;
  const text = `${notification.text}\nThis stands for ${messages} that could not be sent in time.`;
  return { ...notification, text: text.trim() };
}

import type { Alert, Severity } from "../alerts/alert.ts";

/** One message to people or to their tools, whatever the channel. Plain JSON. */
export interface Notification {
  /** The same for every attempt to send it. */
  readonly id: string;
  /** What it is about: the same for trigger, update, acknowledge and resolve. At most 255 characters. */
  readonly key: string;
  readonly action: "trigger" | "update" | "acknowledge" | "resolve";
  readonly severity: Severity;
  /** One line: `High error rate: error_rate is 7 %, above 5 %`. */
  readonly title: string;
  /** Sentences, without markup. */
  readonly text: string;
  /** Epoch milliseconds. */
  readonly time: number;
  /** The alerts that it is about. */
  readonly alerts: readonly Alert[];
  /** By name, in the order in which they are shown: severity, runbook, feature, on call. */
  readonly facts: { readonly [name: string]: string };
  readonly links: readonly { readonly text: string; readonly href: string }[];
  /** The incident, where there is one. */
  readonly incidentId?: string;
}

/** What a channel remembers of a key from its first message to its last: Slack's `ts`, Jira's issue key. */
export interface Thread {
  readonly [name: string]: string;
}

/** A place where people are told. */
export interface Channel {
  readonly name: string;
  /**
   * Sends one message. Throws or rejects with `SinkError`, as sinks do: `later` is tried again, with the server's
   * `retryAfterMs`; `never` goes to the dead letters. What it returns is given to the next message of the same key.
   */
  send(notification: Notification, thread: Thread | undefined, signal: AbortSignal): Promise<Thread | void>;
  /** Exactly what `send` would send, with secrets left out: for a dry run. */
  preview(notification: Notification, thread?: Thread): unknown;
  /** Actions that it has no use for are not sent to it. Default: all four. */
  readonly actions?: readonly Notification["action"][];
  /** Milliseconds between two messages at least. Default: 0. */
  readonly intervalMs?: number;
  /** What is active is sent again every so many milliseconds until it is resolved: Alertmanager asks for it. */
  readonly repeatMs?: number;
}

/** Takes messages, and sees to it that they arrive. `notifier()` makes one. */
export interface Notify {
  /** Never throws, never waits. */
  notify(notification: Notification): void;
  tick?(now: number): void;
  flush?(signal?: AbortSignal): Promise<void>;
  close?(signal?: AbortSignal): void | Promise<void>;
}

/** Alerts and messages for tests of what tells people. */
import type { Alert, AlertEvent, AlertRule, AlertState } from "../../src/monitors/alerts/alert.ts";
import type { Channel, Notification, Thread } from "../../src/monitors/channels/notification.ts";

export const START = 1_767_225_600_000;

export const rule: AlertRule = {
  name: "High error rate",
  metric: "error_rate",
  comparison: ">",
  threshold: 0.05,
  windowMs: 120_000,
  severity: "sev2",
  labels: { team: "alpha" },
  runbook: "https://runbooks.example/api_outage",
  summary: "Too many calls fail.",
};

export function alertOf(more: Partial<Omit<Alert, "rule">> & { rule?: Partial<AlertRule> } = {}): Alert {
  return {
    fingerprint: "f1",
    labels: { feature: "summarizer" },
    state: "firing",
    value: 0.07,
    samples: 100,
    since: START,
    startedAt: START - 60_000,
    firedAt: START,
    message: "error_rate is 7 %, above 5 %",
    traces: ["0123456789abcdef0123456789abcdef"],
    ...more,
    rule: { ...rule, ...more.rule },
  };
}

export function eventOf(to: AlertState, alert: Alert = alertOf(), more: Partial<AlertEvent> = {}): AlertEvent {
  const from = to === "firing" ? "pending" : "firing";
  const resolved = to === "resolved" ? { resolvedAt: START } : {};
  return { alert: { ...alert, state: to, ...resolved }, from, to, time: START, isQuiet: false, ...more };
}

let ids = 0;

export function messageOf(more: Partial<Notification> = {}): Notification {
  return {
    id: `message-${++ids}`,
    key: "inc_1",
    action: "trigger",
    severity: "sev2",
    title: "High error rate: error_rate is 7 %, above 5 %",
    text: "Too many calls fail.",
    time: START,
    alerts: [alertOf()],
    facts: { severity: "SEV2", feature: "summarizer" },
    links: [{ text: "Runbook", href: "https://runbooks.example/api_outage" }],
    incidentId: "inc_1",
    ...more,
  };
}

/** A channel that keeps what it is sent, and does what the script says of each attempt before. */
export interface Probe extends Channel {
  readonly sent: { notification: Notification; thread: Thread | undefined }[];
  attempts: number;
  script: ((attempt: number, notification: Notification, signal: AbortSignal) => void | Promise<void>) | undefined;
}

export function probe(name: string, more: Partial<Channel> = {}): Probe {
  const made: Probe = {
    name,
    sent: [],
    attempts: 0,
    script: undefined,
    async send(notification, thread, signal) {
      await made.script?.(++made.attempts, notification, signal);
      made.sent.push({ notification, thread });
      return { n: String(made.sent.length), ...thread };
    },
    preview: (notification) => ({ would: notification.title }),
    ...more,
  };
  return made;
}

/** `trigger inc_1`, one for each message that a channel has taken. */
export const told = ({ sent }: Probe): string[] =>
  sent.map(({ notification }) => `${notification.action} ${notification.key}`);

/** Until it is so; what is waited for happens in a few turns of the event loop. */
export async function until(isSo: () => boolean, what = "it"): Promise<void> {
  for (const start = Date.now(); !isSo(); await new Promise((resolve) => setImmediate(resolve))) {
    if (Date.now() - start > 60_000) throw new Error(`${what} did not come`);
  }
}

/** A few turns of the event loop, for what must not happen. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

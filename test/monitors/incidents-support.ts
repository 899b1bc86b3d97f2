import type { Alert, AlertEvent, AlertRule, AlertState } from "../../src/monitors/alerts/alert.ts";
import type { Notification, Notify } from "../../src/monitors/channels/notification.ts";
import { type Incidents, incidents } from "../../src/monitors/incidents/incidents.ts";
import type { IncidentsOptions } from "../../src/monitors/incidents/options.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";

export const MINUTE = 60_000;

export interface Desk {
  readonly tracked: Incidents;
  readonly clock: FakeClock;
  readonly told: Notification[];
  /** `trigger sev2 Title`, one for each message. */
  words(): string[];
  fire(rule?: Partial<AlertRule>, more?: Partial<Alert & AlertEvent>): void;
  end(rule?: Partial<AlertRule>, more?: Partial<Alert & AlertEvent>): void;
  /** Time passes, with a tick for each minute. */
  pass(minutes: number): void;
}

/** The defaults of the damper. */
export const damped: IncidentsOptions = { resolveAfterMs: undefined, cooldownMs: undefined };

export const rule: AlertRule = {
  name: "High 429 rate",
  metric: "rate_limit_rate",
  comparison: ">",
  threshold: 0.05,
  windowMs: 5 * MINUTE,
  severity: "sev2",
  runbook: "rate_limit_exhaustion",
};

/** Incidents, with the alerts that reach them said by hand. Without the damper, unless it is asked for: `damped`. */
export function desk(options: IncidentsOptions = {}, clock: FakeClock = fakeClock(), told: Notification[] = []): Desk {
  const notify: Notify = { notify: (message) => void told.push(message) };
  const tracked = incidents({ notify, clock, resolveAfterMs: 0, cooldownMs: 0, ...options });
  const firedAt = new Map<string, number>();
  const say = (to: AlertState, given: Partial<AlertRule>, more: Partial<Alert & AlertEvent>): void => {
    const event = alertEvent(to, clock.epochMs(), given, more);
    const { fingerprint } = event.alert;
    if (to === "firing") firedAt.set(fingerprint, event.time);
    const fired = firedAt.get(fingerprint) ?? event.time;
    tracked.alert({
      ...event,
      alert: { ...event.alert, firedAt: fired, startedAt: more.startedAt ?? fired - 2 * MINUTE },
    });
  };
  return {
    tracked,
    clock,
    told,
    words: () => told.map(({ action, severity, title }) => `${action} ${severity} ${title}`),
    fire: (given = {}, more = {}) => say("firing", given, more),
    end: (given = {}, more = {}) => say("resolved", given, more),
    pass(minutes) {
      for (let i = 0; i < minutes; i++) {
        clock.advance(MINUTE);
        tracked.tick(clock.epochMs());
      }
    },
  };
}

export function alertEvent(
  to: AlertState,
  time: number,
  given: Partial<AlertRule> = {},
  more: Partial<Alert & AlertEvent> = {},
): AlertEvent {
  const { from = to === "firing" ? "pending" : "firing", isQuiet = false, ...rest } = more;
  const full = { ...rule, ...given };
  const labels = { ...full.labels, ...rest.labels };
  const alert: Alert = {
    fingerprint: `${full.name} ${JSON.stringify(labels)}`,
    rule: full,
    state: to,
    value: 0.07,
    samples: 120,
    since: time,
    startedAt: time - 2 * MINUTE,
    firedAt: time,
    ...(to === "resolved" && { resolvedAt: time }),
    message: to === "firing" ? `${full.metric} is 7 %, above 5 %` : `${full.metric} is 1 %`,
    traces: [],
    ...rest,
    labels,
  };
  return { alert, from, to, time, isQuiet };
}

/** A state as a file would be: plain JSON, read when it is saved. */
export function memoryState(): {
  load(part: string, taken?: () => void): unknown;
  changed(part: string, read: () => unknown): void;
  save(): void;
} {
  const parts = new Map<string, string>();
  const dirty = new Map<string, () => unknown>();
  const owners = new Map<string, () => void>();
  return {
    load(part, taken) {
      owners.get(part)?.();
      owners.delete(part);
      if (taken !== undefined) owners.set(part, taken);
      return parts.has(part) ? JSON.parse(parts.get(part) as string) : undefined;
    },
    changed: (part, read) => void dirty.set(part, read),
    save() {
      for (const [part, read] of dirty) parts.set(part, JSON.stringify(read()));
      dirty.clear();
    },
  };
}

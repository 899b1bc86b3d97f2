import type { Severity } from "../alerts/alert.ts";
import type { Incident, IncidentStatus } from "./incident.ts";
import { isoText } from "./time-text.ts";

export type ServiceStatus = "operational" | "degraded" | "major_outage";

/**
 * What users are told. Fit for the public: names of runbooks and features, times, and notes that were made public; no ids of
 * traces or users, no error texts and no figures, unless `statusDetails` asks for them. Times are ISO 8601.
 */
export interface StatusPage {
  readonly status: ServiceStatus;
  readonly updatedAt: string;
  readonly components: readonly { readonly name: string; readonly status: ServiceStatus }[];
  /** Of the last thirty days, or since incidents have been watched for. The share of time without a SEV1 or SEV2. */
  readonly uptime: { readonly share: number; readonly days: readonly StatusDay[] };
  /** Those that are open, then those that were resolved in the last seven days; the newest first. */
  readonly incidents: readonly PublicIncident[];
}

/** `unknown`: nobody has watched for incidents on that day. */
export interface StatusDay {
  /** `2026-01-31`, in UTC. */
  readonly date: string;
  readonly status: ServiceStatus | "unknown";
}

export interface PublicIncident {
  readonly id: string;
  readonly name: string;
  readonly component?: string;
  readonly impact: ServiceStatus;
  readonly status: IncidentStatus;
  readonly startedAt: string;
  readonly resolvedAt?: string;
  readonly updates: readonly { readonly time: string; readonly text: string }[];
  /** With `statusDetails` only: the title, with the alert's figure. */
  readonly details?: string;
}

export interface StatusPageInput {
  readonly now: number;
  readonly watchingSince: number;
  /** Features that are shown also while nothing is wrong. */
  readonly components: readonly string[];
  readonly isDetailed: boolean;
  /** Runbooks of incidents that users do not notice. */
  readonly ignored: readonly string[];
}

interface Named {
  readonly name: string;
  readonly incident: Incident;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const UPTIME_DAYS = 30;
const RECENT_MS = 7 * DAY_MS;
/** A page that people read on a phone. */
const MAX_RECENT = 20;
const MAX_UPDATES = 20;
const MAX_COMPONENTS = 50;
const EVERYTHING = "All features";

const IMPACT: { readonly [severity in Severity]: ServiceStatus } = {
  sev1: "major_outage",
  sev2: "degraded",
  sev3: "degraded",
  sev4: "operational",
};
const ORDER: readonly ServiceStatus[] = ["operational", "degraded", "major_outage"];

/** What happened, in words that say nothing about the inside. */
const UPDATES: { readonly [kind: string]: string } = {
  detected: "We have noticed a problem and are looking into it.",
  acknowledged: "Somebody is working on it.",
  mitigating: "We are taking measures.",
  action: "We are taking measures.",
  resolved: "The problem is over.",
  reopened: "The problem has come back.",
};

export function statusPageOf(all: readonly Named[], input: StatusPageInput): StatusPage {
  const { now, watchingSince, ignored } = input;
  const kept = all.filter(({ incident: { runbook } }) => runbook === undefined || !ignored.includes(runbook));
  const open = kept.filter(({ incident }) => incident.status !== "resolved").reverse();
  const recent = kept.filter(
    ({ incident: { resolvedAt } }) => resolvedAt !== undefined && now - resolvedAt <= RECENT_MS,
  );
  const shown = [...open, ...recent.reverse().slice(0, MAX_RECENT)];
  return {
    status: worst(open.map(({ incident }) => IMPACT[incident.severity])),
    updatedAt: isoText(now) ?? "",
    components: componentsOf(open, input.components),
    uptime: uptimeOf(kept, now, Math.min(watchingSince, now)),
    incidents: shown.map((each) => publicIncident(each, input.isDetailed)),
  };
}

function worst(statuses: readonly ServiceStatus[]): ServiceStatus {
  return ORDER[Math.max(0, ...statuses.map((status) => ORDER.indexOf(status)))] as ServiceStatus;
}

/** Features: those that were asked for, and those in which something is wrong. */
function componentsOf(open: readonly Named[], asked: readonly string[]): StatusPage["components"] {
  const affected = open.map(featureOf).reverse();
  // What is wrong with no feature in particular is wrong with each of them; with those that are known by name.
  const rest = asked.length === 0 && affected.includes(undefined) ? [EVERYTHING] : [];
  const features = affected.filter((feature) => feature !== undefined);
  const names = [...new Set([...asked, ...features, ...rest])].slice(0, Math.max(MAX_COMPONENTS, asked.length));
  return names.map((name) => {
    const of = open.filter((each) => [name, undefined].includes(featureOf(each)));
    return { name, status: worst(of.map(({ incident }) => IMPACT[incident.severity])) };
  });
}

function featureOf({ incident }: Named): string | undefined {
  return incident.labels["feature"];
}

function publicIncident({ name, incident }: Named, isDetailed: boolean): PublicIncident {
  const { id, severity, status, detectedAt, resolvedAt, labels } = incident;
  return {
    id,
    name,
    ...(labels["feature"] !== undefined && { component: labels["feature"] }),
    impact: IMPACT[severity],
    status,
    startedAt: isoText(detectedAt) ?? "",
    ...(resolvedAt !== undefined && { resolvedAt: isoText(resolvedAt) ?? "" }),
    updates: updatesOf(incident),
    ...(isDetailed && { details: incident.title }),
  };
}

/** The newest first. The same words are not said twice in a row. */
function updatesOf({ timeline }: Incident): PublicIncident["updates"] {
  const updates: { time: string; text: string }[] = [];
  for (const { kind, text: note, isPublic, time, hasFailed } of timeline) {
    const text = isPublic ? note : hasFailed ? undefined : UPDATES[kind];
    if (text !== undefined && text !== updates[0]?.text) updates.unshift({ time: isoText(time) ?? "", text });
  }
  return updates.slice(0, MAX_UPDATES);
}

function uptimeOf(kept: readonly Named[], now: number, watchingSince: number): StatusPage["uptime"] {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  const first = today - (UPTIME_DAYS - 1) * DAY_MS;
  const days = Array.from({ length: UPTIME_DAYS }, (_, index): StatusDay => {
    const from = first + index * DAY_MS;
    const of = kept.filter(({ incident }) =>
      incident.periods.some((each) => each.from < from + DAY_MS && (each.to ?? now) >= from),
    );
    const status = worst(of.map(({ incident }) => IMPACT[incident.severity]));
    const isKnown = watchingSince < from + DAY_MS || of.length > 0;
    return { date: (isoText(from) ?? "").slice(0, 10), status: isKnown ? status : "unknown" };
  });
  const from = Math.max(first, watchingSince);
  const down = kept
    .filter(({ incident: { severity } }) => severity === "sev1" || severity === "sev2")
    .flatMap(({ incident }) =>
      incident.periods.map((each) => [Math.max(from, each.from), Math.min(now, each.to ?? now)] as const),
    );
  return { share: now > from ? 1 - lengthOf(down) / (now - from) : 1, days };
}

/** Of the union: two incidents at once are one time. */
function lengthOf(spans: readonly (readonly [number, number])[]): number {
  let total = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return total;
}

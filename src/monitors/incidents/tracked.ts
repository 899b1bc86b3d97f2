import { cutText } from "../../semconv/cut-text.ts";
import type { Alert, Severity } from "../alerts/alert.ts";
import type { Incident, TimelineEntry } from "./incident.ts";
import { oneLine } from "./markdown.ts";

/** Alerts of an incident; one for each of a thousand users would fill the memory. */
const MAX_ALERTS = 20;
/** Alerts whose end is waited for: as many as a rule has groups. About 100 KB. */
const MAX_ACTIVE = 1_000;
export const MAX_TRACES = 20;
/** A week of an incident with an entry or two for each hour. */
const MAX_ENTRIES = 150;
const MAX_PERIODS = 50;
/** A paragraph or three. */
export const MAX_NOTE = 2_000;
const MAX_BY = 100;
export const MAX_TITLE = 300;

/** An incident as it is kept and saved: what people see of it, and what its clocks need. Plain JSON. */
export interface Tracked {
  readonly id: string;
  /** The same for alerts that belong together. */
  readonly kind: string;
  /** Of the runbook, or of the rule where there is none. */
  readonly name: string;
  readonly labels: { readonly [name: string]: string };
  readonly title: string;
  readonly runbook?: string;
  readonly detectedAt: number;
  severity: Severity;
  status: Incident["status"];
  acknowledgedAt?: number;
  acknowledgedBy?: string;
  acknowledgedAfterMs?: number;
  mitigatingAt?: number;
  mitigatingAfterMs?: number;
  resolvedAt?: number;
  /** Those that are shown. `fired`: what it said when it fired last; at the end its figure is a good one. */
  alerts: { alert: Alert; isActive: boolean; fired: string }[];
  /** Fingerprints of all alerts that fire, shown or not, and of those of them that are silenced. */
  active: string[];
  silenced: string[];
  /** Epoch: when the first alert's condition began to hold. */
  readonly beganAt: number;
  traces: string[];
  timeline: (TimelineEntry & { readonly key?: string })[];
  periods: { from: number; to?: number }[];
  leftOut: { alerts: number; entries: number };
  similar: Incident["similar"];
  /** Steady time at which it was opened first, and last. */
  readonly detectedMs: number;
  openedMs: number;
  /** For how long it had been open before it was reopened. */
  openBeforeMs: number;
  /** For how long it had been open when this episode began: when people were told of it, or were told again. */
  episodeMs: number;
  resolvedMs?: number;
  /** Since when none of its alerts fires. */
  calmMs?: number;
  /** Steady time of the last news of an alert. */
  alertMs: number;
  /** Place of the last level that has been told. */
  toldLevel: number;
  isOverdueTold: boolean;
  reopened: number;
  /** Nobody knows that it is open, so nobody is told how it goes on. */
  isQuiet: boolean;
  /** Somebody is to be told that it is open; still so in the state where a process died over it. */
  isToTell: boolean;
  /** Steady time at which people were told last that it is open, or open again, and how severe it was. */
  toldMs?: number;
  toldSeverity?: Severity;
  /** Actions that have been run by themselves. */
  automatic: string[];
}

/** Until its alerts were over: what it waited from then on, to see whether they stay so, is no part of it. */
export function endMsOf({ resolvedMs = Infinity, calmMs = Infinity }: Tracked, nowMs: number): number {
  return Math.min(resolvedMs, calmMs, nowMs);
}

export function openMsOf(tracked: Tracked, nowMs: number): number {
  return tracked.openBeforeMs + Math.max(0, endMsOf(tracked, nowMs) - tracked.openedMs);
}

/** Since people were told of it, or were told again. */
export function episodeMsOf(tracked: Tracked, nowMs: number): number {
  return Math.max(0, openMsOf(tracked, nowMs) - tracked.episodeMs);
}

/** In the order of what happened, whatever the wall clock says. The same alert again is one entry with a count. */
export function addEntry(tracked: Tracked, entry: TimelineEntry & { readonly key?: string }): void {
  const { timeline } = tracked;
  const kept = { ...entry, text: cut(entry.text, MAX_NOTE) };
  const at = entry.key === undefined ? -1 : timeline.findLastIndex(({ key }) => key === entry.key);
  const before = timeline[at];
  if (before === undefined || !isRepeated(timeline, at)) timeline.push(kept);
  else timeline[at] = { ...before, text: kept.text, count: (before.count ?? 1) + 1, lastTime: entry.time };
  if (timeline.length <= MAX_ENTRIES) return;
  // What people wrote and did says more than the alerts between.
  const index = timeline.findIndex(({ kind }, i) => i > 0 && (kind === "alert" || kind === "reopened"));
  timeline.splice(index === -1 ? 1 : index, 1);
  tracked.leftOut.entries++;
}

/** Only alerts have been told since: two of them that take turns are two entries. */
function isRepeated(timeline: readonly TimelineEntry[], at: number): boolean {
  return timeline.slice(at + 1).every(({ kind }) => kind === "alert");
}

/** Adds the alert, or what is new of it. */
export function putAlert(tracked: Tracked, alert: Alert, isActive: boolean, nowMs: number): void {
  const { alerts, traces } = tracked;
  const isNew = isActive && !isFiring(tracked, alert.fingerprint);
  mark(tracked.active, alert.fingerprint, isActive);
  mark(tracked.silenced, alert.fingerprint, alert.isSilenced === true && isFiring(tracked, alert.fingerprint));
  const at = alerts.findIndex((each) => each.alert.fingerprint === alert.fingerprint);
  const kept = { alert, isActive, fired: (isActive ? undefined : alerts[at]?.fired) ?? alert.message };
  if (at !== -1) alerts[at] = kept;
  else if (alerts.length < MAX_ALERTS) alerts.push(kept);
  else if (isActive) {
    const over = alerts.findIndex((each) => !each.isActive);
    if (over !== -1) alerts[over] = kept;
    if (isNew) tracked.leftOut.alerts++;
  }
  for (const trace of alert.traces) if (traces.length < MAX_TRACES && !traces.includes(trace)) traces.push(trace);
  tracked.alertMs = nowMs;
  if (tracked.active.length > 0) delete tracked.calmMs;
  else tracked.calmMs ??= nowMs;
}

function mark(list: string[], fingerprint: string, isIn: boolean): void {
  const at = list.indexOf(fingerprint);
  if (!isIn && at !== -1) list.splice(at, 1);
  if (isIn && at === -1 && list.length < MAX_ACTIVE) list.push(fingerprint);
}

/** It belongs to the incident, or did when it fired last. */
export function holds(tracked: Tracked, fingerprint: string): boolean {
  return isFiring(tracked, fingerprint) || tracked.alerts.some(({ alert }) => alert.fingerprint === fingerprint);
}

/** It belongs to the incident, and is not over. */
export function isFiring({ active }: Tracked, fingerprint: string): boolean {
  return active.includes(fingerprint);
}

/** Something fires of which people are to know. */
export function isAudible({ active, silenced }: Tracked): boolean {
  return active.length > silenced.length;
}

export function beginPeriod(tracked: Tracked, from: number): void {
  const last = tracked.periods.at(-1);
  // Beyond the cap the last one is made longer: time that it was not open counts as open then.
  if (last !== undefined && tracked.periods.length >= MAX_PERIODS) delete last.to;
  else tracked.periods.push({ from });
}

export function endPeriod(tracked: Tracked, to: number): void {
  const last = tracked.periods.at(-1);
  if (last !== undefined) last.to = Math.max(last.from, to);
}

/** What users get: a copy, so that nothing of it changes in their hands. */
export function incidentOf(
  tracked: Tracked,
  nowMs: number,
  expectedMinutes: number | undefined,
  level: string,
): Incident {
  const openMs = openMsOf(tracked, nowMs);
  const episodeMs = episodeMsOf(tracked, nowMs);
  const expectedMs = expectedMinutes === undefined ? undefined : expectedMinutes * 60_000;
  return {
    id: tracked.id,
    title: tracked.title,
    severity: tracked.severity,
    status: tracked.status,
    ...(tracked.runbook !== undefined && { runbook: tracked.runbook }),
    beganAt: tracked.beganAt,
    detectedAt: tracked.detectedAt,
    ...(tracked.acknowledgedAt !== undefined && { acknowledgedAt: tracked.acknowledgedAt }),
    ...(tracked.mitigatingAt !== undefined && { mitigatingAt: tracked.mitigatingAt }),
    ...(tracked.resolvedAt !== undefined && { resolvedAt: tracked.resolvedAt }),
    ...(tracked.acknowledgedBy !== undefined && { acknowledgedBy: tracked.acknowledgedBy }),
    level,
    alerts: tracked.alerts.map(({ alert }) => alert),
    traces: [...tracked.traces],
    timeline: tracked.timeline.map(({ key: _, ...entry }) => entry),
    similar: tracked.similar,
    labels: tracked.labels,
    clocks: {
      openMs,
      episodeMs,
      ...(tracked.acknowledgedAfterMs !== undefined && { acknowledgedAfterMs: tracked.acknowledgedAfterMs }),
      ...(tracked.mitigatingAfterMs !== undefined && { mitigatingAfterMs: tracked.mitigatingAfterMs }),
      ...(expectedMs !== undefined && { expectedMs }),
      isOverdue: expectedMs !== undefined && episodeMs > expectedMs,
    },
    periods: tracked.periods.map((period) => ({ ...period })),
    leftOut: { ...tracked.leftOut },
  };
}

/** The name of a person or a program, on one line. */
export function whoText(by: unknown): string | undefined {
  return typeof by === "string" && by.trim() !== "" ? cut(oneLine(by), MAX_BY) : undefined;
}

export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${cutText(text, length - 1)}…`;
}

import type { Ids } from "../../core/ids.ts";
import { systemIds } from "../../core/ids.ts";
import type { Alert, AlertEvent } from "../alerts/alert.ts";
import type { Incident, Runbook } from "./incident.ts";
import { cut, MAX_TITLE, putAlert, type Tracked } from "./tracked.ts";

/** Alerts of the same kind belong together: the same runbook, or the same rule without one, and the same labels of the group. */
export function kindOf(alert: Alert, groupBy: readonly string[]): string {
  const { rule } = alert;
  return JSON.stringify([rule.runbook ?? `rule ${rule.name}`, ...Object.entries(groupLabels(alert, groupBy)).flat()]);
}

function groupLabels({ labels }: Alert, groupBy: readonly string[]): { [name: string]: string } {
  const values = groupBy.map((name) => [name, labels[name]] as const);
  return Object.fromEntries(values.filter((pair): pair is readonly [string, string] => pair[1] !== undefined));
}

/** `inc_` and a UUIDv7: its first 48 bits are the time, 74 are random. */
export function incidentId(ids: Ids, epochMs: number, isTaken: (id: string) => boolean): string {
  const make = (from: Ids): string =>
    `inc_${from.traceId(epochMs).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`;
  const id = make(ids);
  return isTaken(id) ? make(systemIds) : id;
}

export function openTracked(
  id: string,
  { alert, time }: AlertEvent,
  groupBy: readonly string[],
  runbook: Runbook | undefined,
  similar: Incident["similar"],
  nowMs: number,
): Tracked {
  const { rule, message } = alert;
  const name = runbook?.name ?? rule.name;
  const tracked: Tracked = {
    id,
    kind: kindOf(alert, groupBy),
    name,
    labels: groupLabels(alert, groupBy),
    title: cut(`${name}: ${message}`, MAX_TITLE),
    ...(rule.runbook !== undefined && { runbook: rule.runbook }),
    detectedAt: time,
    beganAt: Math.min(alert.startedAt ?? time, time),
    severity: rule.severity,
    status: "detected",
    alerts: [],
    traces: [],
    timeline: [{ time, kind: "detected", text: `${rule.name}: ${message}` }],
    periods: [{ from: time }],
    leftOut: { alerts: 0, entries: 0 },
    similar,
    detectedMs: nowMs,
    openedMs: nowMs,
    openBeforeMs: 0,
    alertMs: nowMs,
    toldLevel: 0,
    isOverdueTold: false,
    reopened: 0,
    isQuiet: false,
    automatic: [],
  };
  putAlert(tracked, alert, true, nowMs);
  return tracked;
}

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

/** UUIDv7 has 48 bits for the time. */
const MAX_MS = 2 ** 48 - 1;

/**
 * `inc_` and a UUIDv7 (RFC 9562 section 5.7) whose time is that at which the incident began, and whose random bits are a hash
 * of what it is: a process that died before it could write down what it had told tells the next time of the same incident.
 */
export function incidentId(salt: string, kind: string, beganAt: number, isTaken: (id: string) => boolean): string {
  const ms = Math.min(Math.max(Math.floor(beganAt), 0) || 0, MAX_MS);
  const { createHash } = process.getBuiltinModule("node:crypto");
  for (let n = 0; ; n++) {
    const hex = createHash("sha256")
      .update(JSON.stringify([salt, kind, beganAt, n]))
      .digest("hex");
    const variant = "89ab"[Number.parseInt(hex.charAt(31), 16) % 4];
    const digits = `${ms.toString(16).padStart(12, "0")}7${hex.slice(0, 3)}${variant}${hex.slice(3, 18)}`;
    const id = `inc_${digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`;
    if (!isTaken(id)) return id;
  }
}

export function openTracked(
  id: string,
  event: AlertEvent,
  groupBy: readonly string[],
  runbook: Runbook | undefined,
  similar: Incident["similar"],
  nowMs: number,
): Tracked {
  const { alert, time, isQuiet } = event;
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
    active: [],
    silenced: [],
    traces: [],
    timeline: [{ time, kind: "detected", text: `${rule.name}: ${message}` }],
    periods: [{ from: time }],
    leftOut: { alerts: 0, entries: 0 },
    similar,
    detectedMs: nowMs,
    openedMs: nowMs,
    openBeforeMs: 0,
    episodeMs: 0,
    alertMs: nowMs,
    toldLevel: 0,
    isOverdueTold: false,
    reopened: 0,
    isQuiet: true,
    isToTell: !isQuiet,
    automatic: [],
  };
  putAlert(tracked, alert, true, nowMs);
  return tracked;
}

import { type Alert, SEVERITIES } from "../alerts/alert.ts";
import type { Notification } from "./notification.ts";
import { isoTime, oneLine } from "./text.ts";

/** What one message shows of alerts; the rest is counted. */
const MAX_SHOWN = 20;
const MAX_ALERTS = 100;

/** What people are told of alerts that fire, and of some that do no more. */
export function aboutAlerts(
  given: readonly Alert[],
  gone: readonly Alert[],
): Pick<Notification, "severity" | "title" | "text" | "facts" | "alerts"> {
  const firing = [...given].sort((a, b) => rank(a) - rank(b));
  const all = firing.concat(gone);
  const shown = firing.length > 0 ? firing : gone;
  const rules = [...new Set(shown.map(({ rule }) => oneLine(rule.name)))];
  const what = rules.length > 3 ? `${rules.slice(0, 3).join(", ")} and others` : rules.join(", ");
  const severity = all[0]!.rule.severity;
  const count = `${firing.length} ${firing.length === 1 ? "alert" : "alerts"}`;
  const only = firing.length === 1 && gone.length === 0 ? oneLine(firing[0]!.message) : count;
  return {
    severity,
    title: firing.length === 0 ? what : `${what}: ${only}`,
    text: textOf(firing, gone),
    facts: factsOf(all, severity),
    alerts: all.slice(0, MAX_ALERTS),
  };
}

function textOf(firing: readonly Alert[], gone: readonly Alert[]): string {
  const summaries = new Set(firing.flatMap(({ rule }) => rule.summary ?? []));
  const lines = [
    ...firing.map((alert) => `${labelled(alert)}${alert.message}`),
    ...gone.map((alert) => `${labelled(alert)}over: ${alert.message}`),
  ];
  const rest = lines.length - MAX_SHOWN;
  const more = rest > 0 ? [`and ${rest} more`] : [];
  return [...[...summaries].slice(0, 3), ...lines.slice(0, MAX_SHOWN), ...more].join("\n");
}

/** `summarizer: `, where an alert is one of several of its rule. */
function labelled({ labels }: Alert): string {
  const values = Object.values(labels);
  return values.length === 0 ? "" : `${values.map(oneLine).join(", ")}: `;
}

/** What all of them have in common. */
function factsOf(alerts: readonly Alert[], severity: string): { [name: string]: string } {
  const [first] = alerts;
  const labels = { ...first!.rule.labels, ...first!.labels };
  const common = Object.entries(labels).filter(([name, value]) =>
    alerts.every((alert) => (alert.labels[name] ?? alert.rule.labels?.[name]) === value),
  );
  const runbooks = new Set(alerts.flatMap(({ rule }) => rule.runbook ?? []));
  const since = Math.min(...alerts.flatMap(({ startedAt, firedAt }) => startedAt ?? firedAt ?? []));
  return Object.fromEntries([
    ["severity", severity.toUpperCase()],
    ...(Number.isFinite(since) ? [["since", isoTime(since)]] : []),
    ...(runbooks.size === 1 ? [["runbook", [...runbooks][0]!]] : []),
    ...common,
  ]);
}

function rank({ rule }: Alert): number {
  return SEVERITIES.indexOf(rule.severity);
}

import { guard } from "../../core/guard.ts";
import type { Alert, Severity } from "../alerts/alert.ts";
import type { Notification } from "./notification.ts";
import { clip, isoTime, linkHref, oneLine, plain } from "./text.ts";

/** An alert as Prometheus' Alertmanager takes it: `postableAlert` of its OpenAPI v2. */
export interface PostableAlert {
  readonly labels: { readonly [name: string]: string };
  readonly annotations: { readonly [name: string]: string };
  readonly startsAt: string;
  /** Only of what is over: of the others Alertmanager itself says when they end, unless they are sent again. */
  readonly endsAt?: string;
  readonly generatorURL?: string;
}

export interface PostableOptions {
  readonly severities?: { readonly [severity in Severity]?: string } | undefined;
  readonly generatorUrl?: string | ((alert: Alert | undefined, notification: Notification) => string) | undefined;
}

/** Alertmanager's own limit is that of a request; what is longer than this nobody reads. */
const MAX_VALUE = 1024;
const MAX_TEXT = 4096;

/** The alerts of a notification; of one without alerts (an incident that a person opened) one that stands for it. */
export function postableAlerts(
  notification: Notification,
  nowMs: number,
  options: PostableOptions = {},
): PostableAlert[] {
  if (notification.alerts.length === 0) return [postable(notification, undefined, nowMs, options)];
  return notification.alerts.map((alert) => postable(notification, alert, nowMs, options));
}

function postable(
  notification: Notification,
  alert: Alert | undefined,
  nowMs: number,
  options: PostableOptions,
): PostableAlert {
  const severity = alert?.rule.severity ?? notification.severity;
  const labels = labelSet(
    {
      // The key, as a title may change: the same labels are the same alert.
      alertname: alert?.rule.name ?? notification.key,
      severity: options.severities?.[severity] ?? severity,
    },
    alert?.rule.labels ?? {},
    alert?.labels ?? {},
  );
  if (labels["alertname"] === undefined) labels["alertname"] = "sightline";
  // After a jump of the clock, times may be in an order that Alertmanager refuses.
  const startsMs = Math.min(alert?.startedAt ?? alert?.firedAt ?? notification.time, nowMs);
  const isOver = notification.action === "resolve" || (alert !== undefined && alert.state !== "firing");
  const endsMs = Math.max(startsMs, Math.min(alert?.resolvedAt ?? notification.time, nowMs));
  const generatorURL = generatorOf(notification, alert, options);
  return {
    labels,
    annotations: annotationsOf(notification, alert),
    startsAt: isoTime(startsMs),
    ...(isOver && { endsAt: isoTime(endsMs) }),
    ...(generatorURL !== undefined && { generatorURL }),
  };
}

function annotationsOf(notification: Notification, alert: Alert | undefined): { [name: string]: string } {
  const { rule } = alert ?? {};
  const runbook = rule?.runbook ?? notification.facts["runbook"];
  const texts = {
    summary: rule?.summary ?? oneLine(notification.title),
    description: alert?.message ?? notification.text,
    ...(runbook !== undefined && { [linkHref(runbook) === undefined ? "runbook" : "runbook_url"]: runbook }),
    ...(notification.incidentId !== undefined && { incident: notification.incidentId }),
    ...(alert !== undefined && alert.traces.length > 0 && { traces: alert.traces.join(" ") }),
  };
  const kept = Object.entries(texts).map(([name, text]) => [name, clip(plain(text).trim(), MAX_TEXT)] as const);
  return Object.fromEntries(kept.filter(([, text]) => text !== ""));
}

function generatorOf(
  notification: Notification,
  alert: Alert | undefined,
  { generatorUrl }: PostableOptions,
): string | undefined {
  const made =
    typeof generatorUrl === "function" ? guard(() => generatorUrl(alert, notification), undefined) : generatorUrl;
  return linkHref(made ?? notification.links[0]?.href);
}

/**
 * One set of labels with names of the form `[a-zA-Z_][a-zA-Z0-9_]*`, which every version of Alertmanager takes. Of names
 * that become the same the first keeps its place, and the others get a number. Empty values are no labels.
 */
export function labelSet(...parts: readonly { readonly [name: string]: string }[]): { [name: string]: string } {
  const labels = new Map<string, string>();
  const own = new Set<string>();
  for (const part of parts) {
    for (const name of Object.keys(part).sort()) {
      const value = clip(oneLine(part[name]), MAX_VALUE);
      if (value === "" || own.has(name)) continue;
      own.add(name);
      const safe = name.replace(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d)|^$/, "_");
      let free = safe;
      for (let n = 2; labels.has(free); n++) free = `${safe}_${n}`;
      labels.set(free, value);
    }
  }
  // `fromEntries` defines: a label of the name `__proto__` is one like any other.
  return Object.fromEntries(labels);
}

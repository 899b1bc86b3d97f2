import { callBack } from "../../core/guard.ts";
import type { AlertEvent } from "../alerts/alert.ts";
import type { Notification } from "../channels/notification.ts";
import type { Incident, Runbook } from "./incident.ts";
import { whenTold } from "./runbook.ts";
import { similarText } from "./similar.ts";
import { durationText } from "./time-text.ts";
import { cut, MAX_TITLE } from "./tracked.ts";

/** Steps of a runbook in a message; the whole of it is one click away. */
const MAX_STEPS = 3;
/** Traces that a message links to. */
const MAX_LINKS = 5;

/** What is new of an incident. */
export interface News {
  /** Makes the id of the message: the same news have the same id in every process. */
  readonly what: string;
  readonly action: Notification["action"];
  /** Before the incident's title: `Overdue`. */
  readonly prefix?: string;
  readonly text?: string;
}

export function incidentMessage(
  incident: Incident,
  news: News,
  runbook: Runbook | undefined,
  time: number,
  traceUrl: ((traceId: string) => string) | undefined,
): Notification {
  const { id, title, severity, alerts } = incident;
  // An update takes the place of a trigger that a channel could not send yet, so it says all of it again.
  const isCall = news.action === "trigger" || news.action === "update";
  return {
    id: `${id}:${news.what}`,
    key: id,
    action: news.action,
    severity,
    title: cut(news.prefix === undefined ? title : `${news.prefix}: ${title}`, MAX_TITLE),
    text: [news.text, ...(isCall ? openingText(incident, runbook) : [])].filter(Boolean).join("\n"),
    time,
    alerts,
    facts: factsOf(incident, runbook),
    links: linksOf(incident.runbook, incident.traces, runbook, traceUrl),
    incidentId: id,
  };
}

function openingText({ alerts, similar }: Incident, runbook: Runbook | undefined): (string | undefined)[] {
  const summaries = alerts.map(({ rule }) => rule.summary);
  if (runbook === undefined) return [...new Set(summaries), similarText(similar)];
  const steps = (texts: readonly string[]): string =>
    texts
      .slice(0, MAX_STEPS)
      .map((text, i) => `${i + 1}. ${text}`)
      .join(" ");
  return [
    ...new Set(summaries),
    similarText(similar),
    `Symptoms: ${runbook.symptoms.slice(0, MAX_STEPS).join("; ")}.`,
    `Find out: ${steps(runbook.diagnosis)}`,
    `Do first: ${steps(runbook.actions.map(({ id, text }) => `${text} (${id})`))}`,
    `Escalation: ${runbook.escalation.map((level, i) => `${level.level} ${whenTold(level, i)}: ${level.who}`).join("; ")}.`,
  ];
}

function factsOf(incident: Incident, runbook: Runbook | undefined): Notification["facts"] {
  const { clocks, severity, status, level, labels } = incident;
  const who = runbook?.escalation.find((each) => each.level === level);
  const facts: Record<string, string | undefined> = {
    severity,
    status,
    runbook: runbook?.name ?? incident.runbook,
    ...labels,
    level: who === undefined ? undefined : `${level}: ${who.who}`,
    "acknowledged by": incident.acknowledgedBy,
    "open for": clocks.openMs > 0 ? durationText(clocks.openMs) : undefined,
    expected: clocks.expectedMs === undefined ? undefined : durationText(clocks.expectedMs),
  };
  return Object.fromEntries(Object.entries(facts).filter((fact): fact is [string, string] => fact[1] !== undefined));
}

function linksOf(
  id: string | undefined,
  traces: readonly string[],
  runbook: Runbook | undefined,
  traceUrl: ((traceId: string) => string) | undefined,
): Notification["links"] {
  const href = runbook?.href ?? (isAddress(id) ? id : undefined);
  const links = href === undefined ? [] : [{ text: "Runbook", href }];
  for (const trace of traceUrl === undefined ? [] : traces.slice(0, MAX_LINKS)) {
    const url = addressOf(trace, traceUrl);
    if (url !== undefined) links.push({ text: `Trace ${trace.slice(0, 8)}`, href: url });
  }
  return links;
}

/** A promise of an address is none. */
export function addressOf(traceId: string, traceUrl: ((traceId: string) => string) | undefined): string | undefined {
  let url: unknown;
  callBack(() => (url = traceUrl?.(traceId)));
  return typeof url === "string" ? url : undefined;
}

function isAddress(text: string | undefined): boolean {
  return text !== undefined && /^https?:\/\//.test(text);
}

/** An alert for which no incident is opened: a ticket, told and taken back. */
export function alertMessage(
  { alert, to, time }: AlertEvent,
  runbook: Runbook | undefined,
  traceUrl: ((traceId: string) => string) | undefined,
): Notification {
  const { fingerprint, rule, labels, message } = alert;
  return {
    id: `alert_${fingerprint}:${to}:${alert.firedAt ?? time}`,
    key: `alert_${fingerprint}`.slice(0, 255),
    action: to === "firing" ? "trigger" : "resolve",
    severity: rule.severity,
    title: cut(`${rule.name}: ${message}`, MAX_TITLE),
    text: [rule.summary, runbook && `Find out: ${runbook.diagnosis.slice(0, MAX_STEPS).join("; ")}.`]
      .filter(Boolean)
      .join("\n"),
    time,
    alerts: [alert],
    facts: { severity: rule.severity, ...(runbook && { runbook: runbook.name }), ...labels },
    links: linksOf(rule.runbook, alert.traces, runbook, traceUrl),
  };
}

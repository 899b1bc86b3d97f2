import { callBack, guard } from "../../core/guard.ts";
import { uuid } from "../../core/ids.ts";
import { SEVERITIES, type Severity } from "../alerts/alert.ts";
import type { Notification } from "./notification.ts";
import { clip, linkHref, oneLine, plain, shortHash } from "./text.ts";

export type TraceUrl = (traceId: string) => string;

/** PagerDuty's limit. */
const MAX_KEY = 255;
/** Enough for every channel; kept in memory and in the state file as long as a channel is down. */
const MAX_TITLE = 1_000;
const MAX_TEXT = 8_000;
const MAX_FACTS = 30;
const MAX_LINKS = 20;
const MAX_TRACES = 5;
/** As many as one message of `alerts()` has. */
const MAX_ALERTS = 100;
const ACTIONS: readonly Notification["action"][] = ["trigger", "update", "acknowledge", "resolve"];

/** Where people look, and nobody is woken. */
export const UNKNOWN: Severity = "sev3";

/** As the word is written everywhere: `SEV2` is `sev2`. `undefined`: there is no such severity. */
export function severityOf(severity: unknown): Severity | undefined {
  const lower = typeof severity === "string" ? severity.trim().toLowerCase() : severity;
  return SEVERITIES.find((known) => known === lower);
}

/** A message as it is kept: plain JSON of a bounded size, with links to its traces. What is no message throws. */
export function normal(given: Notification, nowMs: number, traceUrl: TraceUrl | undefined): Notification {
  const bounded = { ...given, alerts: given.alerts?.slice(0, MAX_ALERTS) ?? [] };
  const notification = JSON.parse(JSON.stringify(bounded)) as Notification;
  const { key, action, severity } = notification;
  if (typeof key !== "string" || key === "" || !ACTIONS.includes(action)) {
    throw new TypeError("a notification needs a key and an action");
  }
  const facts = Object.entries(notification.facts ?? {}).slice(0, MAX_FACTS);
  return {
    ...notification,
    id: typeof notification.id === "string" ? notification.id : uuid(),
    key: key.length <= MAX_KEY ? key : `${clip(key, 238)} ${shortHash(key)}`,
    severity: severityOf(severity) ?? UNKNOWN,
    title: clip(oneLine(notification.title), MAX_TITLE),
    text: clip(plain(notification.text), MAX_TEXT),
    time: Number.isFinite(notification.time) ? notification.time : nowMs,
    facts: Object.fromEntries(
      facts.map(([name, value]) => [clip(oneLine(name), 100), clip(plain(String(value)), 1_000)]),
    ),
    links: linksOf(notification, traceUrl).slice(0, MAX_LINKS),
  };
}

function linksOf(notification: Notification, traceUrl: TraceUrl | undefined): Notification["links"] {
  const own = (notification.links ?? []).slice(0, MAX_LINKS).flatMap(({ text, href }) => link(oneLine(text), href));
  const runbook = link("Runbook", notification.facts?.["runbook"]);
  const ids = new Set(notification.alerts?.flatMap(({ traces }) => traces ?? []));
  const traces = [...ids].slice(0, MAX_TRACES).flatMap((id) => {
    return traceUrl === undefined ? [] : link(`Trace ${id.slice(0, 8)}`, addressOf(id, traceUrl));
  });
  const all = new Map([...own, ...runbook, ...traces].reverse().map((one) => [one.href, one]));
  return [...all.values()].reverse();
}

/** A promise is no address, and what it rejects with ends nothing. */
function addressOf(id: string, traceUrl: TraceUrl): unknown {
  const given: unknown = guard(() => traceUrl(id), undefined);
  if (typeof given !== "string") callBack(() => given);
  return given;
}

function link(text: string, href: unknown): Notification["links"][number][] {
  const safe = linkHref(href);
  return safe === undefined || safe.length > 2_000 ? [] : [{ text: clip(text || safe, 200), href: safe }];
}

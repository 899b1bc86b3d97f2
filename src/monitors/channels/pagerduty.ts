import { checkOptions } from "../../core/check-options.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Severity } from "../alerts/alert.ts";
import type { Channel, Notification } from "./notification.ts";
import { type ChannelOptions, COMMON, TEXT, URL_TEXT } from "./options.ts";
import { api, request, shownRequest } from "./request.ts";
import { clip, isoTime, linkHref, oneLine, plain } from "./text.ts";

export interface PagerDutyOptions extends ChannelOptions {
  /** The integration key of a service or an event orchestration: 32 characters. */
  readonly routingKey: string;
  /** Where it happens. Default: the host's name. */
  readonly source?: string;
  /** Default: the alert's label `feature` or `model`. */
  readonly component?: string;
  /** Default: the alert's label `team`. */
  readonly group?: string;
  /** Default: the alert's metric. */
  readonly class?: string;
  /** Behind the message's name: a dashboard. */
  readonly clientUrl?: string;
  /** Shown with the incident: `{ src: "https://…/chart.png", alt: "Error rate" }`. */
  readonly images?: readonly { readonly src: string; readonly href?: string; readonly alt?: string }[];
  /** Default: the US region; for Europe `https://events.eu.pagerduty.com/v2/enqueue`. */
  readonly url?: string | URL;
}

/** What an event is made of besides the message. */
export type PagerDutyEventOptions = Omit<PagerDutyOptions, "url" | keyof ChannelOptions>;

const SEVERITIES: { readonly [severity in Severity]: string } = {
  sev1: "critical",
  sev2: "error",
  sev3: "warning",
  sev4: "info",
};
/** PagerDuty's: `payload.summary` and `dedup_key`. The whole may have 512 KB: far from it. */
const MAX_SUMMARY = 1024;
const MAX_KEY = 255;
/** Of our own: what an incident shows. */
const MAX_FIELD = 1024;
const MAX_ALERTS = 20;
const MAX_LINKS = 20;
/** 120 events a minute and integration key. */
const INTERVAL_MS = 500;

/**
 * Pages through PagerDuty (Events API v2). The message's key is the dedup key; an update is one more trigger, which adds to
 * the open incident. 429, 5xx and failed connections are tried again, other answers are final.
 *
 * @throws ConfigError for a missing key, and for an address of plain http, as the key goes with every event
 * @example
 * import { pagerDuty } from "sightline/monitors";
 * const channel = pagerDuty({ routingKey: process.env["PAGERDUTY_KEY"] ?? "0".repeat(32) });
 */
export function pagerDuty(options: PagerDutyOptions): Channel {
  checkOptions("pagerDuty", options, {
    ...COMMON,
    routingKey: [(value) => typeof value === "string" && /^\S+$/.test(value), "an integration key"],
    source: TEXT,
    component: TEXT,
    group: TEXT,
    class: TEXT,
    clientUrl: TEXT,
    images: [Array.isArray, "a list of images"],
    url: URL_TEXT,
  });
  if (options.routingKey === undefined) {
    throw new ConfigError("CONFIG_CHANNEL", "pagerDuty() needs routingKey, the integration key of a service.");
  }
  const { name = "pagerduty", routingKey, url = "https://events.pagerduty.com/v2/enqueue" } = options;
  const target = api("pagerDuty", { ...options, url, name, secrets: [routingKey], isSecret: true });
  return {
    name,
    intervalMs: INTERVAL_MS,
    async send(notification, _thread, signal) {
      await request(target, signal, { body: pagerDutyEvent(notification, options) });
    },
    preview(notification) {
      return shownRequest(target, pagerDutyEvent(notification, { ...options, routingKey: "…" }));
    },
  };
}

/** The event that a message becomes: fields and limits as in PagerDuty's "Send an alert event". */
export function pagerDutyEvent(notification: Notification, options: PagerDutyEventOptions): object {
  const { action, key } = notification;
  const event = { routing_key: options.routingKey, dedup_key: clip(key, MAX_KEY) };
  if (action === "acknowledge" || action === "resolve") return { ...event, event_action: action };
  const [alert] = notification.alerts;
  const label = (name: string) => alert?.labels[name] ?? alert?.rule.labels?.[name];
  const clientUrl = linkHref(options.clientUrl);
  const links = notification.links.slice(0, MAX_LINKS).flatMap(({ href, text }) => {
    const safe = linkHref(href);
    return safe === undefined ? [] : [{ href: safe, text: clip(oneLine(text) || safe, MAX_FIELD) }];
  });
  // PagerDuty shows no others.
  const images = (options.images ?? []).filter(({ src }) => linkHref(src)?.startsWith("https:"));
  return {
    ...event,
    event_action: "trigger",
    payload: {
      summary: clip(oneLine(notification.title), MAX_SUMMARY) || "(no title)",
      source: clip(oneLine(options.source ?? hostName()), MAX_FIELD) || "sightline",
      severity: SEVERITIES[notification.severity],
      timestamp: isoTime(notification.time),
      ...field("component", options.component ?? label("feature") ?? label("model")),
      ...field("group", options.group ?? label("team")),
      ...field("class", options.class ?? alert?.rule.metric),
      custom_details: detailsOf(notification),
    },
    client: "Sightline",
    ...(clientUrl !== undefined && { client_url: clientUrl }),
    ...(links.length > 0 && { links }),
    ...(images.length > 0 && { images }),
  };
}

function field(name: string, value: string | undefined): { [name: string]: string } {
  const text = clip(oneLine(value), MAX_FIELD);
  return text === "" ? {} : { [name]: text };
}

function detailsOf({ id, incidentId, text, facts, alerts }: Notification): { [name: string]: unknown } {
  const shown = alerts
    .slice(0, MAX_ALERTS)
    .map(({ rule, message }) => clip(oneLine(`${rule.name}: ${message}`), MAX_FIELD));
  const more = alerts.length - shown.length;
  return Object.fromEntries([
    ["text", clip(plain(text), 8 * MAX_FIELD)],
    ...Object.entries(facts)
      .slice(0, 50)
      .map(([name, value]) => [clip(oneLine(name), 100), clip(plain(value), MAX_FIELD)]),
    ...(shown.length > 0 ? [["alerts", more > 0 ? [...shown, `and ${more} more`] : shown]] : []),
    ...(incidentId === undefined ? [] : [["incident", oneLine(incidentId)]]),
    ["message_id", id],
  ]);
}

function hostName(): string {
  return process.getBuiltinModule("node:os").hostname();
}

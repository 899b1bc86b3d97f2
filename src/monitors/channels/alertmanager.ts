import { checkOptions } from "../../core/check-options.ts";
import { systemClock } from "../../core/clock.ts";
import type { Channel } from "./notification.ts";
import { type ChannelOptions, COMMON, OBJECT, URL_TEXT, WITHOUT_ACKNOWLEDGE } from "./options.ts";
import { type PostableOptions, postableAlerts } from "./postable-alert.ts";
import { api, request, shownRequest } from "./request.ts";

export interface AlertmanagerOptions extends ChannelOptions, PostableOptions {
  /** Of Alertmanager itself: `http://localhost:9093`, with the route prefix where it has one. */
  readonly url: string | URL;
  /** The address that Alertmanager shows as an alert's source. Default: the notification's first link. */
  readonly generatorUrl?: PostableOptions["generatorUrl"];
  /** Of the label `severity`, for routes that are there already: `{ sev2: "critical" }`. Default: `sev1` to `sev4`. */
  readonly severities?: PostableOptions["severities"];
  readonly headers?: { readonly [name: string]: string };
}

/** Prometheus' own resend delay. Alertmanager takes an alert for resolved after five minutes without it (`resolve_timeout`). */
const REPEAT_MS = 60_000;

/**
 * Posts alerts to Prometheus' Alertmanager (API v2; 0.16 and later), which groups, silences and routes them. Labels:
 * `alertname` (the rule), `severity`, the rule's and the alert's own, with their names made Prometheus'. What is active is
 * sent again every minute, what is over once with the time of its end. 400 is final; 5xx is tried again.
 *
 * @throws ConfigError for an address or header that cannot be used, and for credentials over plain http
 * @example
 * import { alertmanager } from "sightline/monitors";
 * const channel = alertmanager({ url: "http://localhost:9093" });
 */
export function alertmanager(options: AlertmanagerOptions): Channel {
  const isUrl = (value: unknown) => typeof value === "string" || typeof value === "function";
  checkOptions("alertmanager", options, {
    ...COMMON,
    url: URL_TEXT,
    generatorUrl: [isUrl, "an address or a function that gives one"],
    severities: OBJECT,
    headers: OBJECT,
  });
  const { name = "alertmanager", clock = systemClock } = options;
  const target = api("alertmanager", { ...options, name });
  const path = "/api/v2/alerts";
  return {
    name,
    actions: WITHOUT_ACKNOWLEDGE,
    repeatMs: REPEAT_MS,
    async send(notification, _thread, signal) {
      await request(target, signal, { path, body: postableAlerts(notification, clock.epochMs(), options) });
    },
    preview(notification) {
      return shownRequest(target, postableAlerts(notification, clock.epochMs(), options), { path });
    },
  };
}

import { checkOptions } from "../../core/check-options.ts";
import { systemClock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Channel, Notification } from "./notification.ts";
import { type ChannelOptions, COMMON, OBJECT, TEXT, URL_TEXT } from "./options.ts";
import { type PostableAlert, postableAlerts } from "./postable-alert.ts";
import { api, request, shownRequest } from "./request.ts";
import { signature } from "./signature.ts";
import { clip, linkHref, oneLine, plain, shortHash } from "./text.ts";

export interface WebhookOptions extends ChannelOptions {
  readonly url: string | URL;
  /** Signs every message: see `verifyWebhook`. At least 16 characters. */
  readonly secret?: string;
  readonly headers?: { readonly [name: string]: string };
  /** Where people find more: `externalURL` of the format. */
  readonly externalUrl?: string;
}

/** Alertmanager's message, version 4, and what it has no place for. */
export interface WebhookMessage {
  readonly version: "4";
  /** The notification's: the same whenever it is sent again. */
  readonly id: string;
  readonly action: Notification["action"];
  readonly incident?: string;
  readonly groupKey: string;
  readonly truncatedAlerts: number;
  readonly status: "firing" | "resolved";
  readonly receiver: string;
  readonly groupLabels: { readonly [name: string]: string };
  readonly commonLabels: { readonly [name: string]: string };
  readonly commonAnnotations: { readonly [name: string]: string };
  readonly externalURL: string;
  readonly alerts: readonly (Required<PostableAlert> & {
    readonly status: "firing" | "resolved";
    readonly fingerprint: string;
  })[];
}

const MIN_SECRET = 16;
/** A message stays within 1 MB even with the longest labels. */
const MAX_ALERTS = 50;
/** How Go writes a time that is not there, and Alertmanager the end of what still fires. */
const NO_TIME = "0001-01-01T00:00:00Z";

/**
 * Posts messages to any address in the format of Alertmanager's webhooks (version 4), which many receivers read already, with
 * `id` and `action` besides. Headers: `x-sightline-id`, the same for each attempt, and with `secret`
 * `x-sightline-signature`. Any 2xx takes it; 408, 425, 429, 5xx and failed connections are tried again.
 *
 * @throws ConfigError for an address, header or secret that cannot be used, and for credentials over plain http
 * @example
 * import { webhook } from "sightline/monitors";
 * const channel = webhook({ url: "https://hooks.example/sightline", secret: "a secret of sixteen or more characters" });
 */
export function webhook(options: WebhookOptions): Channel {
  checkOptions("webhook", options, { ...COMMON, url: URL_TEXT, secret: TEXT, headers: OBJECT, externalUrl: TEXT });
  const { name = "webhook", secret, clock = systemClock } = options;
  if (secret !== undefined && secret.length < MIN_SECRET) {
    const way = "crypto.randomBytes(32).toString('hex') makes one";
    throw new ConfigError("CONFIG_CHANNEL", `webhook({ secret }) needs ${MIN_SECRET} characters or more; ${way}.`);
  }
  const target = api("webhook", {
    ...options,
    name,
    secrets: [...pathSecrets(options.url), ...(secret ? [secret] : [])],
  });
  const message = (notification: Notification) => webhookMessage(notification, clock.epochMs(), options);
  return {
    name,
    async send(notification, _thread, signal) {
      const body = JSON.stringify(message(notification));
      const headers: { [name: string]: string } = { "x-sightline-id": idOf(notification) };
      if (secret !== undefined) headers["x-sightline-signature"] = signature(body, secret, clock.epochMs());
      await request(target, signal, { body, headers });
    },
    preview(notification) {
      const own = ["x-sightline-id", ...(secret === undefined ? [] : ["x-sightline-signature"])];
      const headers = { ...target.headers, ...Object.fromEntries(own.map((header) => [header, ""])) };
      return shownRequest({ ...target, headers }, message(notification));
    },
  };
}

/** The body that a message becomes. */
export function webhookMessage(
  notification: Notification,
  nowMs: number,
  options: { readonly name?: string; readonly externalUrl?: string } = {},
): WebhookMessage {
  const { key, action, title, text } = notification;
  const shown = { ...notification, alerts: notification.alerts.slice(0, MAX_ALERTS) };
  const postable = postableAlerts(shown, nowMs);
  const alerts = postable.map(({ endsAt, generatorURL = "", ...alert }, at) => ({
    status: endsAt === undefined ? ("firing" as const) : ("resolved" as const),
    ...alert,
    endsAt: endsAt ?? NO_TIME,
    generatorURL,
    fingerprint: shown.alerts[at]?.fingerprint ?? shortHash(key),
  }));
  return {
    version: "4",
    id: notification.id,
    action,
    ...(notification.incidentId !== undefined && { incident: notification.incidentId }),
    groupKey: key,
    truncatedAlerts: notification.alerts.length - shown.alerts.length,
    status: action === "resolve" ? "resolved" : "firing",
    receiver: options.name ?? "sightline",
    groupLabels: { key },
    commonLabels: { ...common(alerts.map(({ labels }) => labels)), severity: notification.severity },
    commonAnnotations: { summary: clip(oneLine(title), 1024), description: clip(plain(text), 4096) },
    externalURL: linkHref(options.externalUrl) ?? "",
    alerts,
  };
}

/** What all of them have in common. */
function common(sets: readonly { readonly [name: string]: string }[]): { [name: string]: string } {
  const [first = {}, ...rest] = sets;
  return Object.fromEntries(Object.entries(first).filter(([name, value]) => rest.every((set) => set[name] === value)));
}

/** As a header may hold it. */
function idOf({ id }: Notification): string {
  return clip(oneLine(id), 200).replace(/[^\x20-\x7e]/g, "_");
}

/** Many services have their secret in the path: `https://hooks.example/catch/123/abcdef`. */
function pathSecrets(address: string | URL): string[] {
  const url = URL.canParse(String(address)) ? new URL(address) : undefined;
  return url === undefined ? [] : url.pathname.split("/").filter((part) => part.length >= 16);
}

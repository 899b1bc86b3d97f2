import { checkOptions } from "../../core/check-options.ts";
import { ConfigError, SinkError } from "../../core/errors.ts";
import type { Channel, Notification, Thread } from "./notification.ts";
import { type ChannelOptions, COMMON, TEXT, URL_TEXT } from "./options.ts";
import { type Api, api, request, shownRequest } from "./request.ts";
import { type SlackMessage, slackMessage, slackReply } from "./slack-message.ts";
import { clip, oneLine } from "./text.ts";

export interface SlackOptions extends ChannelOptions {
  /** An incoming webhook: plain messages, as it tells nobody where they are. */
  readonly webhookUrl?: string | URL;
  /** A bot token (`xoxb-…`) with the scope `chat:write`: one message for each key, kept up to date, and a thread below it. */
  readonly token?: string;
  /** With `token`: the channel's id, or its name with `#`. */
  readonly channel?: string;
  /** With `token`. Default: `https://slack.com/api`. */
  readonly apiUrl?: string | URL;
}

/** A message a second in one channel is what Slack allows. */
const INTERVAL_MS = 1_000;
/** What passes, of the errors that come with a status of 200. All others are the message's or the configuration's fault. */
const PASSING: ReadonlySet<string> = new Set([
  "accesslimited",
  "fatal_error",
  "internal_error",
  "message_limit_exceeded",
  "org_login_required",
  "rate_limited",
  "ratelimited",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
]);
/** The first message is gone, or may not be changed any more: the thread tells it alone. */
const UNCHANGEABLE: ReadonlySet<string> = new Set([
  "cant_update_message",
  "channel_not_found",
  "edit_window_closed",
  "is_inactive",
  "message_not_found",
]);

/**
 * Tells a Slack channel. With a token, the first message of a key is changed in place as it goes on (its end is seen without
 * scrolling), and each change is told in its thread; with a webhook each is a message of its own. Rate limits and Slack's own
 * faults are tried again; wrong tokens, channels and messages are final.
 *
 * @throws ConfigError for anything but either a webhook or a token and a channel
 * @example
 * import { slack } from "sightline/monitors";
 * const channel = slack({ token: process.env["SLACK_TOKEN"] ?? "xoxb-1", channel: "#ai-operations" });
 */
export function slack(options: SlackOptions): Channel {
  checkOptions("slack", options, {
    ...COMMON,
    webhookUrl: URL_TEXT,
    token: [(value) => typeof value === "string" && value.trim() !== "" && !/\s/.test(value), "a token"],
    channel: TEXT,
    apiUrl: URL_TEXT,
  });
  const { name = "slack", webhookUrl, token, channel } = options;
  const isWebhook = webhookUrl !== undefined && token === undefined && channel === undefined;
  const isBot = webhookUrl === undefined && token !== undefined && channel !== undefined;
  if (!isWebhook && !isBot) {
    throw new ConfigError("CONFIG_CHANNEL", "slack() takes either webhookUrl, or token and channel.");
  }
  const common = { ...options, name, isSecret: true };
  if (isWebhook) return webhookChannel(api("slack", { ...common, url: webhookUrl, secrets: secretsOf(webhookUrl) }));
  const headers = { authorization: `Bearer ${asHeader(token!)}` };
  return botChannel(api("slack", { ...common, url: options.apiUrl ?? "https://slack.com/api", headers }), channel!);
}

function webhookChannel(target: Api): Channel {
  return {
    name: target.name,
    intervalMs: INTERVAL_MS,
    async send(notification, _thread, signal) {
      await request(target, signal, { body: slackMessage(notification) });
    },
    preview: (notification) => shownRequest(target, slackMessage(notification)),
  };
}

function botChannel(target: Api, channel: string): Channel {
  const call = async (
    method: string,
    body: object,
    signal: AbortSignal,
  ): Promise<{ ts?: unknown; channel?: unknown }> => {
    const answer = await request(target, signal, { path: `/${method}`, body });
    const { ok, error, ...rest } = (answer.json() ?? {}) as { ok?: unknown; error?: unknown };
    if (ok === true) return rest;
    const code = typeof error === "string" ? clip(oneLine(error), 100) : "no answer of Slack's";
    const retry = PASSING.has(code) || typeof error !== "string" ? "later" : "never";
    const retryAfterMs = retry === "later" ? answer.retryAfterMs : undefined;
    throw new SinkError(`channel "${target.name}": ${method}: ${code}`, { retry, retryAfterMs, code });
  };

  return {
    name: target.name,
    intervalMs: INTERVAL_MS,
    async send(notification, thread, signal) {
      const { ts, channel: id } = thread ?? {};
      if (ts === undefined || id === undefined) {
        const posted = await call("chat.postMessage", firstBody(channel, notification), signal);
        return threadOf(posted);
      }
      // First, as it may be done twice: when the reply fails, both are tried again.
      await call("chat.update", { channel: id, ts, ...slackMessage(notification) }, signal).catch(
        (error: SinkError) => {
          if (!UNCHANGEABLE.has(error.code)) throw error;
        },
      );
      await call("chat.postMessage", replyBody(id, ts, notification), signal);
      return thread;
    },
    preview(notification, thread) {
      const { ts, channel: id } = thread ?? {};
      const post = (body: object) => shownRequest(target, body, { path: "/chat.postMessage" });
      if (ts === undefined || id === undefined) return post(firstBody(channel, notification));
      const update = { channel: id, ts, ...slackMessage(notification) };
      return [shownRequest(target, update, { path: "/chat.update" }), post(replyBody(id, ts, notification))];
    },
  };
}

function firstBody(channel: string, notification: Notification): object {
  return { channel, unfurl_links: false, unfurl_media: false, ...slackMessage(notification) };
}

function replyBody(channel: string, ts: string, notification: Notification): object {
  const reply: SlackMessage = slackReply(notification);
  return { channel, thread_ts: ts, unfurl_links: false, unfurl_media: false, ...reply };
}

/** `chat.update` wants the id of the channel, which the answer has even where a name was given. */
function threadOf({ ts, channel }: { ts?: unknown; channel?: unknown }): Thread | undefined {
  return typeof ts === "string" && typeof channel === "string" ? { ts, channel } : undefined;
}

/** All of a webhook's address but its host is a secret. */
function secretsOf(address: string | URL): string[] {
  const url = URL.canParse(String(address)) ? new URL(address) : undefined;
  return url === undefined
    ? []
    : [url.pathname.slice(1), ...url.pathname.split("/").filter((part) => part.length >= 8)];
}

/** What no header can hold would make an error that shows it. */
function asHeader(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new ConfigError("CONFIG_CHANNEL", "slack({ token }) must be printable ASCII.");
}

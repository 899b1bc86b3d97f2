import type { Severity } from "../alerts/alert.ts";
import type { Notification } from "./notification.ts";
import { titled } from "./options.ts";
import { clip, clipEscaped, linkHref, oneLine, plain } from "./text.ts";

/** `text` is what notifications and screen readers show. */
export interface SlackMessage {
  readonly text: string;
  readonly blocks: readonly object[];
}

/** Slack's limits: https://docs.slack.dev/reference/block-kit/blocks. */
const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
const MAX_FIELDS = 10;
/**
 * Of our own. Slack takes 2,000 for each field, but no more than about 13,000 characters in all blocks together
 * (slackapi/bolt-js#2509): 150 + 3,000 + 10 × 300 + 3,000 + 2,000 are less.
 */
const MAX_FIELD = 300;
const MAX_CONTEXT = 2_000;
const MAX_FALLBACK = 1_000;

/** The three characters that Slack's markup gives a meaning: without them nobody is mentioned and nothing is linked. */
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

const EMOJI: { readonly [severity in Severity]: string } = {
  sev1: "🔴",
  sev2: "🟠",
  sev3: "🟡",
  sev4: "🔵",
};

/** The message in full: what stands in the channel, and is kept up to date there. */
export function slackMessage(notification: Notification): SlackMessage {
  const { severity, action, facts, alerts, links } = notification;
  const title = titleOf(notification);
  const blocks: object[] = [
    {
      type: "header",
      text: { type: "plain_text", text: clip(`${emoji(notification)} ${title}`, MAX_HEADER), emoji: true },
    },
    ...section(notification.text, MAX_SECTION),
  ];
  const shown = Object.entries(facts)
    .slice(0, 3 * MAX_FIELDS)
    .filter(([name, value]) => oneLine(name) !== "" && plain(value).trim() !== "");
  const fields = shown.slice(0, MAX_FIELDS).map(([name, value]) => {
    const text = `*${clipEscaped(oneLine(name), 60, ESCAPES)}*\n${clipEscaped(plain(value).trim(), MAX_FIELD - 64, ESCAPES)}`;
    return { type: "mrkdwn", text };
  });
  if (fields.length > 0) blocks.push({ type: "section", fields });
  // One alert is the title already.
  if (alerts.length > 1 && plain(notification.text).trim() === "") {
    blocks.push(...section(alerts.map(({ message }) => `• ${oneLine(message)}`).join("\n"), MAX_SECTION));
  }
  const line = linkLine(links);
  if (line !== "") blocks.push({ type: "context", elements: [{ type: "mrkdwn", text: line }] });
  const text = clipEscaped(`[${severity.toUpperCase()}] ${title}`, MAX_FALLBACK, ESCAPES);
  return { text: action === "resolve" ? `✅ ${text}` : text, blocks };
}

/** What is added to the thread: the change, without what stands above it. */
export function slackReply(notification: Notification): SlackMessage {
  const text = clipEscaped(`${emoji(notification)} ${titleOf(notification)}`, MAX_FALLBACK, ESCAPES);
  return {
    text,
    blocks: [
      ...section(`${emoji(notification)} ${titleOf(notification)}`, MAX_FALLBACK),
      ...section(notification.text, MAX_SECTION),
    ],
  };
}

function titleOf({ action, title }: Notification): string {
  return titled(action, title);
}

function emoji({ action, severity }: Notification): string {
  return action === "resolve" ? "✅" : action === "acknowledge" ? "👀" : EMOJI[severity];
}

/** Empty sections are refused. */
function section(text: string, max: number): object[] {
  const escaped = clipEscaped(plain(text).trim(), max, ESCAPES);
  return escaped === "" ? [] : [{ type: "section", text: { type: "mrkdwn", text: escaped } }];
}

/** `<https://…|Runbook>`, as many as there is room for: half a link would be none. */
function linkLine(links: Notification["links"]): string {
  let line = "";
  for (const { text, href } of links) {
    const safe = linkHref(href);
    if (safe === undefined) continue;
    const name = clipEscaped(oneLine(text).replaceAll("|", "/") || "Link", 100, ESCAPES);
    const next = `${line === "" ? "" : " · "}<${safe.replaceAll("&", "&amp;")}|${name}>`;
    if (line.length + next.length <= MAX_CONTEXT) line += next;
  }
  return line;
}

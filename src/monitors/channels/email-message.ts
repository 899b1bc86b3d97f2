import type { Severity } from "../alerts/alert.ts";
import type { Notification, Thread } from "./notification.ts";
import { titled } from "./options.ts";
import { clip, isoTime, linkHref, oneLine, plain, shortHash } from "./text.ts";

/** What nodemailer's `sendMail` takes, of which we use this much. */
export interface MailMessage {
  from: string;
  to: string | string[];
  subject: string;
  text: string;
  html: string;
  date: Date;
  messageId: string;
  inReplyTo?: string;
  references?: string[];
  priority: "high" | "normal" | "low";
  headers: { [name: string]: string };
}

export interface Envelope {
  readonly from: string;
  readonly to: string | readonly string[];
}

/** Longer ones are cut by the programs that show them. */
const MAX_SUBJECT = 200;
/** RFC 5322, 2.1.1: a line has 998 characters; folding would break what is no list of words. */
const MAX_HEADER = 300;
/** Enough for a day; `References` of any length is allowed, and some servers refuse it. */
const MAX_REFERENCES = 20;

const COLOURS: { readonly [severity in Severity]: string } = {
  sev1: "#b00020",
  sev2: "#c2410c",
  sev3: "#a16207",
  sev4: "#1d4ed8",
};

/** The mail that a message becomes, and what has to be remembered for the next one of its key. */
export function emailMessage(
  notification: Notification,
  { from, to }: Envelope,
  thread?: Thread,
): { message: MailMessage; thread: Thread } {
  const { id, key, action, severity, time } = notification;
  const domain = /@([\w.-]+)/.exec(from)?.[1] ?? "sightline.invalid";
  // The same for each attempt: who gets it twice sees it once.
  const messageId = `<${shortHash(`${id} ${action}`)}.${shortHash(key)}@${domain}>`;
  const earlier = (thread?.["references"] ?? "").split(" ").filter((one) => /^<[^<>\s]+>$/.test(one));
  const subject = thread?.["subject"] ?? subjectOf(notification);
  const message: MailMessage = {
    from,
    to: typeof to === "string" ? to : [...to],
    subject: earlier.length === 0 ? subject : replySubject(action, subject),
    text: textOf(notification),
    html: htmlOf(notification),
    date: new Date(isoTime(time)),
    messageId,
    ...(earlier.length > 0 && { inReplyTo: earlier.at(-1)!, references: earlier }),
    priority: severity === "sev1" || severity === "sev2" ? "high" : "normal",
    headers: {
      "X-Sightline-Id": header(id),
      "X-Sightline-Key": header(key),
      "X-Sightline-Action": action,
      "X-Sightline-Severity": severity,
      // RFC 3834: nobody's holiday note answers it.
      "Auto-Submitted": "auto-generated",
    },
  };
  // The first one stays: programs sort by it.
  const references = [...new Set([...earlier, messageId])];
  const kept = [...references.slice(0, 1), ...references.slice(1).slice(1 - MAX_REFERENCES)];
  return { message, thread: { references: kept.join(" "), subject } };
}

function subjectOf({ action, severity, title }: Notification): string {
  return clip(`[${severity.toUpperCase()}] ${titled(action, title)}`, MAX_SUBJECT);
}

/** Mail programs leave `Re:` out as they gather threads; the end has to be seen in a list of subjects. */
function replySubject(action: Notification["action"], subject: string): string {
  const said = titled(action, subject);
  return said === subject ? `Re: ${subject}` : said;
}

/** ASCII only: other characters would be encoded in words, which no filter for a key finds. */
function header(text: string): string {
  return clip(oneLine(text).replace(/[^\x20-\x7e]/g, "?"), MAX_HEADER).replace("…", "");
}

function textOf(notification: Notification): string {
  const { title, text, facts, links } = notification;
  const parts = [
    headline(notification, title),
    plain(text).trim(),
    factsOf(facts)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
    linksOf(links)
      .map(({ text: name, href }) => `${name}: ${href}`)
      .join("\n"),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** Self-contained: nothing is loaded from anywhere, and styles stand where programs keep them. */
function htmlOf(notification: Notification): string {
  const { severity, action, title, text, facts, links } = notification;
  const colour = action === "resolve" ? "#15803d" : COLOURS[severity];
  const rows = factsOf(facts).map(([name, value]) => {
    return `<tr><td style="padding:2px 12px 2px 0;color:#666">${escaped(name)}</td><td>${escaped(value)}</td></tr>`;
  });
  const items = linksOf(links).map(({ text: name, href }) => {
    return `<li><a href="${escaped(href)}" rel="noreferrer">${escaped(name)}</a></li>`;
  });
  return [
    `<!doctype html><html><head><meta charset="utf-8"></head>`,
    `<body style="font:14px/1.5 sans-serif;color:#222;max-width:640px">`,
    `<h2 style="margin:0 0 12px;padding-left:10px;border-left:6px solid ${colour};font-size:18px">`,
    `${escaped(headline(notification, title))}</h2>`,
    `<p style="white-space:pre-wrap">${escaped(plain(text).trim())}</p>`,
    rows.length > 0 ? `<table style="border-collapse:collapse;font-size:13px">${rows.join("")}</table>` : "",
    items.length > 0 ? `<ul>${items.join("")}</ul>` : "",
    `</body></html>\n`,
  ].join("\n");
}

function headline({ severity, action }: Notification, title: string): string {
  return `${severity.toUpperCase()} ${titled(action, title)}`;
}

function factsOf(facts: Notification["facts"]): [string, string][] {
  return Object.entries(facts).map(([name, value]) => [oneLine(name), oneLine(value)]);
}

function linksOf(links: Notification["links"]): { text: string; href: string }[] {
  return links.flatMap(({ text, href }) => {
    const safe = linkHref(href);
    return safe === undefined ? [] : [{ text: oneLine(text) || safe, href: safe }];
  });
}

function escaped(text: string): string {
  const entities: { [character: string]: string } = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

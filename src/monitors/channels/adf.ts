import type { Notification } from "./notification.ts";
import { titled } from "./options.ts";
import { clip, clipEscaped, isoTime, linkHref, oneLine, plain } from "./text.ts";

/** A node of the Atlassian Document Format: what Jira's REST API v3 takes in place of text. */
export interface AdfNode {
  readonly type: string;
  readonly attrs?: object;
  readonly marks?: readonly object[];
  readonly content?: readonly AdfNode[];
  readonly text?: string;
}

export interface AdfDocument {
  readonly version: 1;
  readonly type: "doc";
  readonly content: readonly AdfNode[];
}

/** Jira refuses documents of more than 32,767 characters: with these, ours have fewer even with their markup and escapes. */
const MAX_TEXT = 5_000;
const MAX_LINES = 60;
const MAX_ITEMS = 20;
const MAX_ITEM = 150;
const MAX_HREF = 400;

/** A message as a document. Texts are never empty, which the format does not allow. */
export function adfDocument(notification: Notification): AdfDocument {
  const { action, severity, title, text, facts, links, time } = notification;
  const head = `${severity.toUpperCase()} ${titled(action, title)}`;
  const lines = clip(plain(text), MAX_TEXT).split("\n").slice(0, MAX_LINES);
  const items = [
    ...Object.entries(facts).map(([name, value]) => [
      textNode(`${clip(oneLine(name), 60)}: ${clip(oneLine(value), MAX_ITEM)}`),
    ]),
    ...links.flatMap(({ text: name, href }) => {
      const safe = linkHref(href);
      if (safe === undefined || safe.length > MAX_HREF) return [];
      return [[textNode(clip(oneLine(name) || safe, MAX_ITEM), [{ type: "link", attrs: { href: safe } }])]];
    }),
  ].slice(0, MAX_ITEMS);
  const list = items.map((content) => ({ type: "listItem", content: [{ type: "paragraph", content }] }));
  return {
    version: 1,
    type: "doc",
    content: [
      { type: "paragraph", content: [textNode(clip(head, 500), [{ type: "strong" }])] },
      ...lines.flatMap((line) => (line.trim() === "" ? [] : [{ type: "paragraph", content: [textNode(line)] }])),
      ...(list.length > 0 ? [{ type: "bulletList", content: list }] : []),
      { type: "paragraph", content: [textNode(isoTime(time), [{ type: "em" }])] },
    ],
  };
}

function textNode(text: string, marks?: readonly object[]): AdfNode {
  return { type: "text", text, ...(marks && { marks }) };
}

function markless(text: string, max: number): string {
  return clipEscaped(text, max, MARKUP);
}

/** The same for API v2, in Jira's older markup: what would be markup in the texts is escaped. */
export function jiraText(notification: Notification): string {
  const { action, severity, title, text, facts, links, time } = notification;
  const shown = links.flatMap(({ text: name, href }) => {
    const safe = linkHref(href);
    return safe === undefined || safe.length > MAX_HREF ? [] : [`* [${markless(oneLine(name), MAX_ITEM)}|${safe}]`];
  });
  const parts = [
    `${severity.toUpperCase()} ${markless(titled(action, title), 500)}`,
    markless(plain(text).trim(), 2 * MAX_TEXT),
    ...Object.entries(facts)
      .slice(0, MAX_ITEMS)
      .map(([name, value]) => `* ${markless(oneLine(name), 60)}: ${markless(oneLine(value), MAX_ITEM)}`),
    ...shown.slice(0, MAX_ITEMS),
    isoTime(time),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** Macros, images, mentions and links. A backslash of the text's own could escape ours. */
const MARKUP: { readonly [character: string]: string } = {
  ...Object.fromEntries([..."{}[]!|~^*"].map((character) => [character, `\\${character}`])),
  "\\": "&#92;",
};

/** What each vendor is sent, against its own schema or table of fields. */
import assert from "node:assert/strict";
import { Ajv, type ValidateFunction } from "ajv";
import { jiraComment, jiraIssue, jiraSearch } from "../../src/monitors/channels/jira.ts";
import { normal } from "../../src/monitors/channels/normal.ts";
import type { Notification } from "../../src/monitors/channels/notification.ts";
import { pagerDutyEvent } from "../../src/monitors/channels/pagerduty.ts";
import { postableAlerts } from "../../src/monitors/channels/postable-alert.ts";
import { slackMessage, slackReply } from "../../src/monitors/channels/slack-message.ts";
import { webhookMessage } from "../../src/monitors/channels/webhook.ts";
import { postableAlertsSchema, webhookSchema } from "../monitors/schemas/alertmanager.ts";
import { jiraCommentSchema, jiraIssueSchema, jiraSearchSchema } from "../monitors/schemas/jira.ts";
import { PAGERDUTY_MAX_BYTES, pagerDutySchema } from "../monitors/schemas/pagerduty.ts";
import { SLACK_MAX_CHARACTERS, slackMessageSchema } from "../monitors/schemas/slack.ts";
import { alertOf, messageOf, START } from "./notifications.ts";

export const ajv: Ajv = new Ajv({ allErrors: false });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/);
ajv.addFormat("uri", (text) => URL.canParse(text) && /^[\x21-\x7e]+$/.test(text) && !/[<>"|\\^`{}]/.test(text));

export const checks: { readonly [name: string]: ValidateFunction } = {
  pagerDuty: ajv.compile(pagerDutySchema),
  slack: ajv.compile(slackMessageSchema),
  jiraIssue3: ajv.compile(jiraIssueSchema(3)),
  jiraIssue2: ajv.compile(jiraIssueSchema(2)),
  jiraComment3: ajv.compile(jiraCommentSchema(3)),
  jiraComment2: ajv.compile(jiraCommentSchema(2)),
  jiraSearch: ajv.compile(jiraSearchSchema),
  alertmanager: ajv.compile(postableAlertsSchema),
  webhook: ajv.compile(webhookSchema),
};

function fits(name: string, payload: unknown): void {
  // As it arrives: through JSON.
  const check = checks[name]!;
  const arrived = JSON.parse(JSON.stringify(payload));
  assert.ok(check(arrived), `${name}: ${ajv.errorsText(check.errors)} in ${JSON.stringify(arrived).slice(0, 2_000)}`);
}

export const routingKey: string = "0".repeat(32);

export function allFit(notification: Notification): void {
  const event = pagerDutyEvent(notification, {
    routingKey,
    source: notification.title,
    clientUrl: "https://x.example/ü",
  });
  fits("pagerDuty", event);
  assert.ok(Buffer.byteLength(JSON.stringify(event)) <= PAGERDUTY_MAX_BYTES);
  for (const message of [slackMessage(notification), slackReply(notification)]) {
    fits("slack", message);
    assert.ok(textLength(message.blocks) <= SLACK_MAX_CHARACTERS, `${textLength(message.blocks)} characters`);
  }
  for (const apiVersion of [2, 3] as const) {
    fits(`jiraIssue${apiVersion}`, jiraIssue(notification, { project: "OPS", apiVersion, labels: ["ai"] }));
    fits(`jiraComment${apiVersion}`, jiraComment(notification, apiVersion));
    const text = JSON.stringify((jiraComment(notification, apiVersion) as { body: unknown }).body);
    // The schema has the limit for texts; for documents Jira's is told in words: 32,767 characters.
    assert.ok(apiVersion === 2 || text.length <= 32_767, `${text.length} characters of ADF`);
  }
  fits("jiraSearch", jiraSearch(notification, "OPS"));
  fits("alertmanager", postableAlerts(notification, START));
  fits("webhook", webhookMessage(notification, START));
}

/** The characters of all texts, however deep. */
function textLength(value: unknown): number {
  if (typeof value === "string") return value.length;
  return typeof value === "object" && value !== null
    ? Object.entries(value).reduce((sum, [key, inner]) => sum + (key === "type" ? 0 : textLength(inner)), 0)
    : 0;
}

/** A message whose every text is made of this and longer than any vendor takes. */
export function longFits(unit: string): void {
  const text = unit.repeat(2_500);
  const facts = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}${text}`, text]));
  const links = Array.from({ length: 60 }, (_, i) => ({ text, href: `https://x.example/${i}${encodeURI(text)}` }));
  const labels = { [`a${text}`]: text, b: text };
  const one = alertOf({ message: text, labels, rule: { name: text, labels, summary: text }, traces: [text] });
  const given = messageOf({
    title: text,
    text: unit.repeat(30_000),
    facts,
    links,
    alerts: Array(12).fill(one),
    incidentId: text,
  });
  allFit(given);
  allFit(normal(given, START, undefined));
}

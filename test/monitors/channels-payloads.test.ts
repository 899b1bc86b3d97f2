/** What each vendor is sent, against its own schema or table of fields, whatever the texts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv, type ValidateFunction } from "ajv";
import fc from "fast-check";
import { jiraComment, jiraIssue, jiraSearch } from "../../src/monitors/channels/jira.ts";
import { normal } from "../../src/monitors/channels/normal.ts";
import type { Notification } from "../../src/monitors/channels/notification.ts";
import { pagerDutyEvent } from "../../src/monitors/channels/pagerduty.ts";
import { labelSet, postableAlerts } from "../../src/monitors/channels/postable-alert.ts";
import { slackMessage, slackReply } from "../../src/monitors/channels/slack-message.ts";
import { webhookMessage } from "../../src/monitors/channels/webhook.ts";
import { alertOf, messageOf, rule, START } from "../support/notifications.ts";
import { postableAlertsSchema, webhookSchema } from "./schemas/alertmanager.ts";
import { jiraCommentSchema, jiraIssueSchema, jiraSearchSchema } from "./schemas/jira.ts";
import { PAGERDUTY_MAX_BYTES, pagerDutySchema } from "./schemas/pagerduty.ts";
import { SLACK_MAX_CHARACTERS, slackMessageSchema } from "./schemas/slack.ts";

const ajv = new Ajv({ allErrors: false });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/);
ajv.addFormat("uri", (text) => URL.canParse(text) && /^[\x21-\x7e]+$/.test(text) && !/[<>"|\\^`{}]/.test(text));

const checks: { readonly [name: string]: ValidateFunction } = {
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

const routingKey = "0".repeat(32);

function allFit(notification: Notification): void {
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

const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    "",
    " ",
    "\n\n",
    "<!channel> <@U1> <https://evil.example|click>",
    "&lt;&amp;&",
    "\r\nBcc: all@example.com",
    "\u0000\u001b[2J\u2028",
    "\ud800",
    "{panel}[~admin]!x.png|width=1!{code}",
    "__proto__",
    'a"b\\c',
    "💥".repeat(20),
  ),
  fc
    .tuple(fc.constantFrom("<", "&", "💥", "a ", "\n", "[", "\ud83d"), fc.integer({ min: 1, max: 3_000 }))
    .map(([unit, count]) => unit.repeat(count)),
);
const dictionary = fc.dictionary(hostile, hostile, { maxKeys: 6 });
const link = fc.record({
  text: hostile,
  href: fc.oneof(hostile, fc.webUrl({ withQueryParameters: true }), fc.constant("javascript:alert(1)")),
});
const time = fc.oneof(fc.constantFrom(START, 0, -1, 8.64e15, Number.NaN), fc.integer());
const alert = fc.record({
  fingerprint: fc.string({ minLength: 1, maxLength: 20 }),
  name: hostile,
  labels: dictionary,
  own: dictionary,
  message: hostile,
  traces: fc.array(hostile, { maxLength: 5 }),
  startedAt: time,
  state: fc.constantFrom("firing", "resolved", "no_data" as const),
});
const notification: fc.Arbitrary<Notification> = fc
  .record({
    key: fc.string({ minLength: 1, maxLength: 300 }),
    action: fc.constantFrom("trigger", "update", "acknowledge", "resolve" as const),
    severity: fc.constantFrom("sev1", "sev2", "sev3", "sev4" as const),
    title: hostile,
    text: hostile,
    time,
    alerts: fc.array(alert, { maxLength: 4 }),
    facts: dictionary,
    links: fc.array(link, { maxLength: 5 }),
    incidentId: hostile,
  })
  .map(({ alerts, ...message }) => ({
    ...message,
    id: "an id",
    alerts: alerts.map(({ name, labels, own, ...given }) =>
      alertOf({ ...given, labels, rule: { name, labels: own, runbook: given.message, summary: name } }),
    ),
  }));

test("an ordinary message has every vendor's form", () => {
  for (const action of ["trigger", "update", "acknowledge", "resolve"] as const) allFit(messageOf({ action }));
  allFit(messageOf({ alerts: [], facts: {}, links: [], text: "", title: "" }));
});

test("a message as long as can be has every vendor's form", () => {
  for (const unit of ["&", "💥", "a\n", "\\"]) {
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
});

test("whatever the texts of a message are, it has every vendor's form", () => {
  fc.assert(fc.property(notification, allFit), { numRuns: 30 });
});

test("whatever a message is, as the notifier keeps it it has every vendor's form and a key of 255 characters", () => {
  fc.assert(
    fc.property(notification, (given) => {
      const kept = normal(given, START, (id) => `https://traces.example/${id}`);
      assert.ok(kept.key.length <= 255);
      assert.deepEqual(JSON.parse(JSON.stringify(kept)), kept);
      allFit(kept);
    }),
    { numRuns: 15 },
  );
});

test("the schemas refuse what the vendors refuse", () => {
  const refused = (name: string, payload: unknown) => assert.equal(checks[name]!(payload), false, name);
  const event: any = pagerDutyEvent(messageOf(), { routingKey });
  refused("pagerDuty", { ...event, dedup_key: "x".repeat(256) });
  refused("pagerDuty", { ...event, payload: { ...event.payload, severity: "sev2" } });
  refused("slack", { text: "<!channel>", blocks: slackMessage(messageOf()).blocks });
  refused("slack", { text: "x", blocks: [{ type: "section", text: { type: "mrkdwn", text: "" } }] });
  refused("alertmanager", [{ labels: { alertname: "x", severity: "sev1", "team-a": "x" } }]);
  refused("jiraComment3", {
    body: { version: 1, type: "doc", content: [{ type: "paragraph", content: [{ type: "text", text: "" }] }] },
  });
});

test("PagerDuty gets the severity by its own names, and no payload with an acknowledgement or a resolve", () => {
  const payload = (severity: Notification["severity"]) =>
    (pagerDutyEvent(messageOf({ severity }), { routingKey }) as any).payload;
  assert.deepEqual(
    (["sev1", "sev2", "sev3", "sev4"] as const).map((severity) => payload(severity).severity),
    ["critical", "error", "warning", "info"],
  );
  const { component, group, class: kind, timestamp } = payload("sev2");
  assert.deepEqual(
    { component, group, kind, timestamp },
    { component: "summarizer", group: "alpha", kind: "error_rate", timestamp: "2026-01-01T00:00:00.000Z" },
  );
  assert.deepEqual(pagerDutyEvent(messageOf({ action: "resolve" }), { routingKey }), {
    routing_key: routingKey,
    dedup_key: "inc_1",
    event_action: "resolve",
  });
  assert.equal((pagerDutyEvent(messageOf({ action: "update" }), { routingKey }) as any).event_action, "trigger");
});

test("nobody in Slack is mentioned by what a text says, and links lead only to http and https", () => {
  const bad = "<!channel> <@U123> <#C1> & <https://evil.example|click>";
  const links = [
    { text: bad, href: "https://x.example/?a=1&b=<c>|d" },
    { text: "no", href: "javascript:alert(1)" },
  ];
  const message = slackMessage(messageOf({ title: bad, text: bad, facts: { [bad]: bad }, links, alerts: [] }));
  const inner = JSON.stringify(message.blocks.filter((block: any) => block.type === "section")) + message.text;
  assert.doesNotMatch(inner, /[<>]/);
  const context: any = message.blocks.at(-1);
  assert.equal(
    context.elements[0].text,
    "<https://x.example/?a=1&amp;b=%3Cc%3E%7Cd|&lt;!channel&gt; &lt;@U123&gt; &lt;#C1&gt; &amp; &lt;https://evil.example/click&gt;>",
  );
});

test("what an escape would be cut in two is cut before it", () => {
  const { text } = slackReply(messageOf({ title: "a".repeat(984) + "&".repeat(50) }));
  assert.ok(text.length <= 1_000);
  assert.match(text, /^🟠 a+(?:&amp;)*…$/);
});

test("names of labels become Prometheus', and none is lost where two become the same", () => {
  assert.deepEqual(
    labelSet({ alertname: "A" }, { "team-a": "1", team_a: "2", "9x": "3", "": "4", alertname: "no", empty: " " }),
    { alertname: "A", _: "4", _9x: "3", team_a: "1", team_a_2: "2" },
  );
  const odd = labelSet(JSON.parse('{ "__proto__": "polluted" }'));
  assert.equal(Object.hasOwn(odd, "__proto__"), true);
  assert.equal(({} as any).polluted, undefined);
});

test("an alert that is over has its end, and one that fires has none", () => {
  const over = alertOf({ state: "resolved", resolvedAt: START - 5_000, fingerprint: "f2" });
  const [active, ended] = postableAlerts(messageOf({ action: "update", alerts: [alertOf(), over] }), START);
  assert.equal(active?.endsAt, undefined);
  assert.equal(ended?.endsAt, "2025-12-31T23:59:55.000Z");
  const all = postableAlerts(messageOf({ action: "resolve", alerts: [alertOf()] }), START);
  assert.equal(all[0]?.endsAt, "2026-01-01T00:00:00.000Z");
});

test("after a jump of the clock no alert begins in the future or ends before it began", () => {
  const ahead = alertOf({ startedAt: START + 86_400_000, resolvedAt: START - 86_400_000, state: "resolved" });
  const [alert] = postableAlerts(messageOf({ action: "resolve", alerts: [ahead] }), START);
  assert.equal(alert?.startsAt, "2026-01-01T00:00:00.000Z");
  assert.equal(alert?.endsAt, "2026-01-01T00:00:00.000Z");
});

test("Alertmanager knows an alert again whatever has become of its title, text and figures", () => {
  const labels = (more: Partial<Notification>) => postableAlerts(messageOf(more), START).map((alert) => alert.labels);
  const changed = { action: "resolve", title: "other", text: "other", severity: "sev1", facts: {} } as const;
  assert.deepEqual(labels({ ...changed, alerts: [alertOf({ value: 1, message: "other" })] }), labels({}));
  assert.deepEqual(labels({})[0], {
    alertname: rule.name,
    severity: "sev2",
    team: "alpha",
    feature: "summarizer",
  });
});

test("Jira's markup is not made by what a text says", () => {
  const { body } = jiraComment(messageOf({ text: "{code}x{code} [~admin] !http://x/y.png! \\{quote}" }), 2) as any;
  assert.match(body, /\\{code\\}x\\{code\\} \\\[\\~admin\\\] \\!http:\/\/x\/y\.png\\! &#92;\\{quote\\}/);
});

test("the summary of a Jira issue is one line of 255 characters at most", () => {
  const { fields } = jiraIssue(messageOf({ title: `a\nb ${"x".repeat(400)}` }), { project: "OPS" }) as any;
  assert.equal(fields.summary.length, 255);
  assert.match(fields.summary, /^\[SEV2\] a b x+…$/);
  assert.deepEqual(fields.labels.length, 2);
});

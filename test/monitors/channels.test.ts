/** Each channel against a scripted vendor: what arrives, what becomes of faults, and that no secret is shown. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { createTransport } from "nodemailer";
import { ConfigError, SinkError } from "../../src/core/errors.ts";
import { alertmanager } from "../../src/monitors/channels/alertmanager.ts";
import { consoleChannel } from "../../src/monitors/channels/console.ts";
import { email } from "../../src/monitors/channels/email.ts";
import { jira, jiraComment, jiraIssue } from "../../src/monitors/channels/jira.ts";
import { normal } from "../../src/monitors/channels/normal.ts";
import type { Channel, Notification, Thread } from "../../src/monitors/channels/notification.ts";
import { pagerDuty, pagerDutyEvent } from "../../src/monitors/channels/pagerduty.ts";
import { labelSet, postableAlerts } from "../../src/monitors/channels/postable-alert.ts";
import { signature, verifyWebhook } from "../../src/monitors/channels/signature.ts";
import { slack } from "../../src/monitors/channels/slack.ts";
import { slackMessage, slackReply } from "../../src/monitors/channels/slack-message.ts";
import { webhook } from "../../src/monitors/channels/webhook.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { flakyServer } from "../../src/testing/flaky-server.ts";
import { anyCharacter } from "../support/any-character.ts";
import { type ChannelServers, channelServers, type Fault, SECRETS, type Vendor } from "../support/channel-servers.ts";
import { alertOf, messageOf, rule, START, until } from "../support/notifications.ts";
import { ajv, allFit, checks, longFits, routingKey } from "../support/vendor-forms.ts";
import { slackPostSchema, slackUpdateSchema } from "./schemas/slack.ts";

const SECRET = "s3cretsigningkey0123456789";
const isPost = ajv.compile(slackPostSchema);
const isUpdate = ajv.compile(slackUpdateSchema);
let servers: ChannelServers;
before(async () => {
  servers = await channelServers();
});
after(() => servers.close());

const never = new AbortController().signal;
const send = async (channel: Channel, notification: Notification, thread?: Thread) =>
  (await channel.send(notification, thread, never)) ?? undefined;

async function failure(channel: Channel, notification: Notification = messageOf(), signal = never): Promise<SinkError> {
  const error = await Promise.resolve(channel.send(notification, undefined, signal)).then(
    () => assert.fail("it was taken"),
    (caught) => caught,
  );
  assert.ok(error instanceof SinkError, inspect(error));
  return error;
}

const page = () =>
  pagerDuty({ routingKey: servers.pagerDuty.routingKey, url: servers.pagerDuty.url, timeoutMs: 2_000 });
const bot = (token = servers.slack.token) => slack({ token, channel: "#ops", apiUrl: servers.slack.apiUrl });
const cloud = (more = {}) =>
  jira({ url: servers.jira.url, email: servers.jira.email, token: servers.jira.token, project: "OPS", ...more });
const dataCenter = () => jira({ url: servers.jira.url, personalToken: servers.jira.personalToken, project: "OPS" });
const hook = (more = {}) => webhook({ url: servers.webhook.url, secret: SECRET, ...more });

function allChannels(): { readonly [vendor in Vendor]?: Channel } & { readonly slackHook: Channel } {
  return {
    pagerDuty: page(),
    slack: bot(),
    slackHook: slack({ webhookUrl: servers.slack.webhookUrl }),
    jira: cloud(),
    webhook: hook({ headers: { authorization: `Bearer ${SECRET}` } }),
    alertmanager: alertmanager({ url: servers.alertmanager.url, headers: { authorization: `Bearer ${SECRET}` } }),
  };
}

test("PagerDuty triggers, acknowledges and resolves one incident by its key", async () => {
  const states: string[] = [];
  for (const action of ["trigger", "update", "acknowledge", "resolve"] as const) {
    await send(page(), messageOf({ key: "pd", action }));
    const incident = servers.pagerDuty.incidents.find(({ key }) => key === "pd");
    states.push(`${incident?.status} ${incident?.triggers}`);
  }
  assert.deepEqual(states, ["triggered 1", "triggered 2", "acknowledged 2", "resolved 2"]);
});

test("429 with Retry-After, 5xx, resets and silence mean later; 400, 401 and redirects mean never", async () => {
  const table: [Fault, "later" | "never", number | undefined, RegExp][] = [
    [{ status: 429, retryAfter: "7" }, "later", 7_000, /answered 429/],
    [{ status: 500 }, "later", undefined, /answered 500/],
    [{ status: 503, retryAfter: "1" }, "later", 1_000, /answered 503/],
    ["reset", "later", undefined, /connection failed with (ECONNRESET|UND_ERR_SOCKET)/],
    [
      { status: 400, body: { errors: ["payload.summary is missing"] } },
      "never",
      undefined,
      /payload\.summary is missing/,
    ],
    [{ status: 401 }, "never", undefined, /answered 401/],
    [{ status: 302 }, "never", undefined, /a redirect, which is not followed/],
  ];
  for (const [vendor, channel] of Object.entries(allChannels())) {
    const name = vendor === "slackHook" ? "slack" : (vendor as Vendor);
    for (const [fault, retry, retryAfterMs, message] of table) {
      servers.script(name, fault);
      const error = await failure(channel);
      assert.equal(error.retry, retry, `${vendor}: ${error.message}`);
      assert.equal(error.retryAfterMs, retryAfterMs);
      assert.match(error.message, message);
    }
  }
});

test("no redirect is followed, as it would carry the message and its credentials elsewhere", async () => {
  await using elsewhere = await flakyServer();
  await using server = await flakyServer(Array(10).fill({ redirect: 307, to: elsewhere.url }));
  const channels = [
    pagerDuty({ routingKey: "x".repeat(32), url: server.url }),
    slack({ webhookUrl: server.url }),
    slack({ token: "xoxb-1", channel: "#ops", apiUrl: server.url }),
    jira({ url: server.url, personalToken: "token", project: "OPS" }),
    webhook({ url: server.url }),
    alertmanager({ url: server.url }),
  ];
  for (const channel of channels) assert.match((await failure(channel)).message, /answered 307: a redirect/);
  assert.equal(server.requests.length, channels.length);
  assert.equal(elsewhere.requests.length, 0);
});

test("a server that never answers is left after the timeout, and at once when the signal comes", async () => {
  servers.script("webhook", "hang", "hang");
  const error = await failure(hook({ timeoutMs: 50 }));
  assert.equal(error.retry, "later");
  assert.match(error.message, /no answer within 50 ms/);
  const end = new AbortController();
  const before = servers.of("webhook").length;
  const called = failure(hook(), messageOf(), end.signal);
  await until(() => servers.of("webhook").length > before);
  end.abort();
  assert.match((await called).message, /called off/);
});

test("Slack has one message for each key, changed in place, and a thread below it", async () => {
  const { posts } = servers.slack;
  posts.length = 0;
  const from = servers.requests.length;
  const thread = await send(bot(), messageOf({ key: "sl" }));
  assert.deepEqual(thread, { ts: "1700000000.000001", channel: "C0123456" });
  assert.deepEqual(await send(bot(), messageOf({ key: "sl", action: "update", title: "Worse" }), thread), thread);
  await send(bot(), messageOf({ key: "sl", action: "resolve" }), thread);
  assert.deepEqual(
    posts.map(({ threadTs, edits }) => [threadTs, edits]),
    [
      [undefined, 2],
      ["1700000000.000001", 0],
      ["1700000000.000001", 0],
    ],
  );
  assert.match(posts[0]!.text, /^✅ \[SEV2\] Resolved: High error rate/);
  assert.match(posts[1]!.text, /Worse/);
  for (const { path, body } of servers.requests.slice(from)) {
    const check = path.endsWith("update") ? isUpdate : isPost;
    assert.ok(check(body), `${path}: ${ajv.errorsText(check.errors)}`);
  }
});

test("where the first message is gone from Slack the thread tells it, and a failed reply changes nothing twice", async () => {
  const { posts } = servers.slack;
  posts.length = 0;
  await send(bot(), messageOf({ action: "update" }), { ts: "1600000000.000001", channel: "C0123456" });
  assert.deepEqual(
    posts.map(({ threadTs }) => threadTs),
    ["1600000000.000001"],
  );
  const thread = await send(bot(), messageOf());
  servers.script("slack", "ok", { status: 503 });
  await assert.rejects(send(bot(), messageOf({ action: "resolve" }), thread), /answered 503/);
  await send(bot(), messageOf({ action: "resolve" }), thread);
  assert.equal(posts.filter(({ threadTs }) => threadTs === thread?.["ts"]).length, 1);
});

test("Slack's own errors are told apart: rate limits and its faults pass, tokens and channels do not", async () => {
  const said = async (error: string, retryAfter?: string) => {
    servers.script("slack", { status: 200, body: { ok: false, error }, ...(retryAfter && { retryAfter }) });
    const { retry, retryAfterMs } = await failure(bot());
    return [retry, retryAfterMs];
  };
  assert.deepEqual(await said("ratelimited", "30"), ["later", 30_000]);
  assert.deepEqual(await said("internal_error"), ["later", undefined]);
  for (const error of ["invalid_auth", "channel_not_found", "msg_too_long", "new_error"]) {
    assert.deepEqual(await said(error), ["never", undefined], error);
  }
  assert.match((await failure(bot("xoxb-wrong"))).message, /^channel "slack": chat\.postMessage: invalid_auth$/);
});

test("Jira has one issue for each key: created once, commented after, found again by its label", async () => {
  for (const [channel, version] of [
    [cloud(), 3],
    [dataCenter(), 2],
  ] as const) {
    const { issues } = servers.jira;
    issues.length = 0;
    const thread = await send(channel, messageOf({ key: "ji" }));
    assert.deepEqual(thread, { issue: "OPS-1" });
    await send(channel, messageOf({ key: "ji", action: "update" }), thread);
    // A new process that knows nothing.
    assert.deepEqual(await send(channel, messageOf({ key: "ji" })), thread);
    await send(channel, messageOf({ key: "other" }));
    assert.deepEqual(
      issues.map(({ key, comments }) => [key, comments.length]),
      [
        ["OPS-1", 2],
        ["OPS-2", 0],
      ],
    );
    assert.equal(typeof issues[0]!.fields.description, version === 3 ? "object" : "string");
  }
});

test("Jira's issue is moved on at the end where a transition is named, and an end without an issue makes none", async () => {
  const { issues } = servers.jira;
  issues.length = 0;
  assert.equal(await send(cloud(), messageOf({ key: "none", action: "resolve" })), undefined);
  assert.equal(issues.length, 0);
  const channel = cloud({ transitionOnResolve: "done" });
  const thread = await send(channel, messageOf());
  // The transition is taken, and its answer lost.
  servers.script("jira", "ok", "lost");
  await assert.rejects(send(channel, messageOf({ action: "resolve" }), thread), /connection failed/);
  await send(channel, messageOf({ action: "resolve" }), thread);
  assert.deepEqual(
    issues.map(({ status, comments }) => [status, comments.length]),
    [["Done", 1]],
  );
});

test("an issue that somebody has deleted is created again, except at the end", async () => {
  servers.jira.issues.length = 0;
  await send(cloud(), messageOf({ action: "resolve" }), { issue: "OPS-99" });
  assert.equal(servers.jira.issues.length, 0);
  assert.deepEqual(await send(cloud(), messageOf({ action: "update" }), { issue: "OPS-99" }), { issue: "OPS-1" });
});

test("Alertmanager gets an array, with the end of what is over", async () => {
  servers.alertmanager.alerts.clear();
  const channel = alertmanager({
    url: `${servers.alertmanager.url}/`,
    severities: { sev2: "critical" },
    clock: fakeClock(),
  });
  await send(channel, messageOf());
  await send(channel, messageOf({ action: "resolve" }));
  const [alert, ...others] = servers.alertmanager.alerts.values();
  assert.deepEqual(others, []);
  assert.equal(alert.labels.severity, "critical");
  assert.equal(alert.endsAt, "2026-01-01T00:00:00.000Z");
  assert.equal(channel.repeatMs, 60_000);
});

test("a webhook's message is signed over its very bytes, and has the same id at each attempt", async () => {
  servers.webhook.received.length = 0;
  const message = messageOf({ id: "msg-ü-1", text: "Grüße 💥" });
  servers.script("webhook", { status: 503 });
  await failure(hook(), message);
  await send(hook(), message);
  const [first, second] = servers.of("webhook").slice(-2);
  assert.equal(first?.headers["x-sightline-id"], "msg-_-1");
  assert.equal(second?.headers["x-sightline-id"], first?.headers["x-sightline-id"]);
  const header = second?.headers["x-sightline-signature"] as string;
  assert.equal(verifyWebhook(second!.text, header, SECRET), true);
  assert.equal(verifyWebhook(Buffer.from(second!.text), header, ["another secret of length", SECRET]), true);
  assert.equal(second!.body.id, message.id);
});

test("a signature that is old, from the future, of another body, secret or form is refused", () => {
  const body = '{"a":1}';
  const good = signature(body, SECRET, START);
  const check = (text: string, header: any, secret: string | string[] = SECRET, now = START, toleranceMs = 300_000) =>
    verifyWebhook(text, header, secret, { now, toleranceMs });
  assert.equal(check(body, good), true);
  assert.equal(check(body, `${good},v1=${"0".repeat(64)}`), true);
  assert.equal(check(body, good, SECRET, START + 300_000), true);
  const digest = good.split("v1=")[1]!;
  const bad: [string, unknown, (string | string[])?, number?, number?][] = [
    [`${body} `, good],
    [body, good, "another secret of length"],
    [body, good, SECRET, START + 301_000],
    [body, good, SECRET, START - 301_000],
    [body, good, SECRET, Number.NaN],
    [body, good, ""],
    [body, good, []],
    [body, undefined],
    [body, ""],
    [body, [good]],
    [body, `v1=${digest}`],
    [body, `t=${START / 1000}`],
    [body, `t=${START / 1000 + 1},v1=${digest}`],
    [body, `t=${START / 1000},t=${START / 1000},v1=${digest}`],
    [body, `t=${START / 1000},v1=${digest.slice(1)}`],
    [body, `t=${START / 1000},v0=${digest}`],
    [body, good.toUpperCase()],
  ];
  for (const [text, header, ...rest] of bad) assert.equal(check(text, header, ...rest), false, inspect(header));
  for (let at = 0; at < digest.length; at++) {
    const other = digest[at] === "0" ? "1" : "0";
    const changed = digest.slice(0, at) + other + digest.slice(at + 1);
    assert.equal(check(body, `t=${START / 1000},v1=${changed}`), false);
  }
});

test("mails of one key are one thread, as nodemailer itself writes them", async () => {
  const written: any[] = [];
  const inner = createTransport({ streamTransport: true, buffer: true });
  const transport = { sendMail: async (mail: any) => void written.push(await inner.sendMail(mail)) };
  const channel = email({ transport, from: "Sightline <alerts@example.com>", to: ["a@example.com", "b@example.com"] });
  const thread = await send(channel, messageOf());
  const later = await send(channel, messageOf({ action: "update", title: "Another title" }), thread);
  await send(channel, messageOf({ action: "resolve" }), later);
  const texts = written.map(({ message }) => message.toString() as string);
  const header = (text: string, name: string) =>
    new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, "m").exec(text)?.[1]?.replace(/\r\n\s+/g, " ");
  const ids = texts.map((text) => header(text, "Message-ID"));
  assert.deepEqual(
    texts.map((text) => [header(text, "In-Reply-To"), header(text, "References")]),
    [
      [undefined, undefined],
      [ids[0], ids[0]],
      [ids[1], `${ids[0]} ${ids[1]}`],
    ],
  );
  const subject = "[SEV2] High error rate: error_rate is 7 %, above 5 %";
  assert.deepEqual(
    texts.map((text) => header(text, "Subject")),
    [subject, `Re: ${subject}`, `Resolved: ${subject}`],
  );
  assert.equal(header(texts[0]!, "X-Sightline-Key"), "inc_1");
  assert.equal(header(texts[0]!, "Auto-Submitted"), "auto-generated");
  assert.match(texts[0]!, /^Content-Type: text\/plain/m);
  assert.match(texts[0]!, /^Content-Type: text\/html/m);
});

test("no text of a message becomes a header or markup of a mail", async () => {
  const evil = '"><script>alert(1)</script>\r\nBcc: all@example.com\r\n\r\nbody\u2028x\u0000';
  const inner = createTransport({ streamTransport: true, buffer: true });
  const raw: string[] = [];
  const transport = {
    sendMail: async (mail: any) => void raw.push(((await inner.sendMail(mail)) as any).message.toString()),
  };
  const channel = email({ transport, from: "alerts@example.com", to: "team@example.com" });
  const links = [
    { text: evil, href: "javascript:alert(1)" },
    { text: evil, href: 'https://x.example/"><script>' },
  ];
  const hostile = { id: evil, key: evil, title: evil, text: evil, facts: { [evil]: evil }, links };
  const thread = { references: `<a@b>\r\nBcc:x <c@d>\r\n`, subject: "a" };
  await send(channel, messageOf(hostile));
  await send(channel, messageOf({ ...hostile, action: "update" }), thread);
  for (const text of raw) {
    const [head = ""] = text.split("\r\n\r\n");
    assert.doesNotMatch(head, /^Bcc/im);
    const html = text.slice(text.indexOf("Content-Type: text/html"));
    assert.match(html, /&lt;script/);
    assert.doesNotMatch(html.replace(/=\r\n/g, ""), /<script|href=3D"javascript/i);
  }
  assert.throws(() => email({ transport, from: "a@b.example\r\nBcc: c@d.example", to: "x@y.example" }), ConfigError);
  assert.throws(() => email({ transport, from: "a@b.example", to: ["x@y.example\nBcc: c@d.example"] }), ConfigError);
});

test("what a mail server refuses for good is final, what it puts off is not", async () => {
  const of = async (error: object) => {
    const transport = { sendMail: () => Promise.reject(Object.assign(new Error("user:s3cretpassword"), error)) };
    const caught = await failure(email({ transport, from: "a@b.example", to: "c@d.example" }));
    assert.doesNotMatch(inspect(caught), /s3cretpassword/);
    return caught.retry;
  };
  assert.equal(await of({ responseCode: 550, code: "EENVELOPE" }), "never");
  assert.equal(await of({ responseCode: 535, code: "EAUTH" }), "never");
  assert.equal(await of({ responseCode: 421, code: "EENVELOPE" }), "later");
  assert.equal(await of({ code: "ECONNECTION" }), "later");
  assert.equal(await of({ code: "EAUTH" }), "never");
});

test("the console shows lines without control characters", async () => {
  const lines: string[] = [];
  const channel = consoleChannel({ stream: { write: (text) => lines.push(text) } });
  await send(channel, messageOf({ title: "High \u001b[2Jerror rate\nnow", text: "one\r\n\u0007two" }));
  assert.deepEqual(lines.join("").split("\n"), [
    "2026-01-01 00:00:00Z  SEV2  trigger  High [2Jerror rate now",
    "    one",
    "     two",
    "    severity: SEV2",
    "    feature: summarizer",
    "    Runbook: https://runbooks.example/api_outage",
    "",
  ]);
});

test("no preview, error or inspection of a channel shows a secret", async () => {
  const shown: string[] = [];
  for (const [vendor, channel] of Object.entries({ ...allChannels(), jira2: dataCenter() })) {
    const preview = channel.preview(messageOf(), { ts: "1.1", channel: "C1", issue: "OPS-1" });
    shown.push(JSON.stringify(preview), inspect(channel, { depth: 9, showHidden: true }), JSON.stringify(channel));
    assert.match(JSON.stringify(preview), /"body":/, vendor);
    const name = vendor === "slackHook" ? "slack" : vendor === "jira2" ? "jira" : (vendor as Vendor);
    // A vendor that says again what it was sent.
    servers.script(name, { status: 400, body: `you sent ${[...SECRETS, SECRET].join(" ")}` }, "reset");
    for (let i = 0; i < 2; i++) shown.push(inspect(await failure(channel)));
  }
  // Each channel knows its own secrets; nobody knows those of the others.
  const own = shown.filter((text) => !text.includes("you sent"));
  for (const secret of [...SECRETS, SECRET]) assert.equal(own.join("\n").includes(secret), false, secret);
  const page400 = shown.find((text) => text.includes("pagerduty") && text.includes("you sent"))!;
  assert.equal(page400.includes(servers.pagerDuty.routingKey), false);
  assert.match(page400, /you sent … xoxb/);
});

test("a preview is what is sent, but for its secrets", async () => {
  const { preview } = page();
  const message = messageOf();
  await send(page(), message);
  const shown = preview(message) as { url: string; method: string; body: { routing_key: string } };
  assert.equal(shown.url, servers.pagerDuty.url);
  const sent = servers.of("pagerDuty").at(-1)!.body;
  assert.deepEqual(shown.body, { ...sent, routing_key: "…" });
  const posted = slack({ webhookUrl: servers.slack.webhookUrl }).preview(message) as { url: string };
  assert.match(posted.url, /^http:\/\/127\.0\.0\.1:\d+\/…$/);
});

test("secrets do not go over plain http to another machine, and bad options are named without their values", () => {
  const http = "http://collector.example";
  const wrong: [() => unknown, RegExp][] = [
    [() => pagerDuty({ routingKey: "x".repeat(32), url: http }), /plain http/],
    [() => slack({ webhookUrl: `${http}/services/s3cret` }), /plain http/],
    [() => slack({ token: "xoxb-1", channel: "#a", apiUrl: http }), /plain http/],
    [() => jira({ url: http, personalToken: "s3cret", project: "OPS" }), /plain http/],
    [() => webhook({ url: http, headers: { authorization: "Bearer s3cret" } }), /plain http/],
    [() => alertmanager({ url: "http://u:s3cret@collector.example" }), /plain http/],
    [() => pagerDuty({} as never), /routingKey/],
    [() => slack({ token: "xoxb-s3cret" }), /either webhookUrl, or token and channel/],
    [() => slack({ token: "xoxb-s3cret\n", channel: "#a" }), /token/],
    [() => jira({ url: http, project: "OPS" }), /either email and token, or personalToken/],
    [() => jira({ url: "https://x", personalToken: "s3cret", project: 'OPS" OR 1' }), /project/],
    [() => webhook({ url: "https://x.example", secret: "s3cret" }), /16 characters/],
    [() => email({} as never), /transport, from and to/],
    [() => alertmanager({ url: "nowhere" }), /http/],
    [() => alertmanager({ url: "http://x", colour: "red" } as never), /no option "colour"/],
    [() => consoleChannel({ stream: {} as never }), /stream/],
  ];
  for (const [make, message] of wrong) {
    assert.throws(make, (error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
  assert.ok(alertmanager({ url: http }));
});

// What each vendor is sent, against its own schema or table of fields, whatever the texts.

const hostile = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 60 }),
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

test("a message as long as can be has every vendor's form (of other characters in channels.fault.ts)", () => {
  for (const unit of ["&", "💥"]) longFits(unit);
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

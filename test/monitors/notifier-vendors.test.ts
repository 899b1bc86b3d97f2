/** The notifier with real channels, scripted vendors and a real state file: alerts in, pages out, across restarts. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { promisify } from "node:util";
import { alertmanager } from "../../src/monitors/channels/alertmanager.ts";
import { consoleChannel } from "../../src/monitors/channels/console.ts";
import { email } from "../../src/monitors/channels/email.ts";
import { jira } from "../../src/monitors/channels/jira.ts";
import { type Notifier, type NotifierOptions, notifier } from "../../src/monitors/channels/notifier.ts";
import { pagerDuty } from "../../src/monitors/channels/pagerduty.ts";
import { slack } from "../../src/monitors/channels/slack.ts";
import { webhook } from "../../src/monitors/channels/webhook.ts";
import { stateFile } from "../../src/monitors/state.ts";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";
import { type ChannelServers, channelServers, mailbox, SECRETS } from "../support/channel-servers.ts";
import { alertOf, eventOf, messageOf, probe, told, turns, until } from "../support/notifications.ts";
import { bundlePrograms } from "../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "sightline-vendors-"));
const CHILD = "test/monitors/children/notifier.ts";
const GONE = AbortSignal.abort();
const SIGNING = "s3cretsigningkey0123456789";
const made: { close(signal?: AbortSignal): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of made.splice(0).reverse()) await one.close(GONE);
});
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

async function vendors(): Promise<ChannelServers> {
  const servers = await channelServers();
  made.push(servers);
  return servers;
}

function channelsOf(servers: ChannelServers, mail = mailbox()) {
  const { pagerDuty: page, slack: chat, jira: tickets } = servers;
  return {
    page: [pagerDuty({ routingKey: page.routingKey, url: page.url })],
    team: [slack({ token: chat.token, channel: "#ops", apiUrl: chat.apiUrl })],
    ticket: [
      jira({ url: tickets.url, email: tickets.email, token: tickets.token, project: "OPS" }),
      email({ transport: mail.transport, from: "alerts@example.com", to: "team@example.com" }),
    ],
    all: [
      webhook({ url: servers.webhook.url, secret: SIGNING }),
      alertmanager({ url: servers.alertmanager.url }),
      slack({ name: "slack-hook", webhookUrl: chat.webhookUrl }),
    ],
  };
}

/** Time passes until nothing waits: Slack takes a message a second. */
async function settle(notify: Notifier, clock: FakeClock): Promise<void> {
  const start = Date.now();
  while (notify.stats().waiting > 0 && Date.now() - start < 10_000) {
    clock.advance(1_000);
    notify.tick();
    await turns(5);
  }
}

const routes: NotifierOptions["routes"] = [
  { to: "all", continue: true },
  { severities: ["sev1", "sev2"], to: "page" },
  { severities: ["sev3"], to: "team" },
  { severities: ["sev4"], to: "ticket" },
];

function start(options: NotifierOptions): Notifier {
  const notify = notifier({ random: () => 1, ...options });
  made.push(notify);
  return notify;
}

test("an alert that fires and is over again is told and taken back by every vendor", async () => {
  const servers = await vendors();
  const mail = mailbox();
  const clock = fakeClock();
  const notify = start({ channels: channelsOf(servers, mail), routes, clock });
  const alerts = (["sev2", "sev3", "sev4"] as const).map((severity, i) =>
    alertOf({ fingerprint: severity, rule: { name: `Rule ${i}`, severity } }),
  );
  for (const alert of alerts) notify.alert(eventOf("firing", alert));
  notify.tick();
  await settle(notify, clock);
  for (const alert of alerts) notify.alert(eventOf("resolved", alert));
  notify.tick();
  await settle(notify, clock);
  assert.deepEqual(
    servers.pagerDuty.incidents.map(({ status, summary, severity }) => [status, summary, severity]),
    [["resolved", "Rule 0: error_rate is 7 %, above 5 %", "error"]],
  );
  const [post, reply] = servers.slack.posts.filter(({ channel }) => channel !== "webhook");
  assert.match(post!.text, /^✅ \[SEV3\] Resolved: Rule 1$/);
  assert.equal(reply?.threadTs, post?.ts);
  assert.deepEqual(
    servers.jira.issues.map(({ comments }) => comments.length),
    [1],
  );
  assert.deepEqual(
    mail.mails.map(({ subject }) => subject),
    ["[SEV4] Rule 2: error_rate is 7 %, above 5 %", "Resolved: [SEV4] Rule 2: error_rate is 7 %, above 5 %"],
  );
  const ends = [...servers.alertmanager.alerts.values()].map(({ endsAt }) => typeof endsAt);
  assert.deepEqual(ends, ["string", "string", "string"]);
  assert.deepEqual(servers.webhook.received.map(({ body }) => body.status).sort(), [
    "firing",
    "firing",
    "firing",
    "resolved",
    "resolved",
    "resolved",
  ]);
  assert.equal(notify.stats().waiting + notify.stats().deadLetters, 0);
});

test("one vendor that never answers delays none of the others", async () => {
  const servers = await vendors();
  servers.always("slack", "hang");
  const notify = start({ channels: channelsOf(servers), routes: [{ to: ["page", "team", "ticket", "all"] }] });
  notify.notify(messageOf());
  await until(() => servers.webhook.received.length === 1 && servers.pagerDuty.incidents.length === 1);
  await until(() => servers.jira.issues.length === 1 && servers.alertmanager.alerts.size === 1);
  assert.deepEqual(servers.slack.posts, []);
  assert.equal(notify.stats().channels["slack"]?.waiting, 1);
});

test("answers that are lost make no second incident, and a webhook knows the message again by its id", async () => {
  const servers = await vendors();
  servers.script("pagerDuty", "lost");
  servers.script("webhook", "lost");
  const clock = fakeClock();
  const notify = start({ channels: channelsOf(servers), routes: [{ to: ["page", "all", "team", "ticket"] }], clock });
  notify.notify(messageOf());
  await settle(notify, clock);
  assert.equal(servers.of("pagerDuty").length, 2);
  assert.equal(servers.pagerDuty.incidents.length, 1);
  const ids = servers.webhook.received.map(({ headers }) => headers["x-sightline-id"]);
  assert.equal(ids.length, 2);
  assert.equal(new Set(ids).size, 1);
});

test("a restart in the middle loses nothing: what waits is sent with its id, and threads go on", async () => {
  const servers = await vendors();
  const path = join(folder, "state.json");
  const clock = fakeClock();
  const options = () => ({ channels: channelsOf(servers), routes, clock, state: stateFile(path) });
  const first = start(options());
  first.notify(messageOf({ key: "chat", severity: "sev3" }));
  first.alert(eventOf("firing", alertOf({ rule: { severity: "sev4" } })));
  first.tick();
  await settle(first, clock);
  servers.always("pagerDuty", { status: 503 });
  servers.always("webhook", "reset");
  const waiting = messageOf({ key: "page", severity: "sev1" });
  first.notify(waiting);
  await until(() => servers.of("pagerDuty").length > 0 && first.stats().retried >= 2);
  await first.close(GONE);
  assert.equal(statSync(path).mode & 0o777, 0o600);

  servers.always("pagerDuty", undefined);
  servers.always("webhook", undefined);
  const second = start(options());
  assert.equal(second.stats().channels["pagerduty"]?.waiting, 1);
  second.notify(messageOf({ key: "chat", severity: "sev3", action: "resolve" }));
  second.alert(eventOf("resolved", alertOf({ rule: { severity: "sev4" } })));
  second.tick();
  await settle(second, clock);
  assert.deepEqual(
    servers.pagerDuty.incidents.map(({ key }) => key),
    ["page"],
  );
  assert.ok(servers.webhook.received.some(({ body }) => body.id === waiting.id));
  const inChannel = servers.slack.posts.filter(({ channel }) => channel !== "webhook");
  assert.deepEqual(
    inChannel.map(({ threadTs }) => threadTs),
    [undefined, inChannel[0]?.ts],
  );
  assert.deepEqual(
    servers.jira.issues.map(({ comments }) => comments.length),
    [1],
  );
});

test("a process that exits without a word leaves what waits to the next one", async () => {
  const path = join(folder, "exit.json");
  const programs = await bundlePrograms("notifier", [CHILD]);
  await promisify(execFile)(process.execPath, [programs.path(CHILD), path]);
  await programs.remove();
  const page = probe("p");
  const notify = start({ channels: [page], state: stateFile(path) });
  await notify.flush();
  assert.deepEqual(
    page.sent.map(({ notification }) => notification.id),
    ["the id"],
  );
});

test("what waits for a channel that is gone or has another name is a dead letter", async () => {
  const path = join(folder, "renamed.json");
  const page = probe("old");
  page.script = () => new Promise(() => {});
  const first = start({ channels: [page], state: stateFile(path) });
  first.notify(messageOf());
  await first.close(GONE);
  const second = start({ channels: [probe("new")], state: stateFile(path) });
  assert.equal(second.stats().deadLetters, 1);
  await second.close();
  // Told once: the state does not have it any more.
  const third = start({ channels: [probe("new")], state: stateFile(path) });
  assert.equal(third.stats().deadLetters, 0);
});

test("a state that another version has left does not stop the notifier", async () => {
  const page = probe("p");
  const odd = {
    load: () => ({ channels: { p: { waiting: [{}], keys: 7 } }, groups: [{ key: 1 }] }),
    changed() {},
    save() {},
  };
  const notify = start({ channels: [page], state: odd });
  notify.notify(messageOf());
  await notify.flush();
  assert.deepEqual(told(page), ["trigger inc_1"]);
});

test("what is active is sent to Alertmanager again after a restart, at once", async () => {
  const servers = await vendors();
  const path = join(folder, "repeat.json");
  const channels = [alertmanager({ url: servers.alertmanager.url })];
  const first = start({ channels, state: stateFile(path) });
  first.notify(messageOf());
  await first.flush(AbortSignal.timeout(5_000));
  await first.close(GONE);
  start({ channels, state: stateFile(path) });
  await until(() => servers.of("alertmanager").length === 2);
});

test("no secret is in the state, the dead letters, the figures, the errors or what a dry run prints", async () => {
  const servers = await vendors();
  const shown: string[] = [];
  const dead = join(folder, "secret-dead.ndjson");
  for (const vendor of ["pagerDuty", "slack", "jira", "webhook", "alertmanager"] as const) {
    servers.script(vendor, "reset", { status: 500, body: "no" });
    servers.always(vendor, { status: 400, body: "refused" });
  }
  const channels = channelsOf(servers);
  const all: NotifierOptions["routes"] = [{ to: Object.keys(channels) }];
  const clock = fakeClock();
  const notify = start({
    channels,
    routes: all,
    clock,
    state: stateFile(join(folder, "secret-state.json")),
    deadLetters: dead,
    onError: (error) => shown.push(String(error.stack), JSON.stringify(error)),
  });
  notify.notify(messageOf());
  for (let i = 0; i < 4; i++) {
    await turns();
    clock.advance(30_000);
    notify.tick();
  }
  await until(() => notify.stats().deadLetters === 6);
  shown.push(JSON.stringify(notify.stats()), JSON.stringify(await notify.test()));
  await notify.close(GONE);
  const dry = start({ channels, routes: all, dryRun: (name, payload) => shown.push(name + JSON.stringify(payload)) });
  dry.notify(messageOf());
  await dry.flush();
  assert.ok(shown.filter((text) => text.includes("body")).length >= 6);
  for (const file of readdirSync(folder)) shown.push(readFileSync(join(folder, file), "utf8"));
  for (const secret of [...SECRETS, SIGNING]) assert.equal(shown.join("\n").includes(secret), false, secret);
});

test("alerts of one group are one message: triggered by the first, updated by others, resolved with the last", async () => {
  const page = probe("p");
  const clock = fakeClock();
  const notify = start({ channels: [page], clock, groupWaitMs: 30_000 });
  const one = (feature: string, more = {}) => alertOf({ fingerprint: feature, labels: { feature }, ...more });
  const pass = async (ms: number) => {
    clock.advance(ms);
    notify.tick();
    await turns();
  };
  notify.alert(eventOf("firing", one("a")));
  notify.alert(eventOf("firing", one("b")));
  await pass(29_000);
  assert.deepEqual(told(page), []);
  await pass(1_000);
  notify.alert(eventOf("firing", one("c")));
  notify.alert(eventOf("resolved", one("a")));
  await pass(30_000);
  for (const feature of ["b", "c"]) notify.alert(eventOf("resolved", one(feature)));
  await pass(30_000);
  const [first, second, last] = page.sent.map(({ notification }) => notification);
  assert.deepEqual([first?.action, second?.action, last?.action], ["trigger", "update", "resolve"]);
  assert.deepEqual(new Set([first?.key, second?.key, last?.key]).size, 1);
  assert.equal(first?.title, "High error rate: 2 alerts");
  assert.equal(
    second?.text,
    "Too many calls fail.\nb: error_rate is 7 %, above 5 %\nc: error_rate is 7 %, above 5 %\na: over: error_rate is 7 %, above 5 %",
  );
  assert.deepEqual(
    second?.alerts.map(({ fingerprint, state }) => [fingerprint, state]),
    [
      ["b", "firing"],
      ["c", "firing"],
      ["a", "resolved"],
    ],
  );
  assert.equal(last?.title, "High error rate");
  assert.equal(last?.facts["runbook"], "https://runbooks.example/api_outage");
});

test("what comes and goes while its group waits is not told, and counted", async () => {
  const page = probe("p");
  const clock = fakeClock();
  const notify = start({ channels: [page], clock, groupWaitMs: 30_000 });
  notify.alert(eventOf("firing"));
  notify.alert(eventOf("resolved"));
  clock.advance(30_000);
  notify.tick();
  await notify.flush();
  assert.deepEqual([told(page), notify.stats().skipped], [[], 1]);
});

test("quiet alerts are not told, and the end of one that was told is told even where it is quiet", async () => {
  const page = probe("p");
  const notify = start({ channels: [page] });
  const say = async (...events: Parameters<typeof eventOf>[]) => {
    for (const event of events) notify.alert(eventOf(...event));
    await notify.flush();
  };
  const quiet = alertOf({ fingerprint: "q", rule: { name: "Quiet" } });
  await say(["firing", quiet, { isQuiet: true }], ["resolved", quiet, { isQuiet: true }]);
  await say(["pending", alertOf(), { from: "inactive" }], ["firing", alertOf()]);
  await say(["resolved", alertOf(), { isQuiet: true }]);
  // Fired quietly, because it had just been told; told as it goes on.
  await say(["firing", quiet, { isQuiet: true }], ["firing", quiet, { from: "firing" }]);
  assert.deepEqual(
    told(page).map((text) => text.replace(/ \w+ [\da-f]{16}$/, "")),
    ["trigger High error rate", "resolve High error rate", "trigger Quiet"],
  );
});

test("alerts are grouped by labels where that is asked for, and each group has its own severity", async () => {
  const [page, team] = [probe("p"), probe("t")];
  const notify = start({ channels: { page: [page], team: [team] }, groupBy: ["team"] });
  notify.alert(eventOf("firing", alertOf({ fingerprint: "1", rule: { name: "Slow", severity: "sev3" } })));
  notify.alert(
    eventOf(
      "firing",
      alertOf({ fingerprint: "2", rule: { name: "Down", severity: "sev1", labels: { team: "beta" } } }),
    ),
  );
  await notify.flush();
  assert.deepEqual([page.sent.length, team.sent.length], [1, 1]);
  // The group becomes graver: it reaches the page as a trigger.
  notify.alert(eventOf("firing", alertOf({ fingerprint: "3", rule: { name: "Broken", severity: "sev2" } })));
  await notify.flush();
  assert.equal(page.sent[1]?.notification.action, "trigger");
  assert.equal(page.sent[1]?.notification.title, "Broken, Slow: 2 alerts");
});

test("the console shows an alert as lines", async () => {
  const lines: string[] = [];
  const notify = start({
    channels: [consoleChannel({ stream: { write: (text) => lines.push(text) } })],
    clock: fakeClock(),
  });
  notify.alert(eventOf("firing"));
  await notify.flush();
  assert.deepEqual(lines.join("").split("\n"), [
    "2026-01-01 00:00:00Z  SEV2  trigger  High error rate: error_rate is 7 %, above 5 %",
    "    Too many calls fail.",
    "    summarizer: error_rate is 7 %, above 5 %",
    "    severity: SEV2",
    "    since: 2025-12-31T23:59:00.000Z",
    "    runbook: https://runbooks.example/api_outage",
    "    team: alpha",
    "    feature: summarizer",
    "    Runbook: https://runbooks.example/api_outage",
    "",
  ]);
});

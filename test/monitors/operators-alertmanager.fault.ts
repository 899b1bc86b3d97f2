/** Our alerts in a real Alertmanager, as Debian has it. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import { alertmanager } from "../../src/monitors/channels/alertmanager.ts";
import { notifier } from "../../src/monitors/channels/notifier.ts";
import type { Reading, Source } from "../../src/monitors/reading.ts";
import { figure } from "../fault/lab/figures.ts";
import * as lab from "../fault/lab/operators.ts";

interface Webhook {
  readonly status: "firing" | "resolved";
  readonly groupLabels: { readonly [name: string]: string };
  readonly alerts: readonly { readonly status: string; readonly labels: any; readonly annotations: any }[];
}

test("Alertmanager receives our alerts, groups them, and tells of their end", async (t) => {
  if (!(await lab.hasOperators(t))) return;
  const received: Webhook[] = [];
  const receiver = await lab.listen(t, async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push(JSON.parse(Buffer.concat(chunks).toString()));
    response.end();
  });
  const server = await lab.startAlertmanager(t, {
    route: {
      receiver: "hook",
      group_by: ["alertname"],
      group_wait: "500ms",
      group_interval: "1s",
      repeat_interval: "1h",
    },
    receivers: [{ name: "hook", webhook_configs: [{ url: `http://${receiver}/`, send_resolved: true }] }],
  });
  let shares: { readonly [feature: string]: number } = { tutor: 0.3, summarizer: 0.2, 'quoted "\n': 0.01 };
  const source: Source = {
    metrics: [{ name: "error_rate", unit: "share", description: "Failed calls." }],
    read: (): Reading[] =>
      Object.entries(shares).map(([feature, value]) => ({ value, samples: 100, labels: { feature } })),
  };
  const rule: AlertRule = {
    name: "High error rate",
    metric: "error_rate",
    comparison: ">",
    threshold: 0.05,
    windowMs: 60_000,
    severity: "sev2",
    by: "feature",
    runbook: "https://runbooks.example/errors",
  };
  const notify = notifier({ channels: [alertmanager({ url: server.url })] });
  const watching = alerts({ sources: [source], rules: [rule], listeners: [notify], everyMs: false });
  t.after(() => watching.close?.());

  watching.evaluate();
  await watching.flush?.();
  const firing = await lab.eventually("the group", async () => {
    assert.equal(received.length, 1);
    return received[0]!;
  });
  assert.deepEqual([firing.status, firing.groupLabels], ["firing", { alertname: "High error rate" }]);
  const features = (webhook: Webhook) =>
    webhook.alerts.map(({ status, labels }) => `${labels.feature} ${status}`).sort();
  assert.deepEqual(features(firing), ["summarizer firing", "tutor firing"]);
  const { labels, annotations } = firing.alerts.find((alert) => alert.labels.feature === "tutor")!;
  assert.deepEqual(labels, { alertname: "High error rate", severity: "sev2", feature: "tutor" });
  assert.equal(annotations.runbook_url, "https://runbooks.example/errors");
  const held = await server.get("/api/v2/alerts");
  assert.equal(held.length, 2);

  shares = { tutor: 0.01, summarizer: 0.2, 'quoted "\n': 0.3 };
  watching.evaluate();
  await watching.flush?.();
  await lab.eventually("one that is over, and one more", async () => {
    const seen = received.slice(1).flatMap(features);
    assert.ok(seen.includes("tutor resolved") && seen.includes('quoted " firing'), `${seen}`);
  });

  shares = { tutor: 0.01, summarizer: 0.01, 'quoted "\n': 0.01 };
  watching.evaluate();
  await watching.flush?.();
  await lab.eventually("the end", async () => {
    assert.equal(received.at(-1)!.status, "resolved");
  });
  assert.deepEqual((await server.get("/api/v2/alerts?active=true")).length, 0);
  assert.doesNotMatch(server.log(), /level=(warn|error)/);
  figure(t, `${received.length} notifications of Alertmanager for 5 changes of ours`);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { act } from "../../src/collector/incident-actions.ts";
import { defaultRules } from "../../src/monitors/alerts/default-rules.ts";
import { incidents } from "../../src/monitors/incidents/incidents.ts";
import { stderrOf } from "../support/stderr-of.ts";
import { desk } from "./incidents-support.ts";

test("an action that the runbook does not have is not noted as done; one by hand reads unlike one that ran", async () => {
  const { tracked, fire } = desk({ mitigations: { reduce_concurrency: () => {} } });
  fire();
  const { id } = tracked.open()[0]!;
  const text = await stderrOf(async () => {
    assert.equal(await tracked.mitigate(id, "opn_circuit", { by: "ada" }), undefined);
  });
  assert.match(
    text,
    /^sightline: incidents\(\): mitigate\(\) knows no action "opn_circuit"\. There are: .*batch_queue.*\n$/,
  );
  assert.equal(tracked.get(id)?.status, "detected");
  await tracked.mitigate(id, "batch_queue", { by: "ada" });
  await tracked.mitigate(id, "reduce_concurrency", { by: "ada" });
  const paper = tracked.postMortem(id)!;
  assert.doesNotMatch(paper, /opn/);
  assert.match(paper, /- batch_queue, by hand: .* \(ada\)\n- reduce_concurrency was run, in .* \(ada\)/);
  await stderrOf(() =>
    assert.rejects(act(tracked, id, { action: "step", by: "ada", step: "opn_circuit" }), { code: "BAD_ACTION" }),
  );
  await assert.rejects(act(tracked, "inc_no", { action: "step", by: "ada", step: "batch_queue" }), {
    code: "NOT_FOUND",
  });
});

test("a rule's runbook that there is not is said once; an address is none of ours", async () => {
  const { fire } = desk();
  const text = await stderrOf(() => {
    fire({ name: "a", runbook: "api_outge" });
    fire({ name: "b", runbook: "api_outge" });
    fire({ name: "c", runbook: "https://wiki.example/outage" });
    fire({ name: "d", runbook: "api_outage" });
  });
  assert.match(
    text,
    /^sightline: incidents\(\): rule "a" has the runbook "api_outge", which there is not: .*api_outage.*\.\n$/,
  );
});

test("a status page is .html or .json", () => {
  assert.throws(() => incidents({ statusPath: "./status.xml" }), {
    code: "CONFIG_BAD_VALUE",
    message: /takes a path that ends in \.html or \.json; it got "\.\/status\.xml"\.$/,
  });
});

test("a warning that would come after critical is refused", () => {
  const wrong: { [metric: string]: { warning?: number; critical?: number } }[] = [
    { latency_p95: { warning: 50, critical: 10 } },
    { latency_p95: { warning: 50 } },
    { quality: { warning: 0.4, critical: 0.6 } },
  ];
  for (const thresholds of wrong) {
    assert.throws(() => defaultRules({ thresholds }), {
      code: "CONFIG_ALERT_RULE",
      message: /warning comes before critical/,
    });
  }
  assert.equal(defaultRules({ thresholds: { latency_p95: { warning: 10, critical: 10 } } }).length > 0, true);
});

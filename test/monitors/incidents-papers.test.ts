import assert from "node:assert/strict";
import { test } from "node:test";
import { marked } from "marked";
import { ConfigError } from "../../src/core/errors.ts";
import { defaultRunbooks } from "../../src/monitors/incidents/default-runbooks.ts";
import type { Runbook } from "../../src/monitors/incidents/incident.ts";
import { incidents } from "../../src/monitors/incidents/incidents.ts";
import { incidentsDashboard } from "../../src/monitors/incidents/incidents-dashboard.ts";
import { runbookMarkdown } from "../../src/monitors/incidents/runbook.ts";
import { desk } from "./incidents-support.ts";

const mine: Runbook = {
  id: "mine",
  name: "Mine",
  trigger: "It is broken",
  symptoms: ["It does not work"],
  diagnosis: ["Look at it"],
  actions: [{ id: "repair", text: "Repair it" }],
  escalation: [
    { level: "L1", who: "me", task: "Repair it", afterMinutes: 0 },
    { level: "L2", who: "you", task: "Repair it", afterMinutes: 10 },
  ],
  expectedMinutes: 5,
};

test("the five failure modes have what the course says: minutes, actions, three levels", () => {
  const minutes = Object.fromEntries(defaultRunbooks.map(({ id, expectedMinutes }) => [id, expectedMinutes]));
  assert.equal(minutes["rate_limit_exhaustion"], 15);
  assert.equal(minutes["quality_degradation"], 30);
  assert.equal(minutes["cost_spike"], 10);
  assert.ok(minutes["elevated_latency"] && minutes["api_outage"]);
  const actions = (id: string): (string | undefined)[] =>
    defaultRunbooks.find((each) => each.id === id)?.actions.map((action) => action.id) ?? [];
  assert.deepEqual(actions("rate_limit_exhaustion"), [
    "reduce_concurrency",
    "enable_backoff",
    "batch_queue",
    "disable_features",
  ]);
  for (const [id, wanted] of [
    ["elevated_latency", ["cap_tokens", "switch_model"]],
    ["quality_degradation", ["pin_model", "revert_prompt", "validate_output", "switch_model"]],
    ["cost_spike", ["switch_model", "cap_tokens", "serve_cached", "limit_feature", "disable_features"]],
    ["api_outage", ["open_circuit", "serve_cached", "batch_queue"]],
  ] as const) {
    for (const action of wanted) assert.ok(actions(id).includes(action), `${action} in ${id}`);
  }
  for (const { id, escalation } of defaultRunbooks) assert.equal(escalation.length, 3, id);
});

test("the patterns of the Assistants API have runbooks by the names of their findings", () => {
  const ids = defaultRunbooks.map(({ id }) => id);
  for (const id of [
    "stuck_in_requires_action",
    "endless_polling",
    "run_expired",
    "thread_accumulation",
    "tool_output_truncated",
    "active_run_conflict",
  ]) {
    assert.ok(ids.includes(id), id);
  }
});

test("a runbook is a page of markdown with its steps in order", () => {
  const page = runbookMarkdown({ ...mine, name: "Mine | <b>bold</b>", href: "https://wiki.example/mine" });
  const html = marked.parse(page, { async: false });
  assert.match(html, /<h1>Mine \| &lt;b&gt;bold&lt;\/b&gt;<\/h1>/);
  assert.match(html, /<ol>\s*<li>Look at it<\/li>/);
  assert.match(html, /<td>after 10 min without acknowledgement<\/td>/);
  assert.match(html, /<a href="https:\/\/wiki.example\/mine">/);
  for (const each of defaultRunbooks)
    assert.equal(marked.lexer(runbookMarkdown(each)).filter(({ type }) => type === "table").length, 1);
});

for (const [what, change] of Object.entries({
  "no id": { id: undefined },
  "an id with capitals": { id: "Mine" },
  "no name": { name: " " },
  "no steps": { diagnosis: [] },
  "steps that are no texts": { symptoms: [1] },
  "no actions": { actions: [] },
  "an action without a text": { actions: [{ id: "repair" }] },
  "two actions of one id": { actions: [mine.actions[0], mine.actions[0]] },
  "no escalation": { escalation: [] },
  "a first level that waits": { escalation: [{ ...mine.escalation[0], afterMinutes: 5 }] },
  "levels out of order": { escalation: [...mine.escalation, { level: "L3", who: "x", task: "y", afterMinutes: 10 }] },
  "two levels of one name": { escalation: [mine.escalation[0], { ...mine.escalation[1], level: "L1" }] },
  "no minutes": { expectedMinutes: 0 },
  "minutes that are none": { expectedMinutes: Number.NaN },
  "an address that is no web address": { href: "javascript:alert(1)" },
  "a field that does not exist": { expectedMinuts: 5 },
})) {
  test(`a runbook with ${what} is refused, and the message names it`, () => {
    const expected = (error: unknown): boolean =>
      error instanceof ConfigError && error.code === "CONFIG_BAD_RUNBOOK" && /runbook ("|number 1)/.test(error.message);
    assert.throws(() => incidents({ runbooks: [{ ...mine, ...change } as Runbook] }), expected);
  });
}

test("options that could not work are refused with the way out", () => {
  const refused = (options: object, message: RegExp): void =>
    assert.throws(
      () => incidents(options),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  refused({ runbooks: [mine, mine] }, /two runbooks have the id "mine".*defaultRunbooks\.map/);
  refused({ runbooks: {} }, /list of runbooks/);
  refused({ mitigations: { reduce_concurency() {} } }, /"reduce_concurency", which is no action.*reduce_concurrency/);
  refused({ mitigations: { reduce_concurrency: 1 } }, /functions/);
  refused({ automatic: ["reduce_concurrency"] }, /no such callback/);
  refused({ minSeverity: "SEV2" }, /one of sev1/);
  refused({ reopenMs: -1 }, /milliseconds/);
  refused({ maxKept: 0 }, /whole number/);
  refused({ notify: () => {} }, /notifier\(\)/);
  refused({ runbook: [] }, /no option "runbook"/);
  refused({ statusPath: "/dev/null/status.html" }, /cannot be written/);
});

async function wholeStory() {
  const made = desk({
    traceUrl: (trace) => `https://traces.example/t/${trace}`,
    mitigations: { reduce_concurrency() {} },
  });
  const { tracked, fire, end, pass } = made;
  fire();
  await tracked.mitigate(tracked.open()[0]!.id, "batch_queue", { by: "bob" });
  pass(10);
  end();
  pass(60);
  fire({}, { traces: ["a".repeat(32), "b".repeat(32)] });
  const { id } = tracked.open()[0]!;
  pass(4);
  tracked.acknowledge(id, { by: "ada" });
  await tracked.mitigate(id, "reduce_concurrency", { by: "ada" });
  pass(16);
  end();
  return { ...made, id };
}

test("the draft of a post-mortem has summary, impact, times, timeline, traces, measures, earlier ones, questions and action items", async () => {
  const { tracked, id } = await wholeStory();
  const draft = tracked.postMortem(id)!;
  const html = marked.parse(draft, { async: false });
  assert.deepEqual(
    [...html.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, heading]) => heading),
    [
      "Summary",
      "Impact",
      "Times",
      "Timeline",
      "Traces that show it",
      "What was done",
      "Earlier incidents of this kind",
      "Why did it happen?",
      "Action items",
    ],
  );
  const text = html.replace(/<[^>]+>/g, " ").replace(/\s+/g, " ");
  for (const part of [
    "It was detected at 2026-01-01 01:10:00 UTC. It was resolved at 2026-01-01 01:30:00 UTC, after 20 min.",
    "rate_limit_rate is 7 %, above 5 % 2026-01-01 01:08:00 UTC 2026-01-01 01:30:00 UTC: rate_limit_rate is 1 %",
    "from its beginning to its detection 2 min",
    "to the acknowledgement by ada 4 min 10 min, then L2 is told",
    "to the first measure 4 min",
    "to the resolution, or until now 20 min (overdue) 15 min",
    "2026-01-01 01:26:00 UTC overdue It takes longer than the 15 minutes of the runbook.",
    "reduce_concurrency was run, in 0 s (ada)",
    "Second time in 7 days. Earlier ones took 10 min on average. Last time this was done: batch_queue.",
    "Why was it not noticed or prevented earlier?",
  ]) {
    assert.ok(text.includes(part), `${part}\n${text}`);
  }
  assert.ok(html.includes(`<a href="https://traces.example/t/${"a".repeat(32)}">`));
  assert.doesNotMatch(draft, /TODO|TBD|undefined|NaN|Invalid/);
});

test("hostile text stays text in the post-mortem: no HTML, no links, no cells or headings of its own", () => {
  const { tracked, fire } = desk({ traceUrl: (trace) => `javascript:alert("${trace}")` });
  const hostile = `a | b <img src=x> [x](https://evil.example) https://evil.example \n# heading\n\`\`\` **b** &lt; ~~s~~ | --- |`;
  fire({ name: hostile, runbook: "own" }, { labels: { feature: hostile }, message: hostile, traces: [hostile] });
  const { id } = tracked.open()[0]!;
  tracked.note(id, hostile, { by: hostile });
  const html = marked.parse(tracked.postMortem(id)!, { async: false });
  assert.doesNotMatch(html, /<img|<a |<code>[^i]|<strong>|<del>|<h1>heading|javascript:"/);
  assert.equal(html.match(/<h1>/g)?.length, 1);
  // Each row has as many cells as its head.
  for (const [table] of html.matchAll(/<table>.*?<\/table>/gs)) {
    const head = table.match(/<th>/g)?.length;
    for (const [row] of table.matchAll(/<tr>\s*<td>.*?<\/tr>/gs)) assert.equal(row.match(/<td>/g)?.length, head);
  }
  assert.ok(html.includes("a | b &lt;img src=x&gt;"));
});

test("the draft of an open incident without a runbook says what is not known yet", () => {
  const { tracked, fire, pass } = desk();
  fire({ runbook: "own" });
  pass(2);
  const draft = tracked.postMortem(tracked.open()[0]!.id)!;
  assert.match(draft, /It is still open, after 2 min\./);
  assert.match(draft, /There is no runbook for it: who writes one\?/);
  assert.match(draft, /Nobody acknowledged it: were the right people told\?/);
});

test("the panel shows open incidents with their clocks, the most severe first, within its width", async () => {
  const { tracked, fire, pass } = desk();
  fire({ severity: "sev3" });
  pass(3);
  fire({ name: "p95", runbook: "elevated_latency", metric: "latency_p95" });
  tracked.acknowledge(tracked.open()[1]!.id, { by: "ada" });
  pass(6);
  assert.equal(
    incidentsDashboard(tracked, { columns: 90 }),
    `Incidents  2 open, 1 not acknowledged
● sev2  Elevated Latency: latency_p95 is 7 %, above 5 %         6 min of 20 min ███░░░░░░░
         L1  acknowledged (ada)  Acknowledged
● sev3  Rate Limit Exhaustion: rate_limit_rate is 7 %, a…       9 min of 15 min ██████░░░░
         L1  detected  High 429 rate: rate_limit_rate is 7 %, above 5 %
`,
  );
  for (const columns of [10, 40, 60, 200]) {
    for (const line of incidentsDashboard(tracked, { columns }).split("\n")) {
      assert.ok([...line].length <= Math.max(40, columns), `${columns}: ${line}`);
    }
  }
});

test("the panel says that none is open, and what was last; colours are off unless asked for; controls do not reach the terminal", () => {
  const { tracked, fire, end } = desk();
  assert.equal(incidentsDashboard(tracked), "Incidents\n  none open\n");
  fire({ name: "\u001b[2Jwipe", runbook: "own" });
  const plain = incidentsDashboard(tracked);
  assert.ok(!plain.includes("\u001b"));
  assert.ok(incidentsDashboard(tracked, { colors: true }).includes("\u001b[31m● sev2\u001b[0m"));
  end({ name: "\u001b[2Jwipe", runbook: "own" });
  assert.match(
    incidentsDashboard(tracked, { columns: 120 }),
    /none open; last: .*resolved 2026-01-01 00:00:00 UTC after 0 s/,
  );
});

test("more open incidents than the panel has room for are counted", () => {
  const { tracked, fire } = desk();
  for (let i = 0; i < 11; i++) fire({ name: `${i}`, runbook: `r${i}` });
  assert.match(incidentsDashboard(tracked), /11 open.*\n[\s\S]*and 3 more\n$/);
  assert.equal(tracked.open().length, 11);
});

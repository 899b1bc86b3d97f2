/** The four spans of the Nexus article and its failure patterns, with every client, on the wire alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type MemorySink, type Options, updateSpan, updateTrace, withSpan, withTrace } from "sightline";
import { systemClock } from "../../src/core/clock.ts";
import { tracedFetch } from "../../src/openai/index.ts";
import { type FakeOpenAIOptions, fakeOpenAI } from "../../src/testing/fake-openai.ts";
import { traced } from "../support/traced.ts";
import { CLIENTS, QUESTION, WEATHER } from "../testing/each-client.ts";

const FILE_SEARCH = { type: "file_search" };
const FOUR = ["thread.create", "thread.messages.create", "threads.runs.createAndPoll", "thread.messages.list"];

interface Story {
  server?: FakeOpenAIOptions;
  tools?: readonly object[];
  /** What the function gives; without it nobody submits. */
  output?: string;
  questions?: number;
  findings?: Exclude<Options["findings"], false | undefined>;
  check(sink: MemorySink, runs: any[]): void;
}

function story(what: string, { server, tools = [], output, questions = 1, findings, check }: Story): void {
  for (const [name, Client] of Object.entries(CLIENTS)) {
    const isV4 = name === "openai 4";
    test(`${name}: ${what}`, async () => {
      await using fake = await fakeOpenAI({ pollAfterMs: 5, ...server });
      const { apiKey, baseURL } = fake;
      const plain = new Client({ apiKey, baseURL });
      const assistant = await plain.beta.assistants.create({
        name: "Math Tutor",
        model: "gpt-4o-mini",
        tools: tools as any[],
      });
      let patience = new AbortController();
      let polls = 0;
      /** Gives up at the eighth poll. */
      const impatient: typeof fetch = (url, init) => {
        if (/\/runs\/[^/]+$/.test(String(url)) && ++polls === 8) patience.abort();
        return fetch(url, init);
      };
      const { threads } = new Client({ apiKey, baseURL, fetch: tracedFetch({ fetch: impatient }) }).beta;
      const path = (thread_id: string, run_id: string, rest: object = {}): [string, any] =>
        isV4 ? ([thread_id, run_id, rest] as unknown as [string, any]) : [run_id, { thread_id, ...rest }];
      const runs: any[] = [];

      const poll = async (threadId: string) => {
        patience = new AbortController();
        polls = 0;
        const { signal } = patience;
        let run = await threads.runs.createAndPoll(threadId, { assistant_id: assistant.id }, { signal });
        while (run.status === "requires_action" && output !== undefined) {
          const calls = run.required_action!.submit_tool_outputs.tool_calls;
          const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output }));
          run = await threads.runs.submitToolOutputsAndPoll(...path(threadId, run.id, { tool_outputs }));
        }
        updateSpan({ metadata: { threadId, "run.status": run.status, model: run.model, usage: run.usage } });
        await threads.runs.steps.list(...path(threadId, run.id));
        runs.push(run);
        return run;
      };
      const answer = async () => {
        const thread = await withSpan(FOUR[0]!, { type: "tool" }, () => threads.create());
        updateTrace({ metadata: { threadId: thread.id } });
        const message = { role: "user", content: QUESTION } as const;
        await withSpan(FOUR[1]!, { type: "tool" }, () => threads.messages.create(thread.id, message));
        const run = await withSpan(FOUR[2]!, () => poll(thread.id));
        if (run.status !== "completed") throw new Error(`Run ended with status: ${run.status}`);
        await withSpan(FOUR[3]!, { type: "tool" }, async () => {
          await threads.messages.list(thread.id, { run_id: run.id });
        });
      };
      const ask = async () => {
        for (let i = 0; i < questions; i++) {
          const session = questions > 1 ? { sessionId: "algebra-7" } : {};
          await withTrace(session, () => withSpan("openai-assistant", answer)).catch(() => {});
        }
      };
      const sink = await traced(ask, { clock: systemClock, ...(findings && { findings }) });
      check(sink, runs);
    });
  }
}

const found = (sink: MemorySink) => sink.records.flatMap((record) => (record.record === "finding" ? [record] : []));

/** What was found by this rule, and by no other. */
function theFinding(sink: MemorySink, name: string) {
  const findings = found(sink);
  assert.deepEqual([...new Set(findings.map((finding) => finding.name))], [name]);
  return findings.at(-1)!;
}

function agentOf(sink: MemorySink) {
  const agents = sink.findAll({ type: "agent" });
  assert.equal(agents.length, 1, sink.tree());
  return agents[0]!;
}

story("as it should go: four spans, the run with its steps, and nothing is found", {
  tools: [FILE_SEARCH, WEATHER],
  output: "sunny",
  check(sink, [run]) {
    const root = sink.get({ name: "openai-assistant" });
    assert.deepEqual(
      root.children.map(({ record }) => record.name),
      FOUR,
    );
    const polling = sink.get({ name: FOUR[2]! });
    assert.equal((polling.record.metadata as any)["run.status"], "completed");
    const agent = agentOf(sink);
    assert.equal(agent.parent?.record.spanId, polling.record.spanId);
    const { threadId, runId, runStatus } = agent.record.genAi!.openai!;
    assert.deepEqual([threadId, runId, runStatus], [run.thread_id, run.id, "completed"]);
    assert.equal((root.record.trace.metadata as any).threadId, run.thread_id);
    const names = agent.children.map(({ record }) => record.name);
    for (const tool of ["file_search", "get_weather"]) assert.ok(names.includes(`execute_tool ${tool}`), sink.tree());
    const usage = sink.findAll(() => true).flatMap(({ record }) => record.usage ?? []);
    const sum = (key: "inputTokens" | "outputTokens") => usage.reduce((total, each) => total + (each[key] ?? 0), 0);
    assert.deepEqual([sum("inputTokens"), sum("outputTokens")], [run.usage.prompt_tokens, run.usage.completion_tokens]);
    const model = agent.children.find(({ record }) => record.type === "generation")!.record.genAi!;
    assert.equal(model.responseModel ?? model.requestModel, "gpt-4o-mini");
    assert.deepEqual(found(sink), []);
  },
});

story("stuck in requires_action: nobody submitted the tool outputs", {
  tools: [WEATHER],
  check(sink) {
    const finding = theFinding(sink, "stuck_in_requires_action");
    const agent = agentOf(sink);
    assert.equal(finding.spanId, agent.record.spanId);
    assert.match(finding.message, /get_weather/);
    assert.equal(agent.record.genAi!.openai!.runStatus, "requires_action");
    const root = sink.get({ name: "openai-assistant" }).record;
    assert.equal(root.error?.message, "Run ended with status: requires_action");
  },
});

story("tool output that the model did not see", {
  server: {
    runs: {
      stepUsage: [
        [900, 20],
        [1000, 30],
      ],
    },
  },
  tools: [WEATHER],
  output: "All about the weather. ".repeat(200),
  check(sink) {
    const finding = theFinding(sink, "tool_output_truncated");
    assert.match(finding.message, /saw about 80 of some \d+ tokens/);
    assert.equal(sink.find({ name: "openai-assistant" })!.record.status.code, "ok");
  },
});

story("polling without an end: createAndPoll does not time out by itself", {
  server: { runs: "in_progress", pollAfterMs: 60 },
  findings: { maxPolls: 3 },
  check(sink) {
    const finding = theFinding(sink, "endless_polling");
    const agent = agentOf(sink);
    assert.equal(finding.spanId, agent.record.spanId);
    assert.match(finding.message, /still in_progress .* asked for \d+ times/);
    assert.equal(agent.record.genAi!.openai!.runStatus, "in_progress");
    assert.equal(sink.findAll({ type: "generation" }).flatMap(({ record }) => record.usage ?? []).length, 0);
  },
});

story("thread accumulation: a new thread for each question of a session", {
  questions: 5,
  findings: { threadSessionRuns: 5 },
  check(sink, runs) {
    assert.equal(new Set(runs.map(({ thread_id }) => thread_id)).size, 5);
    theFinding(sink, "thread_accumulation");
  },
});

story("failed with server_error, and billed", {
  server: { runs: { ending: "failed", stepUsage: [[1469, 18]] } },
  check(sink) {
    const finding = theFinding(sink, "billed_failure");
    assert.match(finding.message, /1,?487/);
    assert.equal(agentOf(sink).record.status.code, "error");
  },
});

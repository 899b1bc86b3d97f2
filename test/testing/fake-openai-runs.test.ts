import assert from "node:assert/strict";
import type { RunEnding } from "../../src/testing/fake-openai.ts";
import { type ClientCase, eachClient, QUESTION, TIME, WEATHER } from "./each-client.ts";

const polled = async ({ openai, ask }: ClientCase, tools: readonly object[] = []): Promise<any> => {
  const { assistant_id, thread_id } = await ask(tools);
  return openai.beta.threads.runs.createAndPoll(thread_id, { assistant_id });
};

const stepsOf = async ({ openai, path }: ClientCase, run: any): Promise<any[]> =>
  (await openai.beta.threads.runs.steps.list(...path(run.thread_id, run.id, { order: "asc" }))).data;

const messagesOf = async ({ openai }: ClientCase, run: any): Promise<any[]> =>
  (await openai.beta.threads.messages.list(run.thread_id, { run_id: run.id, order: "asc" })).data;

eachClient(
  "a server_error bills what was used",
  { runs: { ending: "failed", stepUsage: [[1469, 18]] } },
  async (one) => {
    const run = await polled(one);
    assert.deepEqual([run.status, run.last_error.code, run.completed_at], ["failed", "server_error", null]);
    const { prompt_tokens, completion_tokens, total_tokens } = run.usage;
    assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [1469, 18, 1487]);
    assert.deepEqual(run.usage.prompt_token_details, { cached_tokens: 0 });
    assert.equal((await stepsOf(one, run))[0].status, "failed");
  },
);

for (const [ending, words] of [
  ["rate_limited", /^Rate limit reached for gpt-4 /],
  ["quota", /exceeded your current quota/],
] as const) {
  eachClient(`${ending}: failed before the first step, with zeros`, { runs: ending }, async (one) => {
    const run = await polled(one);
    assert.deepEqual([run.status, run.last_error.code, run.started_at], ["failed", "rate_limit_exceeded", null]);
    assert.match(run.last_error.message, words);
    assert.equal(run.usage.total_tokens, 0);
    assert.deepEqual(await stepsOf(one, run), []);
  });
}

for (const [ending, reason] of [
  ["incomplete", "max_completion_tokens"],
  ["incomplete_prompt", "max_prompt_tokens"],
] as const) {
  eachClient(`${ending}: the limit is named`, { runs: ending }, async (one) => {
    const run = await polled(one);
    assert.deepEqual([run.status, run.incomplete_details.reason, run.expires_at], ["incomplete", reason, null]);
    assert.equal(typeof run.completed_at, "number");
    assert.equal((await messagesOf(one, run)).length, ending === "incomplete" ? 1 : 0);
  });
}

eachClient("cancelled by itself", { runs: "cancelled" }, async (one) => {
  const run = await polled(one);
  assert.deepEqual([run.status, run.usage, run.completed_at], ["cancelled", null, null]);
  assert.equal(typeof run.cancelled_at, "number");
});

for (const ending of ["queued", "in_progress", "cancelling", "paused"] satisfies RunEnding[]) {
  eachClient(`${ending} for ever`, { runs: ending }, async (one) => {
    const { openai, ask, path } = one;
    const { assistant_id, thread_id } = await ask();
    const { id } = await openai.beta.threads.runs.create(thread_id, { assistant_id });
    let run: any;
    for (let i = 0; i < 6; i++) run = await openai.beta.threads.runs.retrieve(...path(thread_id, id));
    assert.deepEqual([run.status, run.usage, typeof run.expires_at], [ending, null, "number"]);
    await assert.rejects(openai.beta.threads.runs.create(thread_id, { assistant_id }), {
      status: 400,
      message: /already has an active run run_/,
    });
    // A stream of it ends without a terminal event.
    const other = await openai.beta.threads.create({ messages: [{ role: "user", content: QUESTION }] });
    const names: string[] = [];
    for await (const { event } of await openai.beta.threads.runs.create(other.id, { assistant_id, stream: true })) {
      names.push(event);
    }
    assert.equal(
      names.some((name) => /^thread\.run\.(?:completed|failed|incomplete|cancelled|expired)$/.test(name)),
      false,
    );
  });
}

eachClient(
  "several rounds of calls, one with arguments that are no JSON",
  {
    runs: { calls: [[{ name: "a", arguments: { n: 1 } }, { name: "b" }], [{ name: "a", arguments: "{oops" }]] },
  },
  async (one) => {
    const { openai, path } = one;
    let run = await polled(one);
    const seen: unknown[] = [];
    while (run.status === "requires_action") {
      const calls: any[] = run.required_action.submit_tool_outputs.tool_calls;
      seen.push(calls.map((call) => [call.function.name, call.function.arguments]));
      const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: "done" }));
      run = await openai.beta.threads.runs.submitToolOutputsAndPoll(...path(run.thread_id, run.id, { tool_outputs }));
    }
    assert.equal(run.status, "completed");
    assert.deepEqual(seen, [
      [
        ["a", '{"n":1}'],
        ["b", "{}"],
      ],
      [["a", "{oops"]],
    ]);
    assert.deepEqual(
      (await stepsOf(one, run)).map(({ type }) => type),
      ["tool_calls", "tool_calls", "message_creation"],
    );
  },
);

eachClient(
  "six messages, an image and a refusal among them",
  {
    runs: {
      messages: [
        ...["one", "two", "three", "four"],
        [{ type: "image_file", image_file: { file_id: "file-plot", detail: "auto" } }],
        [{ type: "refusal", refusal: "I can't help with that." }],
      ],
    },
  },
  async (one) => {
    const run = await polled(one);
    const content = (await messagesOf(one, run)).map((message) => message.content[0]);
    assert.deepEqual(
      content.map((part) => part.text?.value ?? part.image_file?.file_id ?? part.refusal),
      ["one", "two", "three", "four", "file-plot", "I can't help with that."],
    );
    assert.equal((await stepsOf(one, run)).length, 6);
  },
);

eachClient("completed without any message", { runs: { messages: [] } }, async (one) => {
  const run = await polled(one, [{ type: "code_interpreter" }]);
  assert.equal(run.status, "completed");
  assert.deepEqual(await messagesOf(one, run), []);
  assert.deepEqual(
    (await stepsOf(one, run)).map(({ type }) => type),
    ["tool_calls"],
  );
});

eachClient("a refusal as the answer", { answer: () => ({ refusal: "No." }) }, async (one) => {
  const run = await polled(one);
  const [message] = await messagesOf(one, run);
  assert.deepEqual(message.content, [{ type: "refusal", refusal: "No." }]);
});

eachClient(
  "steps with given usage add up to that of the run",
  {
    runs: {
      stepUsage: [
        [900, 20],
        [400, 30],
      ],
      codeOutputs: [{ type: "logs", logs: "57\n" }],
    },
  },
  async (one) => {
    const run = await polled(one, [{ type: "code_interpreter" }]);
    const steps = await stepsOf(one, run);
    assert.deepEqual(
      steps.map(({ usage }) => usage.prompt_tokens),
      [900, 400],
    );
    assert.equal(run.usage.total_tokens, 1350);
    assert.deepEqual(steps[0].step_details.tool_calls[0].code_interpreter.outputs, [{ type: "logs", logs: "57\n" }]);
  },
);

eachClient("a slow queue", { runs: { queuedS: 12 }, clock: { epochMs: () => 1_700_000_000_000 } }, async (one) => {
  const run = await polled(one);
  assert.deepEqual([run.created_at, run.started_at, run.completed_at], [1_700_000_000, 1_700_000_012, 1_700_000_012]);
});

eachClient(
  "the plan of each run by its request",
  {
    runs: (body) => (body.metadata?.fails ? "failed" : "completed"),
  },
  async ({ openai, ask }) => {
    const { assistant_id, thread_id } = await ask();
    const { runs } = openai.beta.threads;
    const bad = await runs.createAndPoll(thread_id, { assistant_id, metadata: { fails: "yes" } });
    const good = await runs.createAndPoll(thread_id, { assistant_id });
    assert.deepEqual([bad.status, good.status], ["failed", "completed"]);
  },
);

eachClient(
  "started_at is rewritten when the run goes on",
  {
    clock: (() => {
      let at = 1_700_000_000_000;
      return { epochMs: () => (at += 1000) };
    })(),
  },
  async (one) => {
    const waiting = await polled(one, [WEATHER, TIME]);
    const tool_outputs = waiting.required_action.submit_tool_outputs.tool_calls.map(({ id }: any) => ({
      tool_call_id: id,
      output: "sunny",
    }));
    const rest = one.path(waiting.thread_id, waiting.id, { tool_outputs });
    const run = await one.openai.beta.threads.runs.submitToolOutputsAndPoll(...rest);
    assert.ok(run.started_at! > waiting.started_at);
  },
);

eachClient("after the sunset there is nothing", { sunset: true }, async ({ openai }) => {
  await assert.rejects(openai.beta.threads.create(), { status: 404 });
  await assert.rejects(openai.beta.assistants.list(), { status: 404, message: /Invalid URL \(GET \/v1\/assistants\)/ });
  assert.ok((await openai.models.list()).data.length > 0);
});

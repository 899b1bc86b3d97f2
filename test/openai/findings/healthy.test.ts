/** Nothing is found where nothing is wrong, and what is found where a run ended otherwise is what is to be found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withSpan } from "sightline";
import {
  type AssistantRun,
  findings,
  type Listed,
  type MessageLike,
  type RunStepLike,
  recordAssistantRun,
  recordChatCompletion,
  recordResponse,
} from "sightline/openai";
import { traced } from "../../support/traced.ts";
import { aMessage, aRun, aStep, azure, messages, page, steps as someSteps, T0 } from "../payloads.ts";
import { aResponse, said, tokens } from "../response-payloads.ts";

type Data = AssistantRun<Listed<RunStepLike>, Listed<MessageLike>>;

/** The payloads' steps have a call with arguments that are no JSON. */
const steps = someSteps.map((step: any) =>
  JSON.parse(JSON.stringify(step).replaceAll(JSON.stringify("{x:"), JSON.stringify('{"x":2}'))),
);

/** What is found by the process itself, and then over its records. */
async function found(write: () => void): Promise<{ sent: string[]; stored: string[] }> {
  const sink = await traced(() => withSpan("answer", write));
  const sent = sink.records.flatMap((record) => (record.record === "finding" ? record.name : []));
  return { sent, stored: findings(sink.records).map(({ name }) => name) };
}

async function of(...recordings: Data[]): Promise<string[]> {
  const { sent, stored } = await found(() => {
    for (const data of recordings) recordAssistantRun(data);
  });
  assert.deepEqual(sent, stored, "the same in the process and over what it wrote");
  return sent;
}

const pending = {
  type: "submit_tool_outputs",
  submit_tool_outputs: {
    tool_calls: [{ id: "call_1", type: "function", function: { name: "check", arguments: "{}" } }],
  },
};
const live = { completed_at: null, usage: null, expires_at: T0 + 600 };
const observedAt = (T0 + 5) * 1000;
const functionTool = { tools: [{ type: "function", function: { name: "check", parameters: {} } }] };
const onlyTotals = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };

const healthy: readonly [shape: string, ...Data[]][] = [
  ["a run with nothing else", { run: aRun() }],
  ["with its steps", { run: aRun(), steps }],
  ["with its messages", { run: aRun(), messages }],
  ["with both", { run: aRun(), steps, messages }],
  [
    "newest first, as pages",
    { run: aRun(), steps: page([...steps].reverse()), messages: page([...messages].reverse()) },
  ],
  ["some pages of steps", { run: aRun(), steps: page([steps[2]], { has_more: true }), messages }],
  ["camelCase and dates", { run: azure(aRun()), steps: azure(steps), messages: azure(messages) }],
  ["usage of 2024, totals only", { run: aRun({ usage: onlyTotals }) }],
  ["usage of 2023, none", { run: aRun({ usage: undefined }), messages }],
  ["a sub-second run", { run: aRun({ started_at: T0, completed_at: T0 }), messages }],
  ["instructions that are null", { run: aRun({ instructions: null, tools: [] }) }],
  ["started_at rewritten after tool outputs", { run: aRun({ started_at: T0 + 11 }), steps, messages }],
  ["the same, without steps", { run: aRun({ started_at: T0 + 11, ...functionTool }) }],
  [
    "polled: queued, in progress, then completed",
    { run: aRun({ status: "queued", started_at: null, ...live }), observedAt: T0 * 1000 },
    { run: aRun({ status: "in_progress", ...live }), observedAt },
    { run: aRun(), steps, messages },
  ],
  [
    "tool outputs were submitted",
    { run: aRun({ status: "requires_action", required_action: pending, ...live }), observedAt },
    { run: aRun({ ...functionTool }), steps, messages },
  ],
  [
    "a code interpreter whose outputs are empty",
    {
      run: aRun({ usage: null }),
      steps: [
        aStep({
          id: "step_1",
          step_details: {
            type: "tool_calls",
            tool_calls: [{ id: "c", type: "code_interpreter", code_interpreter: { input: "print(1)", outputs: [] } }],
          },
        }),
      ],
    },
  ],
  [
    "file search without contents",
    {
      run: aRun({ usage: null }),
      steps: [
        aStep({
          id: "step_1",
          step_details: {
            type: "tool_calls",
            tool_calls: [{ id: "c", type: "file_search", file_search: { results: [] } }],
          },
        }),
      ],
    },
  ],
  [
    "an image for an answer",
    {
      run: aRun(),
      messages: [
        aMessage("m", T0 + 3, "assistant", "", {
          run_id: aRun().id,
          content: [{ type: "image_file", image_file: { file_id: "file-1" } }],
        }),
      ],
    },
  ],
  [
    "cancelled by the caller",
    { run: aRun({ status: "cancelled", completed_at: null, cancelled_at: T0 + 5, usage: null }), messages: [] },
  ],
  [
    "cancelled, with its thread read",
    {
      run: aRun({ status: "cancelled", completed_at: null, cancelled_at: T0 + 5, usage: null }),
      messages: messages.slice(0, 3),
    },
  ],
  ["being cancelled, just now", { run: aRun({ status: "cancelling", ...live }), observedAt }],
];

for (const [shape, ...recordings] of healthy) {
  test(`nothing is found: ${shape}`, async () => assert.deepEqual(await of(...recordings), []));
}

test("nothing is found: fifty runs in threads of their own, or in one", async () => {
  const many = (thread: (i: number) => string) => () => {
    for (let i = 0; i < 50; i++)
      recordAssistantRun({
        run: aRun({ id: `run_${i}`, thread_id: thread(i), created_at: T0 + i * 20 }),
        messages: [],
        output: "x = 1",
      });
  };
  const reused = await found(many((i) => `thread_${i % 5}`));
  assert.deepEqual([...reused.sent, ...reused.stored], []);
});

test("nothing is found: chat completions", async () => {
  const { sent, stored } = await found(() => {
    const completion = {
      id: "chatcmpl-1",
      object: "chat.completion",
      created: T0,
      model: "gpt-4.1",
      usage: onlyTotals,
    };
    const choice = { index: 0, message: { role: "assistant", content: "x = 1" }, finish_reason: "stop" };
    recordChatCompletion({ ...completion, choices: [choice] } as any);
    const call = { id: "call_1", type: "function", function: { name: "check", arguments: '{"x":1}' } };
    const asks = {
      index: 0,
      message: { role: "assistant", content: null, tool_calls: [call] },
      finish_reason: "tool_calls",
    };
    recordChatCompletion({ ...completion, id: "chatcmpl-2", choices: [asks] } as any);
  });
  assert.deepEqual([...sent, ...stored], []);
});

const chatCall = (i: number) => {
  const call = { id: `call_${i}`, type: "function", function: { name: "check", arguments: "{}" } };
  const message = { role: "assistant", content: null, tool_calls: [call] };
  const result = { role: "tool", tool_call_id: call.id, content: "pending" };
  const completion = { id: `chatcmpl-${i}`, object: "chat.completion", created: T0 + i, model: "gpt-4o" };
  const choices = [{ index: 0, message, finish_reason: "tool_calls" }];
  return { completion: { ...completion, choices, usage: onlyTotals }, said: [message, result] };
};

test("what waits for prices is judged whole: a loop of thirty calls is one finding", async () => {
  const { sent, stored } = await found(() => {
    const asked: object[] = [{ role: "user", content: "q" }];
    for (let i = 0; i < 30; i++) {
      const { completion, said } = chatCall(i);
      recordChatCompletion(completion as any, { request: { messages: [...asked] } } as any);
      asked.push(...said);
    }
  });
  assert.deepEqual([sent, stored], [["tool_loop"], ["tool_loop"]]);
});

test("what waits for prices is judged whole: nothing is found in a run that went on", async () => {
  const { sent, stored } = await found(() => {
    recordResponse(aResponse());
    const run = aRun({ status: "requires_action", required_action: pending, ...live });
    recordAssistantRun({ run, observedAt: (T0 + 90) * 1000 });
    recordAssistantRun({ run: aRun() });
  });
  assert.deepEqual([...sent, ...stored], []);
});

const failed = (code: string, message: string, usage: unknown = null) =>
  aRun({ status: "failed", completed_at: null, failed_at: T0 + 5, last_error: { code, message }, usage });

const wrong: readonly [names: string[], ...Data[]][] = [
  [
    ["incomplete_token_cap"],
    { run: aRun({ status: "incomplete", incomplete_details: { reason: "max_completion_tokens" } }), steps, messages },
  ],
  [
    ["run_expired"],
    {
      run: aRun({ status: "expired", completed_at: null, expires_at: T0 + 600, usage: null }),
      observedAt: (T0 + 700) * 1000,
    },
  ],
  [
    ["stuck_in_requires_action"],
    { run: aRun({ status: "requires_action", required_action: pending, ...live }), observedAt },
  ],
  [
    ["cancelling_stuck"],
    { run: aRun({ status: "cancelling", ...live, expires_at: null }), observedAt: (T0 + 700) * 1000 },
  ],
  [
    ["rate_limited_in_run"],
    {
      run: failed("rate_limit_exceeded", "You exceeded your current quota", {
        prompt_tokens: 0,
        completion_tokens: 0,
        total_tokens: 0,
      }),
    },
  ],
  [
    ["billed_failure"],
    {
      run: failed("server_error", "Sorry, something went wrong.", {
        prompt_tokens: 1469,
        completion_tokens: 18,
        total_tokens: 1487,
      }),
    },
  ],
  [["completed_without_answer", "stale_answer_read"], { run: aRun(), messages: messages.slice(0, 3) }],
  [["usage_read_too_early"], { run: aRun({ status: "in_progress", ...live }), observedAt }],
  [["bad_tool_arguments"], { run: aRun(), steps: someSteps, messages }],
];

for (const [names, ...recordings] of wrong) {
  test(`what is found is ${names.join(" and ")}`, async () => assert.deepEqual(await of(...recordings), names));
}

test("what was sent is what is found in the records, evidence included", async () => {
  const sink = await traced(() =>
    withSpan(
      "answer",
      () =>
        void recordAssistantRun({
          run: aRun({ status: "expired", completed_at: null, expires_at: T0 + 600 }),
          steps: someSteps,
        }),
    ),
  );
  const sent = sink.records.filter((record) => record.record === "finding");
  const nowMs = Number(sent[0]!.time) / 1e6;
  assert.deepEqual(findings(sink.records, { nowMs }), sent);
});

const responses =
  (...parts: readonly object[]) =>
  () => {
    for (const [i, part] of parts.entries()) recordResponse(aResponse({ id: `resp_${i}`, ...part }));
  };

const call = (name: string, args: string, i = 0) => ({
  id: `fc_${name}${i}`,
  type: "function_call",
  call_id: `call_${name}${i}`,
  name,
  arguments: args,
  status: "completed",
});
const search = { id: "ws_1", type: "web_search_call", status: "completed", action: { type: "search", query: "x" } };
const code = {
  id: "ci_1",
  type: "code_interpreter_call",
  status: "completed",
  code: "{1}",
  container_id: "c",
  outputs: null,
};
const refusal = { ...said(""), content: [{ type: "refusal", refusal: "I can't help with that." }] };

const fine: readonly [shape: string, ...object[]][] = [
  ["an answer", {}],
  ["a call of a function, then the answer", { output: [call("check", '{"x":1}')] }, { previous_response_id: "resp_0" }],
  ["the provider's tools", { output: [search, code, said("x = 1")] }],
  [
    "free text for a custom tool",
    {
      output: [{ ...call("sql", ""), type: "custom_tool_call", input: "{ select 1 }" }],
      tools: [{ type: "custom", name: "sql" }],
    },
  ],
  [
    "in the background, to its end",
    { status: "queued", background: true, output: [], usage: null, completed_at: null },
    { id: "resp_0", background: true },
  ],
  ["cancelled", { status: "cancelled", output: [], usage: null }],
  ["cached", ...Array.from({ length: 9 }, (_, i) => ({ usage: tokens(2000 + i, 10, i === 0 ? 0 : 1024) }))],
];

for (const [shape, ...parts] of fine) {
  test(`nothing is found in responses: ${shape}`, async () => {
    const { sent, stored } = await found(responses(...parts));
    assert.deepEqual([...sent, ...stored], []);
  });
}

const failedResponse = (code: string, usage: unknown = null) => ({
  status: "failed",
  output: [],
  usage,
  error: { code, message: "no" },
});

const odd: readonly [names: string[], ...object[]][] = [
  [["incomplete_token_cap"], { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } }],
  [["content_filter_or_refusal"], { status: "incomplete", incomplete_details: { reason: "content_filter" } }],
  [["completed_without_answer", "content_filter_or_refusal"], { output: [refusal] }],
  [["rate_limited_in_run"], failedResponse("rate_limit_exceeded")],
  [["billed_failure"], failedResponse("server_error", tokens(100, 3))],
  [["background_abandoned"], { status: "in_progress", background: true, output: [], usage: null, completed_at: null }],
  [["bad_tool_arguments"], { output: [call("check", "{x:")] }],
  [
    ["tool_loop"],
    ...[0, 1, 2].map((i) => ({ output: [call("look", "{}", i)], previous_response_id: `resp_${i - 1}` })),
  ],
  [["cache_never_hits"], ...Array.from({ length: 6 }, () => ({ usage: tokens(2000, 10) }))],
];

for (const [names, ...parts] of odd) {
  test(`what is found in responses is ${names.join(" and ")}`, async () => {
    const { sent, stored } = await found(responses(...parts));
    assert.deepEqual(sent, names);
    assert.deepEqual(stored, names);
  });
}

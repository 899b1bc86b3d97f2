import assert from "node:assert/strict";
import { test } from "node:test";
import { completionDescriber } from "../../src/openai/completion.ts";
import { T0 } from "./payloads.ts";

const answer = {
  id: "cmpl-1",
  object: "text_completion",
  created: T0,
  model: "gpt-3.5-turbo-instruct:20230824-v2",
  choices: [
    { text: " there.", index: 0, logprobs: null, finish_reason: "length" },
    { text: "", index: 1, logprobs: null, finish_reason: "stop" },
  ],
  usage: { prompt_tokens: 5, completion_tokens: 16, total_tokens: 21 },
};

const call = (request: unknown, given: unknown = answer) =>
  completionDescriber.plan({ request, answer: given, provider: "openai", startMs: 1000, endMs: 2000 });

test("a legacy completion: the prompt in, a message for each choice out", () => {
  const plan = call({
    model: "gpt-3.5-turbo-instruct",
    prompt: "Hello",
    max_tokens: 16,
    n: 2,
    echo: false,
    user: "ada",
  });
  const [span] = plan.spans;
  assert.deepEqual([plan.id, plan.isTerminal, plan.spans.length], [`cmpl-1 ${T0}`, true, 1]);
  assert.deepEqual(
    [span.name, span.type, span.startMs, span.endMs],
    ["text_completion gpt-3.5-turbo-instruct", "generation", 1000, 2000],
  );
  assert.deepEqual(span.patch, {
    input: [{ role: "user", parts: [{ type: "text", content: "Hello" }] }],
    output: [
      { role: "assistant", parts: [{ type: "text", content: " there." }], finish_reason: "length" },
      { role: "assistant", parts: [], finish_reason: "stop" },
    ],
    usage: { inputTokens: 5, outputTokens: 16, totalTokens: 21 },
    level: "WARNING",
    statusMessage: "incomplete: length",
    genAi: {
      operation: "text_completion",
      provider: "openai",
      requestModel: "gpt-3.5-turbo-instruct",
      responseModel: answer.model,
      responseId: "cmpl-1",
      finishReasons: ["length", "stop"],
      parameters: { max_tokens: 16, n: 2, echo: false },
      openai: { createdAt: T0, incompleteReason: "length" },
    },
  });
});

test("several prompts are several messages, and tokens only their count", () => {
  const input = (prompt: unknown) => call({ prompt }).spans[0].patch.input;
  const user = (...parts: unknown[]) => ({ role: "user", parts });
  assert.deepEqual(input(["a", "b"]), [user({ type: "text", content: "a" }), user({ type: "text", content: "b" })]);
  assert.deepEqual(input([1, 2, 3]), [user({ type: "tokens", count: 3 })]);
  assert.deepEqual(input([[1, 2, 3], [4]]), [user({ type: "tokens", count: 3 }), user({ type: "tokens", count: 1 })]);
  assert.equal(input(undefined), undefined);
});

test("an error inside an answer is the span's failure", () => {
  const { status, spans } = call({ prompt: "a" }, { error: { message: "no such model", type: "not_found" } });
  assert.deepEqual([status, spans[0].failure], ["failed", { code: "not_found", message: "no such model" }]);
});

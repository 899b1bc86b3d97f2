import assert from "node:assert/strict";
import { test } from "node:test";
import { memorySink } from "../../src/sinks/memory.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { mathTutor, span } from "./math-tutor.ts";

sinkContract(() => memorySink());

function tutor() {
  const sink = memorySink();
  sink.write(mathTutor);
  return sink;
}

test("records: the highest seq of each span, in order of arrival, whatever the order of writing", () => {
  const sink = memorySink();
  const [first, second, other] = [
    sampleSpan({ seq: 1, unfinished: true }),
    sampleSpan({ seq: 2 }),
    sampleSpan({ spanId: "b7ad6b7169203331" }),
  ];
  sink.write([first, other, second]);
  assert.deepEqual(sink.records, [other, second]);
  sink.write([first, second]);
  assert.deepEqual(sink.records, [other, second]);
  assert.equal(sink.all.length, 5);
  sink.clear();
  assert.deepEqual(sink.records, []);
  assert.deepEqual(sink.traces(), []);
});

test("spans of two traces with the same span id are two spans", () => {
  const sink = memorySink();
  sink.write([sampleSpan(), sampleSpan({ traceId: "4bf92f3577b34da6a3ce929d0e0e4736" })]);
  assert.equal(sink.records.length, 2);
  assert.equal(sink.traces().length, 2);
});

test("find takes a name, a type, a pattern, a part of a record, a function", () => {
  const sink = tutor();
  assert.equal(sink.find("run_assistant")?.record.name, "run_assistant");
  assert.equal(sink.find("tool")?.record.name, "execute_tool code_interpreter");
  assert.equal(sink.find(/file_search$/)?.record.type, "tool");
  assert.equal(sink.find({ type: "tool", status: { code: "error" } })?.record.name, "execute_tool file_search");
  assert.equal(sink.find({ genAi: { requestModel: /mini/ } })?.record.name, "summarise");
  assert.equal(sink.find((record) => (record.usage?.inputTokens ?? 0) > 1000)?.record.usage?.outputTokens, 131);
  assert.equal(sink.find({ name: /chat/, usage: { inputTokens: 1 } }), undefined);
  assert.equal(sink.find("nothing"), undefined);
  assert.equal(sink.findAll("generation").length, 3);
  assert.equal(sink.findAll(/chat/g).length, 2, "a /g pattern has no memory");
});

test("a pattern is met by own values only, and arrays by all of their entries", () => {
  const sink = memorySink();
  sink.write([sampleSpan({ metadata: { tags: ["a", "b"] } })]);
  assert.ok(sink.find({ metadata: { tags: ["a", /b/] } }));
  assert.equal(sink.find({ metadata: { tags: ["a"] } }), undefined);
  assert.equal(sink.find({ metadata: { toString: Object.prototype.toString } as never }), undefined);
  assert.ok(sink.find({ metadata: { missing: undefined as never } }));
});

test("a node knows its parent, its children, its scores, and searches below itself", () => {
  const sink = tutor();
  const agent = sink.get("agent");
  assert.equal(agent.parent?.record.name, "get_response");
  assert.deepEqual(
    agent.children.map((child) => child.record.name),
    ["chat gpt-4.1", "execute_tool code_interpreter", "execute_tool file_search", "chat gpt-4.1"],
  );
  assert.equal(agent.find("agent"), agent);
  assert.equal(agent.find("run_math_tutor"), undefined);
  assert.equal(agent.find("summarise"), undefined);
  assert.equal(agent.parent?.scores[0]?.comment, "clear steps");
});

test("get shows the tree when nothing fits", () => {
  const sink = tutor();
  assert.throws(() => sink.get("agent").get("nobody"), {
    name: "AssertionError",
    message: /no span fits "nobody" in\n\ninvoke_agent Math Tutor \[agent\]\n├─ chat gpt-4.1 \[generation\]\n/,
  });
  assert.throws(() => memorySink().get(/x/), /no span fits \/x\/ in\n\n\(no spans\)/);
});

test("traces have roots, attributes and scores of their own", () => {
  const sink = memorySink();
  sink.write([sampleScore({ spanId: "ffffffffffffffff" }), sampleScore({ id: "2", value: 1 }), ...mathTutor]);
  const [trace] = sink.traces();
  assert.equal(trace?.roots.length, 1);
  assert.equal(trace?.info.userId, "user_42");
  assert.deepEqual(
    trace?.scores.map(({ value }) => value),
    [0.9, 1],
  );
  assert.equal(trace?.find("agent")?.record.name, "invoke_agent Math Tutor");
});

test("expectTree: name, type, error, warning, unfinished", () => {
  tutor().expectTree(`
    run_math_tutor
    ├─ create_assistant
    ├─ run_assistant
    │  ├─ threads.create
    │  ├─ threads.messages.create
    │  └─ threads.runs.create
    └─ get_response
       ├─ invoke_agent Math Tutor [agent]
       │  ├─ chat gpt-4.1 [generation]
       │  ├─ execute_tool code_interpreter [tool]
       │  ├─ execute_tool file_search [tool] ✗ RateLimitError 429: Rate limit reached, try again in 3 s
       │  │  └─ GET /v1/vector_stores/search ✗ RateLimitError 429: Rate limit reached, try again in 3 s
       │  └─ chat gpt-4.1 [generation]
       ├─ answer.cached [event]
       ├─ summarise [generation] ! usage was missing
       └─ save_transcript (unfinished)
  `);
});

test("expectTree replaces ids and times, not names that look a little like ids", () => {
  const sink = memorySink();
  const name = "run_assistant run_abc123DEF456ghi789JKL0 at 2026-11-21T10:15:00.123Z";
  const message = "no thread 0193489c-5a7e-7c3e-9f2e-4d7a1b2c3d4e, trace 0193489c5a7e7c3e9f2e4d7a1b2c3d4e";
  sink.write([span(1, undefined, 0, 1, { name, status: { code: "error" }, error: { type: "NotFound", message } })]);
  sink.expectTree("run_assistant run_<id> at <time> ✗ NotFound: no thread <id>, trace <id>");
});

test("expectTree fails with both trees, in a form that runners can compare", () => {
  const sink = memorySink();
  sink.write([span(1, undefined, 0, 1, { name: "a" })]);
  assert.throws(() => sink.expectTree("b"), {
    name: "AssertionError",
    code: "ERR_ASSERTION",
    actual: "a",
    expected: "b",
    message: "the tree is\n\na\n\nand should be\n\nb\n",
  });
  assert.throws(() => memorySink().expectTree("b"), /\(no spans\)/);
});

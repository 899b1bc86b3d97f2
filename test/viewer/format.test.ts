/** Figures as people read them, addresses, tokens, events in pieces, messages of every API, and calls as curl. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/core/json.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { searchParams } from "../../src/viewer/app/api.ts";
import { eventReader } from "../../src/viewer/app/event-reader.ts";
import * as format from "../../src/viewer/app/format.ts";
import { href, parse } from "../../src/viewer/app/router.ts";
import { takeToken } from "../../src/viewer/app/token.ts";
import { messagesOf } from "../../src/viewer/app/trace/chat.ts";
import { curlOf } from "../../src/viewer/app/trace/curl.ts";
import { stepsOf } from "../../src/viewer/app/trace/run.ts";

test("Durations have three digits and the unit that fits, also just below the next one", () => {
  const told = [0, 840, 12_340, 412e6, 999.6e6, 6.21e9, 59.94e9, 59.96e9, 242e9, 3_599.7e9, 11_520e9, 187_200e9];
  assert.deepEqual(told.map(format.duration), [
    "0 ms",
    "840 ns",
    "12.3 µs",
    "412 ms",
    "1 s",
    "6.21 s",
    "59.9 s",
    "1 m 00 s",
    "4 m 02 s",
    "1 h 00 m",
    "3 h 12 m",
    "2 d 4 h",
  ]);
  assert.equal(format.duration(undefined), "–");
  assert.equal(format.duration(-2e9), "-2 s");
});

test("Money, counts, bytes and shares stay short and never lie about being nothing", () => {
  assert.deepEqual([0, 0.00001, 0.00123, 0.0876, 0.1234, 1.234, 1_234, 12_345].map(format.usd), [
    "$0",
    "<$0.0001",
    "$0.0012",
    "$0.0876",
    "$0.123",
    "$1.23",
    "$1,234",
    "$12.3k",
  ]);
  assert.deepEqual([0, 412, 999, 1_204, 12_449, 999_600, 1_240_000, 3.1e9].map(format.compact), [
    "0",
    "412",
    "999",
    "1.2k",
    "12.4k",
    "1M",
    "1.24M",
    "3.1B",
  ]);
  assert.deepEqual([812, 1_200, 20_400_000].map(format.bytes), ["812 B", "1.2 kB", "20.4 MB"]);
  assert.deepEqual([0, 0.0001, 0.123, 1].map(format.percent), ["0%", "<0.1%", "12.3%", "100%"]);
  assert.equal(format.plural(1, "span"), "1 span");
  assert.equal(format.plural(1_204, "span"), "1,204 spans");
});

test("Times are told from now, and after a week by their date", () => {
  const now = 1_763_000_000_000_000;
  const ago = (seconds: number) => format.relativeTime(now - seconds * 1e6, now);
  assert.deepEqual([1, 12, 200, 18_000, 200_000].map(ago), ["just now", "12 s ago", "3 min ago", "5 h ago", "2 d ago"]);
  assert.match(ago(864_000), /^\d{4}-\d{2}-\d{2}$/);
  assert.match(format.exactTime(now + 123_456), /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.123456$/);
});

test("An address goes there and back, whatever is in it", () => {
  const address = href("/traces", { userId: "Zoë & co=1#?", text: "", limit: 5, none: undefined });
  const { page, parts, params } = parse(address);
  assert.deepEqual([page, parts, Object.fromEntries(params)], ["traces", [], { userId: "Zoë & co=1#?", limit: "5" }]);
  assert.deepEqual(parse("#/trace/ab%2Fc?span=1").parts, ["ab/c"]);
  assert.equal(parse("").page, "traces");
  assert.deepEqual(parse("#/trace/%E0%A4%A").parts, ["%E0%A4%A"]);
});

test("The token leaves the address", () => {
  assert.deepEqual(takeToken("#token=s3cret"), { token: "s3cret", hash: "" });
  assert.deepEqual(takeToken("#/trace/1?span=2&token=s3cret"), { token: "s3cret", hash: "#/trace/1?span=2" });
  assert.deepEqual(takeToken("#/traces?userId=token"), { hash: "#/traces?userId=token" });
});

test("Queries become parameters; what is not asked for is left out", () => {
  const query = {
    groupBy: ["model", "feature"],
    where: { team: "a b" },
    metadata: { "x.y": "1" },
    fromUs: 0,
    text: undefined,
  };
  assert.equal(searchParams(query).toString(), "groupBy=model%2Cfeature&where.team=a+b&metadata.x.y=1&fromUs=0");
});

test("Events arrive whole in whatever pieces they come", () => {
  const stream = ': hi\n\ndata: {"a":1}\n\ndata:one\r\ndata: two\r\n\r\nevent: x\ndata: 3\n\ndata: cut';
  for (let size = 1; size < 12; size++) {
    const seen: string[] = [];
    const read = eventReader((data) => seen.push(data));
    for (let i = 0; i < stream.length; i += size) read(stream.slice(i, i + size));
    assert.deepEqual(seen, ['{"a":1}', "one\ntwo", "3"], `in pieces of ${size}`);
  }
});

/** Role and the kinds of parts, one line a message. */
function outline(value: Json): string[] | undefined {
  return messagesOf(value)?.map(({ role, parts }) => `${role}: ${parts.map(({ kind }) => kind).join(" ")}`);
}

test("Messages are found in what every API sends and answers", () => {
  const called = { id: "c1", type: "function", function: { name: "solve", arguments: '{"x":1}' } };
  assert.deepEqual(
    outline({
      model: "gpt-4.1",
      messages: [
        { role: "system", content: "Be kind." },
        {
          role: "user",
          content: [
            { type: "text", text: "hi" },
            { type: "image_url", image_url: { url: "https://x/y.png" } },
          ],
        },
        { role: "assistant", content: null, tool_calls: [called] },
        { role: "tool", tool_call_id: "c1", content: '{"x":2}' },
      ],
    }),
    ["system: text", "user: text media", "assistant: call", "tool: result"],
  );
  assert.deepEqual(outline({ choices: [{ message: { role: "assistant", content: "x" }, finish_reason: "length" }] }), [
    "assistant: text",
  ]);
  assert.deepEqual(
    outline({
      instructions: "Be kind.",
      input: [
        { role: "user", content: "hi" },
        { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
        { type: "function_call", call_id: "c1", name: "solve", arguments: "{}" },
        { type: "function_call_output", call_id: "c1", output: "1" },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "1" }] },
      ],
    }),
    ["system: text", "user: text", "assistant: reasoning call", "tool: result", "assistant: text"],
  );
  assert.deepEqual(
    outline([
      {
        role: "user",
        parts: [
          { type: "text", content: "hi" },
          { type: "blob", modality: "image", mime_type: "image/png", bytes: 9 },
        ],
      },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "hm" },
          { type: "tool_use", id: "t", name: "f", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "1" }] },
    ]),
    ["user: text media", "assistant: reasoning call", "user: result"],
  );
  for (const other of ["text", 5, null, [], [1], { a: 1 }, { messages: "no" }, [{ id: 1 }]] as Json[]) {
    assert.equal(messagesOf(other), undefined, JSON.stringify(other));
  }
  const data = messagesOf([
    { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] },
  ]);
  assert.deepEqual(data![0]!.parts, [{ kind: "media", what: "image_url", detail: "image/png;base64, 26 characters" }]);
});

test("A chat call becomes a curl command that a shell reads as it was meant; what is not whole becomes none", () => {
  const record = sampleSpan({
    type: "generation",
    input: [{ role: "user", parts: [{ type: "text", content: "it's 5 o'clock" }] }],
    genAi: {
      requestModel: "gpt-4.1",
      parameters: { temperature: 0 },
      toolDefinitions: [{ type: "function", name: "f", parameters: {} }],
      systemInstructions: [{ type: "text", content: "Be kind." }],
    },
  });
  const curl = curlOf(record)!;
  assert.match(curl, /^curl 'https:\/\/api\.openai\.com\/v1\/chat\/completions'/);
  assert.match(curl, /Bearer \$OPENAI_API_KEY/);
  const body = JSON.parse(curl.slice(curl.indexOf("-d '") + 4, -1).replaceAll(`'\\''`, "'"));
  assert.deepEqual(body, {
    model: "gpt-4.1",
    messages: [
      { role: "system", content: "Be kind." },
      { role: "user", content: "it's 5 o'clock" },
    ],
    temperature: 0,
    tools: [{ type: "function", function: { name: "f", parameters: {} } }],
  });
  const elsewhere = { ...record, http: { method: "POST", route: "/chat/completions", host: "evil.example/$(id)" } };
  assert.ok(!curlOf(elsewhere)!.includes("OPENAI_API_KEY"), "the key goes to OpenAI only");
  assert.equal(curlOf({ ...record, cuts: [{ path: "input[0]", reason: "string" }] }), undefined);
  assert.equal(
    curlOf({ ...record, input: [{ role: "user", parts: [{ type: "blob", modality: "image" }] }] }),
    undefined,
  );
  assert.equal(curlOf({ ...record, type: "tool" }), undefined);
});

test("The spans below a run are its steps, by the id of the step", () => {
  const part = (spanId: string, runStepId: string | undefined, type: "tool" | "generation", from: number, to: number) =>
    sampleSpan({
      spanId,
      type,
      startTime: `${from}`,
      endTime: `${to}`,
      genAi: { openai: { ...(runStepId && { runStepId }) } },
    });
  const steps = stepsOf([
    part("a", "s1", "generation", 1, 5),
    part("b", "s1", "tool", 5, 9),
    part("c", undefined, "generation", 9, 12),
  ]);
  assert.deepEqual(
    steps.map(({ id, kind, durationNs }) => [id, kind, durationNs]),
    [
      ["s1", "tool calls", 8],
      ["c", "message", 3],
    ],
  );
});

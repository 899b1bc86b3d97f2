import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "sightline";
import { updateTrace, withSpan, withTrace } from "sightline";
import { type ResponseLike, recordResponse } from "sightline/openai";
import { traced } from "../support/traced.ts";
import { aResponse, T0, tokens, type Wire } from "./response-payloads.ts";

const link = ({ traceId, spanId }: SpanRecord): unknown => [
  { traceId, spanId, attributes: { link: "previous_response" } },
];

function inChain(n: number, part: Wire = {}): ResponseLike & Wire {
  const previous_response_id = n === 1 ? null : `resp_${n - 1}`;
  const created_at = T0 + n * 10;
  return aResponse({ id: `resp_${n}`, previous_response_id, created_at, completed_at: created_at + 1, ...part });
}

test("three responses in two traces are linked, each to the one before", async () => {
  const sink = await traced(() => {
    withSpan("first", () => {
      recordResponse(inChain(1, { usage: tokens(100, 10) }));
      recordResponse(inChain(2, { usage: tokens(200, 20, 100) }));
    });
    withSpan("second", () => recordResponse(inChain(3, { usage: tokens(300, 30, 200) })));
  });
  const [one, two, three] = sink.findAll("generation").map(({ record }) => record);
  assert.equal(one!.links, undefined);
  assert.deepEqual(two!.links, link(one!));
  assert.deepEqual(three!.links, link(two!));
  assert.deepEqual([one!.traceId === two!.traceId, two!.traceId === three!.traceId], [true, false]);
  assert.deepEqual(three!.genAi?.previousResponseId, "resp_2");
  // What the API bills: the sum over all responses, each of which reads what was before it again.
  const totals = [one!, two!, three!].map(({ usage }) => usage?.totalTokens ?? 0);
  assert.equal(
    totals.reduce((sum, count) => sum + count),
    660,
  );
  assert.deepEqual(
    [one, two, three].map((record) => record!.trace.sessionId),
    [undefined, undefined, undefined],
  );
});

test("a conversation is the session of traces that have none, and goes on along the chain", async () => {
  const sink = await traced(() => {
    recordResponse(inChain(1, { conversation: { id: "conv_1" } }));
    recordResponse(inChain(2));
    recordResponse(inChain(3));
    withTrace({ sessionId: "my-session" }, () => withSpan("own", () => recordResponse(inChain(4))));
  });
  const spans = sink.findAll("generation").map(({ record }) => record);
  assert.deepEqual(
    spans.map(({ genAi }) => genAi?.conversationId),
    ["conv_1", "conv_1", "conv_1", "conv_1"],
  );
  assert.deepEqual(
    spans.map(({ genAi, trace }) => [genAi?.responseId, trace.sessionId]),
    [
      ["resp_4", "my-session"],
      ["resp_1", "conv_1"],
      ["resp_2", "conv_1"],
      ["resp_3", "conv_1"],
    ],
  );
});

test("a trace without a conversation takes the session that the chain was in", async () => {
  const sink = await traced(() => {
    withSpan("first", () => {
      recordResponse(inChain(1));
      updateTrace({ sessionId: "s-1" });
    });
    recordResponse(inChain(2));
  });
  assert.equal(sink.get("first").record.trace.sessionId, "s-1");
  const second = sink.findAll("generation").find(({ record }) => record.genAi?.responseId === "resp_2")!;
  assert.equal(second.record.trace.sessionId, "s-1");
  assert.equal(second.record.genAi?.conversationId, undefined);
});

test("the conversation and the response before may be known from the request alone", async () => {
  const request = { model: "gpt-5", input: "And then?", conversation: "conv_9", previous_response_id: "resp_gone" };
  const sink = await traced(() => void recordResponse(aResponse({ previous_response_id: undefined }), { request }));
  const { record } = sink.get("generation");
  assert.deepEqual(
    [record.genAi?.conversationId, record.genAi?.previousResponseId, record.trace.sessionId, record.links],
    ["conv_9", "resp_gone", "conv_9", undefined],
  );
});

test("a response that goes on from one that is not known here has no link, and one from itself ends", async () => {
  const sink = await traced(() => {
    recordResponse(inChain(7));
    recordResponse(aResponse({ id: "resp_self", previous_response_id: "resp_self" }));
  });
  assert.deepEqual(
    sink.findAll("generation").map(({ record }) => record.links),
    [undefined, undefined],
  );
});

test("a background response keeps its link in every state", async () => {
  const sink = await traced(() => {
    recordResponse(inChain(1));
    recordResponse(inChain(2, { status: "queued", usage: null, output: [], completed_at: null }));
    recordResponse(inChain(2));
  });
  const [one, two] = sink.findAll("generation").map(({ record }) => record);
  assert.deepEqual([two!.seq, two!.links], [1, link(one!)]);
});

test("a conversation id that looks like a credential is masked as the session too", async () => {
  const id = `sk-proj-${"a1B2c3D4".repeat(6)}`;
  const sink = await traced(() => void recordResponse(inChain(1, { conversation: { id } })));
  assert.doesNotMatch(JSON.stringify(sink.records), new RegExp(id));
  assert.ok(sink.get("generation").record.trace.sessionId);
});

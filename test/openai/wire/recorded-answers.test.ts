import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { withSpan } from "sightline";
import { type ResponseLike, record, recordAssistantRun, recordChatCompletion, recordResponse } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { aRun, T0 } from "../payloads.ts";
import { aResponse, tokens as usage } from "../response-payloads.ts";
import { client, tokens, type Wire, written } from "./run-support.ts";
import { events, json, scriptedServer } from "./scripted-server.ts";

type Ended = { readonly type: string; readonly response: ResponseLike };

const REQUEST = { model: "gpt-4o", input: "Hi" };

test("a response that is recorded from the last event of its own stream is one observation", async () => {
  await using fake = await fakeOpenAI();
  const results: boolean[] = [];
  const { spans } = await written(() =>
    withSpan("flow", async () => {
      const { responses } = client(fake.baseURL);
      for await (const event of await responses.create({ ...REQUEST, stream: true })) {
        if (event.type === "response.completed") results.push(record(event as Ended, { request: REQUEST }).recorded);
      }
      const stream = responses.stream(REQUEST);
      stream.on("response.completed", (event) => {
        results.push(record(event as Ended).recorded);
      });
      await stream.finalResponse();
    }),
  );
  assert.deepEqual(results, [false, false]);
  assert.deepEqual(tokens(spans).on, ["generation", "generation"]);
  assert.equal(spans.length, 3);
});

test("a completion that is recorded before its stream has been read to the end is one observation", async () => {
  const chunk = (part: Wire): string =>
    `data: ${JSON.stringify({ id: "c1", created: 7, model: "gpt-4o", ...part })}\n\n`;
  const counted = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const choice = { index: 0, delta: { content: "Hi" }, finish_reason: "stop" };
  await using server = await scriptedServer(
    events([chunk({ choices: [choice] }), chunk({ choices: [], usage: counted }), "data: [DONE]\n\n"]),
  );
  const { spans } = await written(() =>
    withSpan("flow", async () => {
      const messages = [{ role: "user" as const, content: "Hi" }];
      const stream = await client(server.baseURL).chat.completions.create({ model: "gpt-4o", messages, stream: true });
      for await (const { choices, ...rest } of stream) {
        if (choices.length > 0) continue;
        const message = { role: "assistant", content: "Hi" };
        const whole = { ...rest, choices: [{ index: 0, message, finish_reason: "stop" }] };
        assert.equal(recordChatCompletion(whole).recorded, false);
      }
    }),
  );
  assert.deepEqual([spans.length, tokens(spans).input], [2, 3]);
});

test("a large answer that is recorded as soon as it is there is one observation", async () => {
  const answer = aResponse({ instructions: "x".repeat(400_000), usage: usage(36, 87) });
  await using server = await scriptedServer(json(200, answer));
  const { spans } = await written(() =>
    withSpan("flow", async () => {
      const response = await client(server.baseURL).responses.create(REQUEST);
      assert.equal(recordResponse(response).recorded, false);
    }),
  );
  assert.deepEqual(tokens(spans), { input: 36, output: 87, on: ["generation"] });
});

test("a call whose answer has been recorded by somebody else keeps the call, without its tokens", async () => {
  const answer = aResponse({ usage: usage(36, 87) });
  await using server = await scriptedServer(json(200, answer, { "x-litellm-response-cost": "0.5" }));
  let elsewhere = "";
  const { spans } = await written(() =>
    withSpan("flow", async () => {
      elsewhere = recordResponse(answer).spanId;
      await client(server.baseURL).responses.create(REQUEST);
    }),
  );
  assert.deepEqual(tokens(spans), { input: 36, output: 87, on: ["generation"] });
  const call = spans.find(({ http }) => http !== undefined)!;
  assert.deepEqual([call.type, call.usage, call.cost], ["span", undefined, undefined]);
  assert.deepEqual(call.metadata?.["recorded_as"], elsewhere);
});

test("a response that the wire created is finished from data on the same span, with what was asked", async () => {
  await using fake = await fakeOpenAI();
  const bare = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey });
  const { spans, all } = await written(async () => {
    const { responses } = client(fake.baseURL);
    const { id } = await withSpan("flow", () => responses.create({ ...REQUEST, background: true }));
    let response: Wire = {};
    while (response["status"] !== "completed") response = await bare.responses.retrieve(id);
    assert.equal(recordResponse(response).recorded, true);
    await responses.retrieve(id);
    assert.equal(recordResponse(response).recorded, false);
  });
  const states = all("chat gpt-4o");
  assert.deepEqual(
    states.map(({ seq, unfinished }) => [seq, unfinished]),
    [
      [0, true],
      [1, undefined],
    ],
  );
  assert.equal(states[0]!.spanId, states[1]!.spanId);
  assert.deepEqual(states[1]!.input, states[0]!.input);
  assert.notEqual(states[1]!.input, undefined);
  assert.equal(states[1]!.http?.method, "POST");
  assert.deepEqual(tokens(spans).on, ["generation"]);
});

test("the same while its span is still open in its trace", async () => {
  await using fake = await fakeOpenAI();
  const bare = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey });
  const { spans, one } = await written(() =>
    withSpan("flow", async () => {
      const stream = await client(fake.baseURL).responses.create({ ...REQUEST, background: true, stream: true });
      let id = "";
      for await (const event of stream) {
        if ("response" in event) id = event.response.id;
        break;
      }
      let response: Wire = {};
      while (response["status"] !== "completed") response = await bare.responses.retrieve(id);
      assert.equal(recordResponse(response).recorded, true);
    }),
  );
  const { seq, unfinished, genAi } = one("chat gpt-4o");
  assert.deepEqual([seq, unfinished, genAi?.responseStatus], [1, undefined, "completed"]);
  assert.deepEqual(tokens(spans).on, ["generation"]);
});

test("a response whose stream broke is finished from data on the span of its call", async () => {
  const response = aResponse({ status: "in_progress", completed_at: null, output: [], usage: null });
  const created = { type: "response.created", response };
  await using server = await scriptedServer(
    events([`event: response.created\ndata: ${JSON.stringify(created)}\n\n`], (answer) => answer.destroy()),
  );
  const { spans } = await written(async () => {
    const { responses } = client(server.baseURL);
    await withSpan("flow", async () => {
      await assert.rejects(async () => {
        for await (const _ of await responses.create({ ...REQUEST, stream: true }));
      });
    });
    assert.equal(recordResponse(aResponse()).recorded, true);
  });
  const calls = spans.filter(({ type }) => type === "generation");
  assert.deepEqual(
    calls.map(({ seq, http, usage: paid }) => [seq, http?.method, paid?.totalTokens]),
    [[1, "POST", 123]],
  );
});

test("a run that is recorded before the wire sees it keeps what only the recording knew", async () => {
  const queued = aRun({ status: "queued", started_at: null, completed_at: null, usage: null });
  await using server = await scriptedServer(json(200, aRun()));
  const { all } = await written(async () => {
    await withSpan("flow", () => {
      recordAssistantRun({ run: queued, assistant: { name: "Math Tutor" }, input: "Solve", observedAt: T0 });
    });
    const { runs } = client(server.baseURL).beta.threads;
    await withSpan("poll", () => runs.retrieve(queued.id, { thread_id: queued.thread_id! }));
  });
  const states = all("invoke_agent Math Tutor");
  assert.deepEqual(
    states.map(({ seq, unfinished, input }) => [seq, unfinished, input]),
    [
      [0, true, "Solve"],
      [1, undefined, "Solve"],
    ],
  );
  assert.equal(states[0]!.spanId, states[1]!.spanId);
});

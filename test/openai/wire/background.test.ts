import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { withSpan } from "sightline";
import { recordResponse } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { client, drained, named, tokens, type Wire, written } from "./run-support.ts";
import { events, json, scriptedServer } from "./scripted-server.ts";

const REQUEST = { model: "gpt-5", input: "Solve 3x + 11 = 14.", background: true };

test("a background response is one generation from its creation to the retrieval that finds its end", async () => {
  await using fake = await fakeOpenAI();
  let response: Wire = {};
  const { sink, one, all, spans } = await written(() =>
    withSpan("flow", async () => {
      const { responses } = client(fake.baseURL);
      response = await responses.create(REQUEST);
      while (response["status"] !== "completed") response = await responses.retrieve(response["id"]);
      await responses.retrieve(response["id"]);
      assert.equal(recordResponse(response, { request: REQUEST }).recorded, false);
    }),
  );
  sink.expectTree(`
    flow
    └─ chat gpt-5 [generation]
  `);
  const { http, genAi, level, status, input, unfinished } = one("chat gpt-5");
  assert.equal(all("chat gpt-5").length, 1);
  assert.deepEqual([http?.method, http?.route, http?.polls?.count], ["POST", "/responses", 2]);
  assert.deepEqual([level, status.message, unfinished], ["DEFAULT", undefined, undefined]);
  assert.deepEqual([genAi?.responseStatus, genAi?.openai?.background], ["completed", true]);
  assert.deepEqual((input as any)[0].parts[0].content, REQUEST.input);
  assert.deepEqual(tokens(spans).input, response["usage"].input_tokens);
});

test("it lasts as long as the clock here has seen, whatever the API's clock says", async () => {
  for (const skewMs of [0, -900, 5_000]) {
    await using fake = await fakeOpenAI({ clock: { epochMs: () => Date.now() + skewMs } });
    let took = 0;
    /** When the last request was sent whose answer said that it goes on. */
    let asked = 0;
    const { one } = await written(() =>
      withSpan("flow", async () => {
        const { responses } = client(fake.baseURL);
        const started = performance.now();
        let response: Wire = await responses.create(REQUEST);
        for (let sent = 0; response["status"] !== "completed"; ) {
          asked = sent;
          await sleep(150);
          sent = performance.now() - started;
          response = await responses.retrieve(response["id"]);
        }
        took = performance.now() - started;
      }),
    );
    const { startTime, endTime } = one("chat gpt-5");
    const lasted = Number(BigInt(endTime) - BigInt(startTime)) / 1e6;
    assert.ok(lasted <= took + 5 && lasted > asked - 20, `${skewMs}: ${lasted} ms, of ${asked} to ${took}`);
  }
});

test("one that its trace does not see ending is unfinished, and completed from elsewhere", async () => {
  await using fake = await fakeOpenAI();
  const { all, one, spans } = await written(async () => {
    const { responses } = client(fake.baseURL);
    const { id } = await withSpan("request 1", () => responses.create(REQUEST));
    await withSpan("request 2", async () => {
      await responses.retrieve(id);
      await responses.retrieve(id);
    });
  });
  const [unfinished, whole, ...more] = all("chat gpt-5");
  assert.deepEqual(more, []);
  assert.deepEqual([unfinished?.unfinished, unfinished?.level, unfinished?.usage], [true, "WARNING", undefined]);
  assert.deepEqual([whole?.unfinished, whole?.level, whole?.seq], [undefined, "DEFAULT", 1]);
  const same = ({ spanId, traceId, parentSpanId, startTime, input }: any) =>
    JSON.stringify({ spanId, traceId, parentSpanId, startTime, input });
  assert.equal(same(whole), same(unfinished));
  assert.equal(whole?.parentSpanId, one("request 1").spanId);
  assert.equal(spans.length, 3);
});

test("cancelled: a warning and no tokens", async () => {
  await using fake = await fakeOpenAI();
  const { one, spans } = await written(() =>
    withSpan("flow", async () => {
      const { responses } = client(fake.baseURL);
      await responses.cancel((await responses.create(REQUEST)).id);
    }),
  );
  const { level, genAi, usage } = one("chat gpt-5");
  assert.deepEqual([level, genAi?.responseStatus, usage], ["WARNING", "cancelled", undefined]);
  assert.equal(spans.length, 2);
});

const RESPONSE = {
  id: "resp_1",
  object: "response",
  created_at: 1_774_963_844,
  completed_at: 1_774_963_850,
  status: "completed",
  background: true,
  model: "gpt-5",
  output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "x = 1" }] }],
  usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
};

test("a response that others made: in the background a generation with its tokens, once; else a span without", async () => {
  const stored = { ...RESPONSE, id: "resp_2", background: false };
  await using server = await scriptedServer(json(200, RESPONSE), json(200, RESPONSE), json(200, stored));
  const { one, spans } = await written(() =>
    withSpan("flow", async () => {
      const { responses } = client(server.baseURL);
      await responses.retrieve("resp_1");
      await responses.retrieve("resp_1");
      await responses.retrieve("resp_2");
    }),
  );
  const generation = one("chat gpt-5");
  assert.equal(generation.startTime, "1774963844000000000");
  assert.equal(generation.endTime, "1774963850000000000");
  const fetched = one("fetch_response");
  assert.deepEqual([fetched.type, fetched.usage, fetched.unfinished], ["span", undefined, undefined]);
  assert.equal(fetched.genAi?.responseId, "resp_2");
  assert.deepEqual(tokens(spans), { input: 10, output: 5, on: ["generation"] });
  assert.equal(spans.length, 3);
});

test("a background stream that breaks goes on with the next one", async () => {
  const at = (type: string, data: Wire) => named(type, { type, ...data });
  const running = { ...RESPONSE, status: "in_progress", completed_at: null, output: [], usage: null };
  const delta = { output_index: 0, content_index: 0, item_id: "msg_1", delta: "x =" };
  await using server = await scriptedServer(
    events([at("response.created", { response: running }), at("response.output_text.delta", delta)], (response) =>
      response.destroy(),
    ),
    events([
      at("response.output_text.delta", { ...delta, delta: " 1" }),
      at("response.completed", { response: RESPONSE }),
    ]),
  );
  const { one, all } = await written(() =>
    withSpan("flow", async () => {
      const { responses } = client(server.baseURL);
      await drained(await responses.create({ ...REQUEST, stream: true })).catch(() => {});
      await drained(await responses.retrieve("resp_1", { stream: true, starting_after: 2 }));
    }),
  );
  const { usage, output, unfinished, error } = one("chat gpt-5");
  assert.equal(all("chat gpt-5").length, 1);
  assert.deepEqual([usage?.inputTokens, unfinished, error], [10, undefined, undefined]);
  assert.equal((output as any)[0].parts[0].content, "x = 1");
});

test("left alone, it shows what had come", async () => {
  await using fake = await fakeOpenAI({ responses: "in_progress" });
  const { one } = await written(() =>
    withSpan("flow", async () => {
      const { responses } = client(fake.baseURL);
      const { id } = await responses.create(REQUEST);
      for (let i = 0; i < 4; i++) await responses.retrieve(id);
    }),
  );
  const { unfinished, http, genAi, usage } = one("chat gpt-5");
  assert.deepEqual([unfinished, http?.polls?.count, usage], [true, 4, undefined]);
  assert.equal(genAi?.responseStatus, "in_progress");
});

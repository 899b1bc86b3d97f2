import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import {
  configure,
  filter,
  memorySink,
  observe,
  type SpanRecord,
  shutdown,
  suppress,
  withSpan,
  withTrace,
} from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { modelCallOf } from "../../../src/monitors/model-call.ts";
import { REFUSE, type WatchingSink, watchingSink } from "../../support/watching-sink.ts";
import { recordedSpans } from "./recorded-spans.ts";
import { COMPLETION, json, scriptedServer } from "./scripted-server.ts";

const CLIENTS: Record<string, any> = { "openai 4": OpenAI4, "openai 5": OpenAI5, "openai 6": OpenAI };
const CHAT = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "3x + 11 = 14" }] };

/** Every kind of call that is asked for. */
const CALLS: Record<string, (client: any) => Promise<unknown>> = {
  chat: (client) => client.chat.completions.create(CHAT),
  "a chat as a stream": async (client) => {
    for await (const _ of await client.chat.completions.create({ ...CHAT, stream: true }));
  },
  "a stream helper": (client) => (client.beta.chat?.completions ?? client.chat.completions).stream(CHAT).finalMessage(),
  completion: (client) => client.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "1 + 1" }),
  response: (client) => client.responses.create({ model: "gpt-4.1", input: "1 + 1" }),
  "a response as a stream": async (client) => {
    for await (const _ of await client.responses.create({ model: "gpt-4.1", input: "1 + 1", stream: true }));
  },
  embedding: (client) => client.embeddings.create({ model: "text-embedding-3-small", input: "triangle" }),
  image: (client) => client.images.generate({ model: "gpt-image-1", prompt: "a triangle" }),
  speech: (client) => client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "three" }),
  transcription: (client) =>
    client.audio.transcriptions.create({
      model: "whisper-1",
      file: new File(["RIFF"], "a.wav", { type: "audio/wav" }),
    }),
  run: (client) => client.beta.threads.createAndRun({ assistant_id: "asst_1" }),
};

async function thrown(fn: () => unknown): Promise<any> {
  try {
    await fn();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

function watchedSpans(sink: WatchingSink, fn: () => unknown, options: object = {}): Promise<SpanRecord[]> {
  const memory = memorySink();
  return recordedSpans(fn, { sinks: [memory, sink], ...options }).then(() =>
    memory.records.filter((record): record is SpanRecord => record.record === "span"),
  );
}

for (const [name, Client] of Object.entries(CLIENTS)) {
  test(`${name}: a refused call is not sent, is an APIError with 402 that is not tried again, and a span that says so`, async () => {
    await using fake = await fakeOpenAI();
    for (const [what, call] of Object.entries(CALLS)) {
      for (const way of ["fetch", "client"]) {
        const settings = { baseURL: fake.baseURL, apiKey: fake.apiKey };
        const client =
          way === "fetch" ? new Client({ ...settings, fetch: tracedFetch() }) : observeOpenAI(new Client(settings));
        const sink = watchingSink(() => REFUSE);
        const [span, ...others] = await watchedSpans(sink, async () => {
          const error = await thrown(() => call(client));
          assert.ok(error instanceof Client.APIError, `${what}: ${error.constructor.name}`);
          assert.deepEqual(
            [error.status, error.code, error.type, error.param, error.message.includes("5.00 of 5.00 USD")],
            [402, "budget_exceeded", "budget_exceeded", null, true],
            what,
          );
        });
        assert.deepEqual(others, [], what);
        const { status, error, http, cost, usage, level } = span!;
        assert.deepEqual(
          [status.code, level, error?.code, error?.status],
          ["error", "ERROR", "budget_exceeded", 402],
          what,
        );
        assert.ok(error?.message?.includes("team alpha"));
        assert.deepEqual([http?.status, cost, usage], [402, undefined, undefined], what);
        // The form that openai 4 sends for a file is a stream: the model in it is not known.
        if (what !== "run" && !(what === "transcription" && Client === OpenAI4))
          assert.equal(modelCallOf(span!)?.status, "refused", what);
        assert.deepEqual(
          sink.asked.map(({ spanId }) => spanId),
          [span!.spanId],
          what,
        );
        assert.deepEqual(sink.ended, [span!.spanId], what);
      }
    }
    assert.equal(fake.requests.length, 0);
  });
}

test("the answer in place of a refused one is OpenAI's error as JSON, and the request's body is not touched", async () => {
  const sink = watchingSink(() => REFUSE);
  let sent = 0;
  const traced = tracedFetch({
    fetch: async () => {
      sent++;
      return new Response("{}");
    },
  });
  await watchedSpans(sink, async () => {
    const request = new Request("http://localhost/v1/chat/completions", { method: "POST", body: JSON.stringify(CHAT) });
    const response = await traced(request);
    assert.ok(response instanceof Response && !response.ok);
    assert.deepEqual([response.status, response.headers.get("content-type")], [402, "application/json"]);
    assert.equal(response.headers.get("x-should-retry"), "false");
    const { code, message } = REFUSE.refuse!;
    assert.deepEqual(await response.json(), { error: { message, type: "budget_exceeded", code, param: null } });
    assert.equal(request.bodyUsed, false);
  });
  assert.equal(sent, 0);
});

test("nobody need read the answer for the span to say why, also where payloads are not recorded", async () => {
  const traced = tracedFetch({ captureContent: false });
  const [span] = await watchedSpans(
    watchingSink(() => REFUSE),
    () => traced("http://localhost/v1/chat/completions", { method: "POST", body: JSON.stringify(CHAT) }),
  );
  assert.deepEqual([span!.error?.code, span!.error?.message], ["budget_exceeded", REFUSE.refuse!.message]);
  assert.equal(span!.input, undefined);
});

test("who is asked is told the trace as it is, the provider and the model of the request", async () => {
  await using fake = await fakeOpenAI();
  const client = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch({ provider: "groq" }) });
  const sink = watchingSink();
  const spans = await watchedSpans(sink, () =>
    withTrace({ feature: "tutor", team: "alpha", userId: "u-1" }, () =>
      withSpan("request", () => client.chat.completions.create(CHAT)),
    ),
  );
  const chat = spans.find(({ type }) => type === "generation")!;
  const { traceId, spanId } = chat;
  assert.equal(sink.asked.length, 1);
  const [{ trace, ...call }] = sink.asked as [WatchingSink["asked"][0]];
  assert.deepEqual(call, { traceId, spanId, provider: "groq", model: "gpt-4.1" });
  assert.deepEqual([trace.feature, trace.team, trace.userId], ["tutor", "alpha", chat.trace.userId]);
  assert.deepEqual(sink.ended, [spanId]);
});

test("what runs no model for money is not asked for: polls, lists, files, moderations, outputs of tools", async () => {
  await using fake = await fakeOpenAI();
  const client = observeOpenAI(new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey }));
  const sink = watchingSink();
  const spans = await watchedSpans(sink, async () => {
    await client.models.list();
    await client.moderations.create({ model: "omni-moderation-latest", input: "triangle" });
    const assistant = await client.beta.assistants.create({ model: "gpt-4.1" });
    const thread = await client.beta.threads.create({ messages: [{ role: "user", content: "3x + 11 = 14" }] });
    await client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    await client.beta.threads.messages.list(thread.id);
  });
  assert.equal(sink.asked.length, 1);
  // The run has its own span: the one that was asked for is given up when the run has been made.
  assert.deepEqual(sink.ended, [sink.asked[0]!.spanId]);
  assert.deepEqual(
    spans.filter(({ name }) => name.startsWith("POST /threads/{thread_id}/runs")),
    [],
  );
  assert.equal(spans.filter(({ type, name }) => type === "agent" || name.startsWith("invoke_agent")).length, 1);
});

test("attempts are asked for one by one under one span, and a refused one ends the call", async () => {
  await using server = await scriptedServer(json(429, { error: { message: "slow down" } }, { "retry-after-ms": "1" }));
  let attempts = 0;
  const sink = watchingSink(() => (++attempts > 2 ? REFUSE : undefined));
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: "sk-fake-key", fetch: tracedFetch(), maxRetries: 5 });
  const [span] = await watchedSpans(sink, async () => {
    const error = await thrown(() => client.chat.completions.create(CHAT));
    assert.equal(error.status, 402);
  });
  assert.equal(server.requests, 2);
  assert.equal(new Set(sink.asked.map(({ spanId }) => spanId)).size, 1);
  assert.equal(sink.asked.length, 3);
  assert.deepEqual(
    span!.http?.attempts?.map(({ status, error }) => [status, error]),
    [
      [429, undefined],
      [429, undefined],
      [402, "budget_exceeded"],
    ],
  );
  // While it waits for the next attempt nothing is held back for it.
  assert.deepEqual(sink.ended, Array(3).fill(span!.spanId));
});

test("a call that was aborted is over for the watch at once, although another attempt might follow", async () => {
  await using server = await scriptedServer(() => {});
  const sink = watchingSink();
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: "sk-fake-key", fetch: tracedFetch(), maxRetries: 0 });
  configure({ sinks: [sink], prices: false });
  const aborter = new AbortController();
  setTimeout(() => aborter.abort(), 10);
  await thrown(() => client.chat.completions.create(CHAT, { signal: aborter.signal }));
  assert.deepEqual(sink.ended, [sink.asked[0]!.spanId]);
  await shutdown();
  assert.equal(sink.ended.length, 1);
});

for (const [name, Client] of Object.entries(CLIENTS)) {
  test(`${name}: a call goes out with the model that was chosen, and nothing else of it changes`, async () => {
    await using fake = await fakeOpenAI();
    for (const inject of [false, { hosts: [new URL(fake.baseURL).host] }]) {
      const client = new Client({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch({ inject }) });
      const sink = watchingSink(({ model }) => ({ model: `${model}-mini` }));
      const run = async () => {
        const answer = await client.chat.completions.create({ ...CHAT, temperature: 0.2, store: true });
        assert.equal(answer.model, "gpt-4.1-mini");
        await client.responses.create({ model: "gpt-4.1", input: "grüße", store: true });
      };
      const spans = await watchedSpans(sink, () => withTrace({ feature: "tutor" }, run));
      const [chat, response] = fake.requests.slice(-2);
      const { metadata, safety_identifier, ...body } = chat!.body as any;
      assert.deepEqual(body, { ...CHAT, model: "gpt-4.1-mini", temperature: 0.2, store: true });
      assert.equal(metadata !== undefined, inject !== false);
      assert.equal((response!.body as any).model, "gpt-4.1-mini");
      for (const span of spans) {
        assert.equal(span.genAi?.requestModel, "gpt-4.1-mini");
        assert.equal(span.attributes?.["sightline.model.requested"], "gpt-4.1");
        assert.ok(span.name.endsWith("gpt-4.1-mini"), span.name);
      }
    }
  });
}

test("a chosen model holds for its attempt alone", async () => {
  const models: string[] = [];
  const slow = json(429, { error: { message: "slow down" } }, { "retry-after-ms": "1" });
  await using server = await scriptedServer((request, response, body) => {
    models.push(JSON.parse(body).model);
    return models.length < 4 ? slow(request, response, body) : json(200, COMPLETION)(request, response, body);
  });
  const chosen = [undefined, { model: "small" }, { model: "small" }, undefined];
  const sink = watchingSink(() => chosen[sink.asked.length - 1]);
  const client = new OpenAI({ baseURL: server.baseURL, apiKey: "sk-fake-key", fetch: tracedFetch(), maxRetries: 5 });
  const [span] = await watchedSpans(sink, () => client.chat.completions.create(CHAT));
  assert.deepEqual(models, ["gpt-4.1", "small", "small", "gpt-4.1"]);
  assert.deepEqual(
    sink.asked.map(({ model }) => model),
    ["gpt-4.1", "gpt-4.1", "gpt-4.1", "gpt-4.1"],
  );
  assert.equal(span!.genAi?.requestModel, "gpt-4.1");
});

/** Sends requests that no other model can be put into: another's object, bytes, a form, a deployment in the address. */
async function sendUnchangeable(fake: Awaited<ReturnType<typeof fakeOpenAI>>, traced: typeof fetch): Promise<number[]> {
  const headers = { authorization: `Bearer ${fake.apiKey}`, "content-type": "application/json" };
  const body = JSON.stringify(CHAT);
  const url = `${fake.baseURL}/chat/completions`;
  const statuses: number[] = [];
  const requests: Parameters<typeof fetch>[] = [
    [new Request(url, { method: "POST", headers, body })],
    [url, { method: "POST", headers, body: Buffer.from(body) }],
    [url, { method: "POST", headers, body: '{"model" : "gpt-4.1", "messages":[]}' }],
  ];
  for (const request of requests) {
    const response = await traced(...request);
    await response.text();
    statuses.push(response.status);
  }
  const sent = async (fn: () => Promise<unknown>) =>
    statuses.push(
      await fn().then(
        () => 200,
        ({ status }) => status,
      ),
    );
  const settings = { endpoint: fake.endpoint, apiKey: fake.apiKey, apiVersion: "2024-10-21", fetch: traced };
  await sent(() => new AzureOpenAI({ ...settings, deployment: "mine" }).chat.completions.create(CHAT));
  const client = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: traced });
  await sent(() => client.audio.transcriptions.create({ model: "whisper-1", file: new File(["RIFF"], "a.wav") }));
  return statuses;
}

test("where a request cannot be changed it is asked whether it may go out as it is, and refused if not", async () => {
  await using fake = await fakeOpenAI();
  const sink = watchingSink(({ canReroute }) => (canReroute === false ? REFUSE : { model: "small" }));
  const spans = await watchedSpans(sink, async () => {
    assert.deepEqual(await sendUnchangeable(fake, tracedFetch()), Array(5).fill(402));
  });
  assert.equal(fake.requests.length, 0);
  assert.deepEqual(
    sink.asked.map(({ spanId, canReroute }) => [spanId, canReroute]),
    spans.flatMap(({ spanId }) => [
      [spanId, undefined],
      [spanId, false],
    ]),
  );
  // Of bytes and of another's object the model is not known.
  assert.deepEqual(
    sink.asked.map(({ model }) => model ?? "").filter((_, i) => i % 2 === 1),
    [...["", "", "gpt-4.1", "gpt-4.1", "whisper-1"]],
  );
});

test("a request that cannot be changed and that nobody refuses goes out as it is", async () => {
  await using fake = await fakeOpenAI();
  const sink = watchingSink(() => ({ model: "small" }));
  const bodies: unknown[] = [];
  const inner: typeof fetch = async (input, init) => {
    bodies.push(init?.body ?? (await (input as Request).clone().text()));
    return fetch(input, init);
  };
  const spans = await watchedSpans(sink, () => sendUnchangeable(fake, tracedFetch({ fetch: inner })));
  assert.deepEqual([sink.asked.length, bodies.length], [10, 5]);
  assert.ok(bodies.every((body) => !String(body).includes("small")));
  assert.ok(spans.every(({ attributes }) => attributes?.["sightline.model.requested"] === undefined));
  assert.ok(spans.every(({ genAi }) => genAi?.requestModel !== "small"));
});

test("the request below an observed call is that call: asked for once, its model where the function did not know it", async () => {
  await using fake = await fakeOpenAI();
  const client = observeOpenAI(new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey }));
  const solve = () => client.chat.completions.create(CHAT);
  const twice = async () => [await solve(), await solve()];

  const knowing = watchingSink(() => ({ model: "small" }));
  const [chat, outer] = await watchedSpans(knowing, observe({ type: "generation", model: "gpt-4.1" })(solve));
  assert.deepEqual(
    knowing.asked.map(({ spanId }) => spanId),
    [outer!.spanId],
  );
  assert.equal(chat!.genAi?.requestModel, "small");

  const unknowing = watchingSink(({ model }) => (model === "gpt-4.1" ? { model: "small" } : undefined));
  const [asked, around] = await watchedSpans(unknowing, observe({ type: "generation" })(solve));
  assert.deepEqual(
    unknowing.asked.map(({ spanId, model }) => [spanId, model]),
    [
      [around!.spanId, undefined],
      [around!.spanId, "gpt-4.1"],
    ],
  );
  assert.equal(asked!.genAi?.requestModel, "small");
  assert.deepEqual(unknowing.ended, [around!.spanId]);

  // The second is another call.
  const many = watchingSink();
  const [, second, all] = await watchedSpans(many, observe({ type: "generation", model: "gpt-4.1" })(twice));
  assert.deepEqual(
    many.asked.map(({ spanId }) => spanId),
    [all!.spanId, second!.spanId],
  );
  // Nothing is held back twice: when the request is over, the function's call is.
  assert.deepEqual(many.ended, [all!.spanId, second!.spanId]);
});

test("the first request anywhere below an observed call is that call, and the one record of it that counts", async () => {
  await using fake = await fakeOpenAI();
  const client = observeOpenAI(new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey }));
  const solve = observe({ type: "generation", model: "gpt-4.1" })(() =>
    withSpan("http", () => withSpan("socket", () => client.chat.completions.create(CHAT))),
  );
  // One at a time: a second question of the same call would be refused.
  const open = new Set<string>();
  const sink = watchingSink(({ spanId }) => (open.size > 0 ? REFUSE : void open.add(spanId)));
  sink.modelCalls.ended = (_, spanId) => void open.delete(spanId);
  const spans = await watchedSpans(sink, async () => {
    for (let i = 0; i < 3; i++) await solve();
  });
  assert.deepEqual([fake.requests.length, sink.asked.length, open.size], [3, 3, 0]);
  assert.equal(spans.filter((span) => modelCallOf(span)?.isCall).length, 3);
  for (const span of spans.filter(({ name, type }) => type === "generation" && !name.startsWith("chat"))) {
    assert.equal(span.attributes?.["sightline.model.called_below"], true);
    assert.equal(modelCallOf(span), undefined);
  }
});

test("nothing is asked inside suppress, nor of traces that are not recorded", async () => {
  await using fake = await fakeOpenAI();
  const client = observeOpenAI(new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey }));
  const sink = watchingSink(() => REFUSE);
  await watchedSpans(sink, () => suppress(() => client.chat.completions.create(CHAT)));
  await watchedSpans(sink, () => client.chat.completions.create(CHAT), { sampleRate: 0 });
  assert.equal(sink.asked.length, 0);
  assert.equal(fake.requests.length, 2);
  const monitor: WatchingSink = { ...sink, policy: { unsampled: true } };
  const memory = memorySink();
  configure({ sinks: [monitor, memory], sampleRate: 0, prices: false });
  assert.equal((await thrown(() => client.chat.completions.create(CHAT))).status, 402);
  await shutdown();
  assert.deepEqual([sink.asked.length, sink.ended.length, memory.records.length], [1, 1, 0]);
});

test("an aborted request is not asked for, and a body that the inner fetch refuses ends its call", async () => {
  const sink = watchingSink(() => REFUSE);
  const fails: typeof fetch = () => {
    throw new TypeError("no such body");
  };
  const spans = await watchedSpans(sink, async () => {
    const init = { method: "POST", body: JSON.stringify(CHAT), signal: AbortSignal.abort() };
    assert.equal((await thrown(() => tracedFetch()("http://localhost/v1/chat/completions", init))).name, "AbortError");
    assert.equal(sink.asked.length, 0);
    sink.modelCalls.starting = () => undefined;
    const call = () =>
      tracedFetch({ fetch: fails })("http://localhost/v1/chat/completions", { method: "POST", body: "{}" });
    assert.equal((await thrown(call)).message, "no such body");
  });
  assert.deepEqual(
    spans.map(({ status }) => status.code),
    ["error", "error"],
  );
});

test("of two fetches that are traced the outer one asks", async () => {
  await using fake = await fakeOpenAI();
  const fetch = tracedFetch({ fetch: tracedFetch() });
  const client = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch });
  const sink = watchingSink();
  const spans = await watchedSpans(sink, () => client.chat.completions.create(CHAT));
  assert.deepEqual([spans.length, sink.asked.length, sink.ended.length], [1, 1, 1]);
});

test("a filter around the sink leaves its watch in place", async () => {
  const sink = watchingSink(() => REFUSE);
  configure({ sinks: [filter(sink, () => true)], prices: false });
  const traced = tracedFetch();
  const response = await traced("http://localhost/v1/chat/completions", { method: "POST", body: JSON.stringify(CHAT) });
  assert.equal(response.status, 402);
  await shutdown();
});

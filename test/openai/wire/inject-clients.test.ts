/** `tracedFetch({ inject })` under the real clients: what arrives at the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { hashUserId, suppress, withSpan, withTrace } from "sightline";
import { fakeOpenAI } from "sightline/testing";
import { tracedFetch } from "../../../src/openai/wire/traced-fetch.ts";
import { traced } from "../../support/traced.ts";

const KEY = "a key of more than sixteen characters";
const HASH = hashUserId("jane", KEY);
const messages = [{ role: "user" as const, content: "Solve 3x + 11 = 14." }];

const CLIENTS = {
  "openai 4": (options: object) => new OpenAI4(options),
  "openai 5": (options: object) => new OpenAI5(options),
  "openai 6": (options: object) => new OpenAI(options),
};

for (const [name, connect] of Object.entries(CLIENTS)) {
  test(`${name}: each endpoint gets what it takes, and attempts are alike`, async () => {
    const script = [{ match: "POST /responses", status: 500, times: 1 }];
    await using server = await fakeOpenAI({ script });
    const { apiKey, baseURL } = server;
    const inject = { hosts: [new URL(baseURL).host], promptCacheKey: true as const, traceparent: true };
    await traced(
      async () => {
        const client = connect({ apiKey, baseURL, fetch: tracedFetch({ inject }) }) as OpenAI;
        await withTrace({ userId: "jane", sessionId: "s-1" }, () =>
          withSpan("request", async (span) => {
            const metadata = { trace_id: span.traceId, session_id: "s-1", user_id: HASH };
            await client.responses.create({ model: "gpt-4o", input: "q", metadata: { own: "é" } });
            await client.chat.completions.create({ model: "gpt-4o", messages });
            await client.chat.completions.create({ model: "gpt-4o", messages, store: true });
            const assistant = await client.beta.assistants.create({ model: "gpt-4o", name: "Tutor" });
            const thread = await client.beta.threads.create({ messages });
            await client.beta.threads.messages.create(thread.id, { role: "user", content: "And then?" });
            const run = await client.beta.threads.runs.create(thread.id, { assistant_id: assistant.id });
            await client.embeddings.create({ model: "text-embedding-3-small", input: "q" });
            assert.deepEqual(run.metadata, metadata);

            const bodies = server.requests.map(({ path, body }) => [path.replace(/thread_\w+/, "t"), body] as const);
            const identity = { safety_identifier: HASH, prompt_cache_key: "s-1" };
            const wanted: Record<string, object>[] = [
              { "/responses": { metadata: { own: "é", ...metadata }, ...identity } },
              { "/responses": { metadata: { own: "é", ...metadata }, ...identity } },
              { "/chat/completions": identity },
              { "/chat/completions": { metadata, ...identity } },
              { "/assistants": {} },
              { "/threads": { metadata } },
              { "/threads/t/messages": { metadata } },
              { "/threads/t/runs": { metadata } },
              { "/embeddings": {} },
            ];
            const seen = bodies.map(([path, { metadata, safety_identifier, prompt_cache_key }]) => {
              return { [path]: JSON.parse(JSON.stringify({ metadata, safety_identifier, prompt_cache_key })) };
            });
            assert.deepEqual(seen, wanted);
            assert.deepEqual(bodies[0], bodies[1]);
            for (const { headers, path } of server.requests) {
              assert.equal(headers["traceparent"], span.traceparent(), path);
            }
          }),
        );
      },
      { userIdKey: KEY },
    );
  });
}

test("what is sent does not depend on whether its trace is sampled; inside suppress nothing is added", async () => {
  await using server = await fakeOpenAI();
  const { apiKey, baseURL } = server;
  const inject = { hosts: [new URL(baseURL).host] };
  const sink = await traced(
    async () => {
      const client = new OpenAI({ apiKey, baseURL, fetch: tracedFetch({ inject }) });
      const ask = () => client.responses.create({ model: "gpt-4o", input: "q" });
      await withTrace({ userId: "jane" }, () => withSpan("request", ask));
      await suppress(ask);
    },
    { sampleRate: 0, userIdKey: KEY },
  );
  const [injected, plain] = server.requests.map(({ body }) => body);
  assert.equal(injected.safety_identifier, HASH);
  assert.equal(injected.metadata.user_id, HASH);
  assert.deepEqual(plain, { input: "q", model: "gpt-4o" });
  assert.deepEqual(sink.records, []);
});

test("a Request keeps its method, headers and body", async () => {
  const seen: unknown[] = [];
  const inner: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    seen.push([request.method, request.headers.get("authorization"), await request.text()]);
    return new Response("{}");
  };
  const fetch = tracedFetch({ fetch: inner, inject: { traceparent: true, promptCacheKey: () => "k" } });
  const url = "https://api.openai.com/v1/chat/completions";
  const request = () => new Request(url, { method: "POST", body: '{"a":1}', headers: { authorization: "Bearer k" } });
  await traced(() =>
    withSpan("request", async () => {
      await fetch(request());
      await fetch(request(), { body: '{"b":1}' });
      await fetch(url, request());
    }),
  );
  assert.deepEqual(seen, [
    ["POST", "Bearer k", '{"a":1}'],
    ["POST", "Bearer k", '{"b":1}'],
    ["POST", "Bearer k", '{"a":1}'],
  ]);
});

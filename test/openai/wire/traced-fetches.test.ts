/** A traced `fetch` around or behind another one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { withSpan } from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { recordedSpans } from "./recorded-spans.ts";
import { COMPLETION, json, scriptedServer } from "./scripted-server.ts";

const INIT = { method: "POST", body: '{"model":"m","messages":[]}' };

/** Runs `fn` and puts the global `fetch` back. */
async function withGlobal(fn: (before: typeof fetch) => Promise<void>): Promise<void> {
  const before = globalThis.fetch;
  try {
    await fn(before);
  } finally {
    globalThis.fetch = before;
  }
}

const ask = async (traced: typeof fetch, baseURL: string): Promise<number> => {
  const response = await traced(`${baseURL}/chat/completions`, INIT);
  await response.text();
  return response.status;
};

test("a traced fetch may be the global one, and others may put theirs around it", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const { baseURL } = server;
  await withGlobal(async () => {
    globalThis.fetch = tracedFetch();
    assert.equal(await ask(fetch, baseURL), 200, "while tracing is off");
    const spans = await recordedSpans(async () => {
      assert.equal(await ask(fetch, baseURL), 200);
    });
    assert.equal(spans.length, 1);
    const traced = globalThis.fetch;
    for (const around of [
      ((...args) => traced(...args)) as typeof fetch,
      (async (...args) => {
        await null;
        return traced(...args);
      }) as typeof fetch,
    ]) {
      globalThis.fetch = around;
      assert.equal(await ask(fetch, baseURL), 200);
      assert.equal((await recordedSpans(() => ask(fetch, baseURL))).length, 1);
    }
  });
});

test("something that waits is put around the global one before it was ever called", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  await withGlobal(async () => {
    const traced = (globalThis.fetch = tracedFetch());
    await null;
    globalThis.fetch = async (...args) => {
      await null;
      return traced(...args);
    };
    assert.equal((await recordedSpans(() => ask(fetch, server.baseURL))).length, 1);
  });
});

test("traced twice, a request is recorded once", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const { baseURL } = server;
  await withGlobal(async (before) => {
    const early = tracedFetch();
    const inner = tracedFetch();
    globalThis.fetch = tracedFetch();
    const observed = observeOpenAI(new OpenAI({ baseURL, apiKey: "k", fetch: (...args) => fetch(...args) }));
    const ways: (() => Promise<unknown>)[] = [
      () => ask(tracedFetch({ fetch: inner }), baseURL),
      () => ask(tracedFetch({ fetch: (...args) => inner(...args) }), baseURL),
      () => ask(early, baseURL),
      () => ask(tracedFetch(), baseURL),
      () => ask(tracedFetch({ fetch: tracedFetch({ fetch: before }) }), baseURL),
      () => new OpenAI({ baseURL, apiKey: "k", fetch: early }).chat.completions.create({ model: "m", messages: [] }),
      () => observed.chat.completions.create({ model: "m", messages: [] }),
    ];
    for (const way of ways) {
      const before = server.requests;
      const spans = await recordedSpans(() => withSpan("outer", way));
      assert.equal(spans.filter(({ type }) => type === "generation").length, 1, String(way));
      assert.equal(server.requests, before + 1);
    }
  });
});

test("a request of its own that the inner one makes is recorded", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const other = tracedFetch();
  const guarded = tracedFetch({
    fetch: async (...args) => {
      await (await other(`${server.baseURL}/models`)).text();
      return fetch(...args);
    },
  });
  const spans = await recordedSpans(() => withSpan("outer", () => ask(guarded, server.baseURL)));
  assert.equal(spans.length, 3);
});

test("what an inner traced one adds to requests is added", async () => {
  const sent: unknown[] = [];
  const last: typeof fetch = async (_input, init) => {
    sent.push(JSON.parse(init!.body as string).prompt_cache_key);
    return new Response("{}");
  };
  const inner = tracedFetch({ fetch: last, inject: { promptCacheKey: () => "k" } });
  await recordedSpans(() => withSpan("outer", () => ask(tracedFetch({ fetch: inner }), "https://api.openai.com/v1")));
  assert.deepEqual(sent, ["k"]);
});

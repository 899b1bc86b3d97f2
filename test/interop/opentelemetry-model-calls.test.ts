/** Model calls beside an instrumented fetch: what stands below the call, and what after it does not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import OpenAI, { type ClientOptions } from "openai";
import { currentSpan, withSpan } from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { type FakeOpenAIOptions, fakeOpenAI } from "sightline/testing";
import { type Spans, spansOf, startSdk, theirs } from "./opentelemetry-both.ts";

startSdk();

const ONCE = { match: "POST /chat/completions", status: 500, headers: { "retry-after-ms": "1" }, times: 1 };
const QUESTION = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "q" }] };

const instrumented = ((...args: Parameters<typeof fetch>) => theirs("POST", () => fetch(...args))) as typeof fetch;
const WAYS: Record<string, (options: ClientOptions) => OpenAI> = {
  tracedFetch: (options) => new OpenAI({ ...options, fetch: tracedFetch({ fetch: instrumented }) }),
  observeOpenAI: (options) => observeOpenAI(new OpenAI({ ...options, fetch: instrumented })),
};

/** `program` inside a span `ask`, where what is current must be that span whenever it looks. */
async function asked(
  make: (options: ClientOptions) => OpenAI,
  options: FakeOpenAIOptions,
  program: (openai: OpenAI, look: (name: string) => void) => Promise<unknown>,
): Promise<Spans> {
  await using fake = await fakeOpenAI(options);
  const openai = make({ baseURL: fake.baseURL, apiKey: fake.apiKey, maxRetries: 1 });
  return await spansOf(() =>
    withSpan("ask", async (ask) => {
      await program(openai, (name) => {
        assert.equal(currentSpan(), ask);
        theirs(name, () => {});
      });
    }),
  );
}

for (const [way, make] of Object.entries(WAYS)) {
  test(`${way}: the span of an instrumented fetch stands below the model call that it makes`, async () => {
    const { paths, ours, get } = await asked(make, { script: [ONCE] }, async (openai, look) => {
      await openai.chat.completions.create(QUESTION);
      look("after");
    });
    assert.deepEqual(paths, [
      "ask",
      "ask > after",
      "ask > chat gpt-4.1",
      "ask > chat gpt-4.1 > POST",
      "ask > chat gpt-4.1 > POST",
    ]);
    assert.equal(ours.find(({ type }) => type === "generation")!.http!.attempts!.length, 2);
    assert.equal(get("chat gpt-4.1").parentSpanId, get("ask").spanId);
  });

  test(`${way}: a stream, retried, is read outside of the model call`, async () => {
    const { paths, ours } = await asked(make, { script: [ONCE] }, async (openai, look) => {
      const pending = openai.chat.completions.create({ ...QUESTION, stream: true });
      look("meanwhile");
      const stream = await pending;
      look("head");
      let chunks = 0;
      for await (const _ of stream) {
        if (chunks++ < 2) look("chunk");
        await turn();
      }
      look("after");
    });
    assert.deepEqual(paths, [
      "ask",
      "ask > after",
      "ask > chat gpt-4.1",
      "ask > chat gpt-4.1 > POST",
      "ask > chat gpt-4.1 > POST",
      "ask > chunk",
      "ask > chunk",
      "ask > head",
      "ask > meanwhile",
    ]);
    assert.equal(ours.find(({ type }) => type === "generation")!.http!.attempts!.length, 2);
  });

  test(`${way}: a stream left early, and calls that fail`, async () => {
    const { paths, ours } = await asked(
      make,
      { script: [{ match: "POST /chat/completions", status: 400, times: 1 }] },
      async (openai, look) => {
        await openai.chat.completions.create(QUESTION).catch(() => look("failed"));
        for await (const _ of await openai.chat.completions.create({ ...QUESTION, stream: true })) {
          look("first");
          break;
        }
        look("left");
        const gone = openai.chat.completions.create(QUESTION, { signal: AbortSignal.abort() });
        await gone.catch(() => look("aborted"));
      },
    );
    assert.deepEqual(
      paths.filter((path) => !path.includes("chat")),
      ["ask", "ask > aborted", "ask > failed", "ask > first", "ask > left"],
    );
    assert.equal(paths.filter((path) => path === "ask > chat gpt-4.1 > POST").length, 2);
    assert.ok(ours.every(({ unfinished }) => unfinished === undefined));
  });

  test(`${way}: two calls at once have each its own request`, async () => {
    const { paths } = await asked(make, { latencyMs: 1 }, async (openai, look) => {
      const [one, two] = ["gpt-4.1", "gpt-4.1-mini"].map((model) =>
        openai.chat.completions.create({ ...QUESTION, model }).then(() => look(`after ${model}`)),
      );
      await Promise.all([one, two]);
    });
    assert.deepEqual(paths, [
      "ask",
      "ask > after gpt-4.1",
      "ask > after gpt-4.1-mini",
      "ask > chat gpt-4.1",
      "ask > chat gpt-4.1 > POST",
      "ask > chat gpt-4.1-mini",
      "ask > chat gpt-4.1-mini > POST",
    ]);
  });
}

test("a fetch that throws at once leaves nothing current", async () => {
  const throwing = tracedFetch({
    fetch: () => {
      theirs("POST", () => {});
      throw new TypeError("no network");
    },
  });
  const { paths } = await spansOf(() =>
    withSpan("ask", (ask) => {
      const body = JSON.stringify(QUESTION);
      assert.throws(() => throwing("http://127.0.0.1:9/v1/chat/completions", { method: "POST", body }), TypeError);
      assert.equal(currentSpan(), ask);
      theirs("after", () => {});
    }),
  );
  assert.deepEqual(paths, ["ask", "ask > after", "ask > chat gpt-4.1", "ask > chat gpt-4.1 > POST"]);
});

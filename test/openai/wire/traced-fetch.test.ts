import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync } from "node:zlib";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { ConfigError, configure, currentSpan, flush, memorySink, shutdown, stats, suppress, withSpan } from "sightline";
import { recordChatCompletion, type TracedFetchOptions, tracedFetch } from "sightline/openai";
import { spanAttributes } from "sightline/semconv";
import { fakeOpenAI } from "sightline/testing";
import { recordedSpans } from "./recorded-spans.ts";
import { COMPLETION, chatChunk, DONE, event, events, json, scriptedServer } from "./scripted-server.ts";

const CLIENTS: Record<string, any> = { "openai 4": OpenAI4, "openai 5": OpenAI5, "openai 6": OpenAI };
const MESSAGES = [{ role: "user" as const, content: "3x + 11 = 14" }];
const CHAT = { model: "gpt-4.1", messages: MESSAGES, temperature: 0.2 };

function client(baseURL: string, options: TracedFetchOptions = {}, more: object = {}): OpenAI {
  return new OpenAI({ baseURL, apiKey: "sk-fake-key", fetch: tracedFetch(options), maxRetries: 0, ...more });
}

/** What a call gives or throws, as data. */
async function outcome(fn: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: await fn() };
  } catch (error: any) {
    const { message, status, code, type, error: body } = error;
    return { class: error.constructor.name, message, status, code, type, body };
  }
}

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** When what nobody holds is gone, and the spans of such answers have ended. */
async function collected(): Promise<void> {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  for (let i = 0; i < 100 && stats().open > 0; i++) {
    await sleep(10);
    collectGarbage();
  }
}

test("the inner fetch gets the very same arguments, and is all there is while tracing is off", async () => {
  const calls: unknown[][] = [];
  const response = new Response("{}");
  const inner = (async (...args: unknown[]) => {
    calls.push(args);
    return response;
  }) as typeof fetch;
  const traced = tracedFetch({ fetch: inner });
  const init = { method: "POST", body: "{}" };
  assert.equal(await traced("http://localhost/v1/models", init), response);
  await recordedSpans(async () => {
    const muted = await suppress(() => traced("http://localhost/v1/models", init));
    assert.equal(muted, response);
    const own = await traced("http://localhost/v1/chat/completions", init);
    assert.notEqual(own, response);
    assert.deepEqual(await own.json(), {});
  });
  assert.equal(calls.length, 3);
  for (const [url, given] of calls) assert.ok(typeof url === "string" && given === init);
});

test("the global fetch is looked up at each call", async (t) => {
  const traced = tracedFetch();
  t.mock.method(globalThis, "fetch", async () => new Response("later"));
  assert.equal(await (await traced("http://localhost/")).text(), "later");
});

test("unsampled traces are not touched", async () => {
  const response = new Response("{}");
  const traced = tracedFetch({ fetch: async () => response });
  const spans = await recordedSpans(
    async () => {
      assert.equal(await traced("http://localhost/v1/chat/completions", { method: "POST", body: "{}" }), response);
      await withSpan("outer", async () => {
        assert.equal(await traced("http://localhost/v1/models"), response);
      });
    },
    { sampleRate: 0 },
  );
  assert.deepEqual(spans, []);
});

test("options that make no sense are named", () => {
  const bad: [object, string][] = [
    [{ fetch: "fetch" }, "CONFIG_BAD_VALUE"],
    [{ provider: "" }, "CONFIG_BAD_VALUE"],
    [{ maxBodyBytes: -1 }, "CONFIG_BAD_VALUE"],
    [{ captureContent: 1 }, "CONFIG_BAD_VALUE"],
    [{ inject: "yes" }, "CONFIG_BAD_VALUE"],
    [{ capture: true }, "CONFIG_UNKNOWN_OPTION"],
  ];
  for (const [options, code] of bad) {
    const name = Object.keys(options)[0]!;
    assert.throws(
      () => tracedFetch(options as TracedFetchOptions),
      (error) => error instanceof ConfigError && error.code === code && error.message.includes(name),
    );
  }
  assert.throws(() => tracedFetch(null as unknown as TracedFetchOptions), ConfigError);
});

for (const [name, Client] of Object.entries(CLIENTS)) {
  for (const own of [true, false]) {
    test(`${name}${own ? "" : " with the global fetch"}: results and errors are the same, and each call is a span`, async () => {
      await using fake = await fakeOpenAI();
      const base = new Client({ baseURL: fake.baseURL, apiKey: fake.apiKey, maxRetries: 0 });
      const inner: typeof fetch = own ? base.fetch : globalThis.fetch;
      const connect = (fetch: typeof globalThis.fetch): any =>
        new Client({ baseURL: fake.baseURL, apiKey: fake.apiKey, maxRetries: 0, fetch });
      const program = async (openai: any): Promise<unknown[]> => [
        await outcome(async () => (await openai.chat.completions.create(CHAT)).choices),
        await outcome(async () => {
          const stream = await openai.chat.completions.create({ ...CHAT, stream: true });
          return (await collect(stream)).map((chunk: any) => chunk.choices);
        }),
        await outcome(async () => (await openai.embeddings.create({ model: "e", input: ["a", "b"] })).data),
        await outcome(async () => (await openai.responses.create({ model: "gpt-4.1", input: "hi" })).output_text),
        await outcome(() => openai.chat.completions.create({ model: "gpt-4.1" })),
        await outcome(async () => (await openai.models.list()).data),
      ];
      const expected = await program(connect(inner));
      const spans = await recordedSpans(async () => {
        await withSpan("outer", async () => {
          assert.deepEqual(await program(connect(tracedFetch({ fetch: inner }))), expected);
        });
      });
      const outer = spans.at(-1)!;
      assert.deepEqual(
        spans.slice(0, -1).map((span) => [span.name, span.type, span.kind, span.status.code, span.parentSpanId]),
        [
          ["chat gpt-4.1", "generation", "client", "ok", outer.spanId],
          ["chat gpt-4.1", "generation", "client", "ok", outer.spanId],
          ["embeddings e", "embedding", "client", "ok", outer.spanId],
          ["chat gpt-4.1", "generation", "client", "ok", outer.spanId],
          ["chat gpt-4.1", "generation", "client", "error", outer.spanId],
          ["GET /models", "span", "client", "ok", outer.spanId],
        ],
      );
      const [chat, stream, , , failed, models] = spans;
      assert.deepEqual(chat!.output, stream!.output);
      assert.ok(stream!.firstChunkTime !== undefined && stream!.firstChunkTime <= stream!.endTime);
      assert.equal(stream!.http!.stream!.end, "completed");
      assert.equal(chat!.usage!.totalTokens! > 0, true);
      assert.match(chat!.http!.requestId!, /^req_/);
      assert.deepEqual([failed!.error!.type, failed!.error!.status], ["BadRequestError", 400]);
      assert.equal(failed!.level, "ERROR");
      assert.equal(models!.http!.route, "/models");
      assert.equal(models!.output, undefined);
    });
  }
}

test("a Request, a URL, odd headers and a form are understood", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const traced = tracedFetch();
  const url = `${server.baseURL}/chat/completions`;
  const body = JSON.stringify(CHAT);
  const spans = await recordedSpans(async () => {
    await (await traced(new Request(url, { method: "POST", body }))).json();
    await (await traced(new URL(url), { method: "post", body, headers: [["X-A", "b"]] })).json();
    const form = new FormData();
    form.set("model", "whisper-1");
    form.set("file", new Blob(["12345"]), "a.wav");
    await (await traced(`${server.baseURL}/audio/transcriptions`, { method: "POST", body: form })).json();
    await assert.rejects(traced("/relative"), TypeError);
  });
  assert.deepEqual(
    spans.map(({ name, http }) => [name, http!.method, http!.requestBytes]),
    [
      ["chat gpt-4.1-2025-04-14", "POST", undefined],
      ["chat gpt-4.1", "POST", undefined],
      ["transcription whisper-1", "POST", 14],
    ],
  );
});

test("what is said of a chat: model, parameters, messages, tokens, rate limits, the session stays", async () => {
  const headers = { "x-request-id": "req_1", "openai-processing-ms": "12", "x-ratelimit-reset-tokens": "6m0s" };
  await using server = await scriptedServer(json(200, COMPLETION, headers));
  const [span] = await recordedSpans(() => client(server.baseURL).chat.completions.create(CHAT));
  const { host, ...http } = span!.http!;
  assert.deepEqual(http, {
    method: "POST",
    route: "/chat/completions",
    status: 200,
    requestId: "req_1",
    processingMs: 12,
    rateLimit: { resetTokensMs: 360_000 },
  });
  assert.match(host!, /^127\.0\.0\.1:\d+$/);
  assert.equal(span!.genAi!.requestModel, "gpt-4.1");
  assert.equal(span!.genAi!.responseModel, "gpt-4.1-2025-04-14");
  assert.deepEqual(span!.genAi!.parameters, { temperature: 0.2 });
  assert.deepEqual(span!.input, [{ role: "user", parts: [{ type: "text", content: "3x + 11 = 14" }] }]);
  assert.equal((span!.output as any)[0].parts[0].content, "x = 1");
  assert.deepEqual(span!.usage, { inputTokens: 10, outputTokens: 4, totalTokens: 14 });
});

test("the provider is told by the host or by the option, Azure's model by the address", async () => {
  const inner = async () => Response.json({ ...COMPLETION, model: undefined });
  const ask = (options: TracedFetchOptions, url: string) =>
    tracedFetch({ fetch: inner, ...options })(url, { method: "POST", body: '{"messages":[]}' }).then((r) => r.json());
  const spans = await recordedSpans(async () => {
    await ask({}, "https://x.openai.azure.com/openai/deployments/gpt-4o-prod/chat/completions?api-version=1");
    await ask({}, "https://api.groq.com/openai/v1/chat/completions");
    await ask({ provider: "mine" }, "http://localhost/v1/chat/completions");
  });
  assert.deepEqual(
    spans.map(({ name, genAi }) => [name, genAi!.provider]),
    [
      ["chat gpt-4o-prod", "azure.ai.openai"],
      ["chat", "groq"],
      ["chat", "mine"],
    ],
  );
});

test("the host has its port, but for that of https", async () => {
  const inner = async () => Response.json(COMPLETION);
  const urls = [
    "http://litellm.tools.svc",
    "http://[::1]",
    "http://127.0.0.1:4000",
    "https://h.example",
    "https://h:80",
  ];
  const spans = await recordedSpans(async () => {
    for (const url of urls) {
      const answer = await tracedFetch({ fetch: inner })(`${url}/v1/chat/completions`, { method: "POST", body: "{}" });
      await answer.json();
    }
  });
  const told = spans.map((record) => {
    const attributes = spanAttributes(record, { profile: "1.41", content: false });
    return [record.http!.host, attributes["server.address"], attributes["server.port"]];
  });
  assert.deepEqual(told, [
    ["litellm.tools.svc:80", "litellm.tools.svc", 80],
    ["[::1]:80", "::1", 80],
    ["127.0.0.1:4000", "127.0.0.1", 4000],
    ["h.example", "h.example", 443],
    ["h:80", "h", 80],
  ]);
});

test("captureContent: false leaves texts out, and tokens in", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const ask = (options: TracedFetchOptions) => client(server.baseURL, options).chat.completions.create(CHAT);
  const [without, withIt] = await recordedSpans(
    async () => {
      await ask({ captureContent: false });
      await ask({ captureContent: true });
    },
    { captureInput: false, captureOutput: false },
  );
  assert.deepEqual([without!.input, without!.output, without!.usage!.totalTokens], [undefined, undefined, 14]);
  assert.ok(withIt!.input !== undefined && withIt!.output !== undefined);
});

test("an input that is cut is cut once", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const messages = [{ role: "user" as const, content: "x".repeat(2_000_000) }];
  const [span] = await recordedSpans(() => client(server.baseURL).chat.completions.create({ ...CHAT, messages }));
  assert.deepEqual(
    span!.cuts!.map(({ path }) => path.slice(0, 5)),
    ["input"],
  );
});

test("what the wire has recorded is not recorded again from the object", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const spans = await recordedSpans(async () => {
    const completion = await client(server.baseURL).chat.completions.create(CHAT);
    assert.equal(recordChatCompletion(completion).recorded, false);
  });
  assert.equal(spans.length, 1);
});

test("a cost that the proxy states counts", async () => {
  await using server = await scriptedServer(json(200, COMPLETION, { "x-litellm-response-cost": "0.0025" }));
  const [span] = await recordedSpans(() => client(server.baseURL).chat.completions.create(CHAT));
  assert.deepEqual(span!.cost, { currency: "USD", total: 0.0025, source: "provided" });
});

test("a gzipped stream, cut anywhere, adds up; tokens come in a chunk without choices", async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const whole = [chatChunk("x ="), chatChunk(" 1 ✓", "stop"), event({ choices: [], usage }), DONE].join("");
  const zipped = gzipSync(whole);
  await using server = await scriptedServer(async (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
    for (let i = 0; i < zipped.length; i += 7) {
      response.write(zipped.subarray(i, i + 7));
      await sleep(1);
    }
    response.end();
  });
  const [span] = await recordedSpans(async () => {
    await collect(await client(server.baseURL).chat.completions.create({ ...CHAT, stream: true }));
  });
  assert.equal((span!.output as any)[0].parts[0].content, "x = 1 ✓");
  assert.equal(span!.usage!.totalTokens, 5);
  assert.deepEqual(span!.http!.stream, { events: 3, end: "completed" });
});

test("the reader leaves early: what came so far, no tokens, a warning; after the last event it is complete", async () => {
  for (const Client of Object.values(CLIENTS)) {
    await using server = await scriptedServer(
      events([chatChunk("x =")], () => {}),
      events([chatChunk("x = 1", "stop"), DONE], () => {}),
    );
    const openai = new Client({ baseURL: server.baseURL, apiKey: "k", fetch: tracedFetch({ fetch: innerOf(Client) }) });
    const [left, complete] = await recordedSpans(async () => {
      for await (const _chunk of await openai.chat.completions.create({ ...CHAT, stream: true })) break;
      for await (const chunk of await openai.chat.completions.create({ ...CHAT, stream: true })) {
        if (chunk.choices[0].finish_reason === "stop") break;
      }
    });
    assert.equal(left!.http!.stream!.end, "cancelled");
    assert.deepEqual([left!.level, left!.status.code], ["WARNING", "ok"]);
    assert.equal((left!.output as any)[0].parts[0].content, "x =");
    assert.equal(left!.usage, undefined);
    assert.deepEqual([complete!.level, complete!.http!.stream!.end], ["DEFAULT", "completed"]);
    while (server.cut < 2) await sleep(5);
    assert.equal(server.cut, 2, "both connections are closed");
  }
});

function innerOf(Client: any): typeof fetch {
  return new Client({ apiKey: "k" }).fetch;
}

test("an abort by the caller is a warning; a connection that breaks, and an error in the stream, are errors", async () => {
  for (const Client of Object.values(CLIENTS)) {
    const wrong = event({ error: { message: "overloaded", code: "server_overloaded", type: "server_error" } });
    await using server = await scriptedServer(
      events([chatChunk("x =")], () => {}),
      events([chatChunk("x =")], (response) => response.destroy()),
      events([chatChunk("x ="), wrong]),
      events([chatChunk("x =")]),
    );
    const inner = innerOf(Client);
    const program = async (fetch: typeof globalThis.fetch): Promise<unknown[]> => {
      const openai = new Client({ baseURL: server.baseURL, apiKey: "k", fetch, maxRetries: 0 });
      const abort = new AbortController();
      const streamed = (options?: object) =>
        outcome(async () => {
          for await (const _chunk of await openai.chat.completions.create({ ...CHAT, stream: true }, options)) {
            if (options !== undefined) abort.abort();
          }
        });
      return [await streamed({ signal: abort.signal }), await streamed(), await streamed(), await streamed()];
    };
    const spans = await recordedSpans(() => program(tracedFetch({ fetch: inner })));
    assert.deepEqual(
      spans.map(({ level, status, http, error }) => [level, status.code, http!.stream!.end, error?.type, error?.code]),
      [
        ["WARNING", "error", "aborted", "AbortError", spans[0]!.error!.code],
        ["ERROR", "error", "broken", spans[1]!.error!.type, spans[1]!.error!.code],
        ["ERROR", "error", "broken", "APIError", "server_overloaded"],
        ["WARNING", "ok", "broken", undefined, undefined],
      ],
    );
    assert.equal(spans[2]!.error!.message, "overloaded");
    for (const { output } of spans) assert.equal((output as any)[0].parts[0].content, "x =");
  }
});

test("the same outcomes with and without us when streams go wrong", async () => {
  for (const Client of Object.values(CLIENTS)) {
    const outcomes = async (fetch: typeof globalThis.fetch): Promise<unknown[]> => {
      await using server = await scriptedServer(
        events([chatChunk("x =")], (response) => response.destroy()),
        events([chatChunk("x ="), event({ error: { message: "overloaded" } })]),
        events([chatChunk("x ="), "data: {not json\n\n"]),
        events([]),
        (_request, response) => response.socket!.destroy(),
      );
      const openai = new Client({ baseURL: server.baseURL, apiKey: "k", fetch, maxRetries: 0 });
      const said: unknown[] = [];
      for (let i = 0; i < 5; i++) {
        said.push(await outcome(async () => collect(await openai.chat.completions.create({ ...CHAT, stream: true }))));
      }
      return said;
    };
    const inner = innerOf(Client);
    const expected = await outcomes(inner);
    configure({ sinks: [] });
    const text = (said: unknown) => JSON.stringify(said).replaceAll(/127\.0\.0\.1:\d+/g, "host");
    assert.equal(text(await outcomes(tracedFetch({ fetch: inner }))), text(expected));
    await shutdown();
  }
});

test("an answer that nobody reads: the span is written with its trace, and ends when nobody can read it", async () => {
  await using server = await scriptedServer(json(200, COMPLETION, { "x-request-id": "req_1" }));
  const spans = await recordedSpans(async () => {
    await withSpan("outer", async () => {
      await client(server.baseURL).chat.completions.create(CHAT).asResponse();
    });
    assert.equal(stats().open, 1);
    await collected();
  });
  const chat = spans.find(({ name }) => name === "chat gpt-4.1")!;
  assert.deepEqual([chat.level, chat.unfinished, chat.seq, chat.http!.requestId], ["DEFAULT", undefined, 1, "req_1"]);
});

test("a flush while an answer comes in, or before anybody reads it, leaves the call open", async () => {
  for (const Client of Object.values(CLIENTS)) {
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    let go = (): void => {};
    const mayGo = new Promise<void>((resolve) => (go = resolve));
    await using server = await scriptedServer(
      async (_request, response) => {
        response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
        asked();
        await mayGo;
        response.end(JSON.stringify(COMPLETION));
      },
      json(200, COMPLETION),
    );
    const openai = new Client({ baseURL: server.baseURL, apiKey: "k", fetch: tracedFetch({ fetch: innerOf(Client) }) });
    const [slow, unread] = await recordedSpans(async () => {
      const call = openai.chat.completions.create(CHAT).then((completion: unknown) => completion);
      await isAsked;
      await sleep(50);
      await flush();
      go();
      await call;
      await openai.chat.completions.create(CHAT).asResponse();
      await flush();
      await collected();
    });
    assert.deepEqual([slow!.usage?.totalTokens, slow!.unfinished], [14, undefined]);
    assert.deepEqual([unread!.usage, unread!.unfinished, unread!.level], [undefined, undefined, "DEFAULT"]);
  }
});

test("a stream that is read after its trace has ended is written twice: unfinished, then whole", async () => {
  await using server = await scriptedServer(events([chatChunk("x ="), chatChunk(" 1", "stop"), DONE]));
  const sink = memorySink();
  configure({ sinks: [sink] });
  const { stream } = await withSpan("outer", async () => ({
    stream: await client(server.baseURL).chat.completions.create({ ...CHAT, stream: true }),
  }));
  await flush();
  const early = sink.records.find(({ name }) => name === "chat gpt-4.1") as any;
  assert.deepEqual([early.unfinished, early.seq], [true, 0]);
  await collect(stream);
  await flush();
  const late = sink.records.find(({ name }) => name === "chat gpt-4.1") as any;
  assert.deepEqual([late.unfinished, late.seq, late.http.stream.end], [undefined, 1, "completed"]);
  assert.equal(late.output[0].parts[0].content, "x = 1");
  assert.equal(stats().open, 0);
  await shutdown();
});

test("a stream that is left lying ends when it is collected", async () => {
  await using server = await scriptedServer(events([chatChunk("x =")], () => {}));
  const spans = await recordedSpans(async () => {
    await (async () => {
      const reader = (
        await client(server.baseURL)
          .chat.completions.create({ ...CHAT, stream: true })
          .asResponse()
      ).body!;
      await reader.getReader().read();
    })();
    await collected();
  });
  assert.deepEqual(
    spans.map(({ level, http }) => [level, http!.stream!.end]),
    [["WARNING", "cancelled"]],
  );
});

test("beyond maxBodyBytes: the ends of a JSON, the events that count of a stream", async () => {
  const long = "x".repeat(5000);
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const parts = Array.from({ length: 40 }, () => chatChunk("y".repeat(100)));
  const end = event({ id: "chatcmpl-1", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  await using server = await scriptedServer(
    json(200, { ...COMPLETION, choices: [{ index: 0, message: { role: "assistant", content: long } }], usage }),
    events([...parts, end, event({ id: "chatcmpl-1", choices: [], usage }), DONE]),
  );
  const openai = client(server.baseURL, { maxBodyBytes: 2000 });
  const [whole, stream] = await recordedSpans(async () => {
    const completion = await openai.chat.completions.create(CHAT);
    assert.equal(completion.choices[0]!.message.content!.length, 5000);
    assert.equal((await collect(await openai.chat.completions.create({ ...CHAT, stream: true }))).length, 42);
  });
  assert.deepEqual([whole!.usage!.totalTokens, whole!.genAi!.responseModel], [5, "gpt-4.1-2025-04-14"]);
  assert.deepEqual(stream!.http!.stream, { events: 42, end: "completed", truncated: true });
  assert.equal(stream!.usage!.totalTokens, 5);
  assert.deepEqual(stream!.genAi!.finishReasons, ["stop"]);
  const kept = (stream!.output as any)[0].parts[0].content.length;
  assert.ok(kept > 500 && kept < 2000, String(kept));
});

test("bytes are only counted", async () => {
  await using server = await scriptedServer((_request, response) => {
    response.writeHead(200, { "content-type": "audio/mpeg" });
    response.end(Buffer.alloc(70_000, 1));
  });
  const [span] = await recordedSpans(async () => {
    const speech = await client(server.baseURL).audio.speech.create({ model: "tts-1", voice: "alloy", input: "hi" });
    assert.equal((await speech.arrayBuffer()).byteLength, 70_000);
  });
  assert.equal(span!.name, "text_to_speech tts-1");
  assert.equal(span!.http!.responseBytes, 70_000);
});

test("no body: over with its head", async () => {
  await using server = await scriptedServer((_request, response) => response.writeHead(204).end());
  const traced = tracedFetch();
  const spans = await recordedSpans(async () => {
    assert.equal((await traced(`${server.baseURL}/files/file-1`, { method: "DELETE" })).status, 204);
    assert.equal((await traced(`${server.baseURL}/models`, { method: "HEAD" })).status, 204);
  });
  assert.deepEqual(
    spans.map(({ http }) => [http!.method, http!.status]),
    [
      ["DELETE", 204],
      ["HEAD", 204],
    ],
  );
});

test("errors are told with what the body says, in whatever form", async () => {
  const bodies: [unknown, string][] = [
    [{ error: { message: "bad key", code: "invalid_api_key", type: "auth" } }, "bad key"],
    [{ message: "gateway says no" }, "gateway says no"],
    [{ detail: "not found" }, "not found"],
    [{ error: "plain" }, "plain"],
    [{ odd: 1 }, '{"odd":1}'],
  ];
  await using server = await scriptedServer(
    ...bodies.map(([body]) => json(401, body)),
    (_request, response) => response.writeHead(401, { "content-type": "text/html" }).end("<html>no</html>"),
    (_request, response) => response.writeHead(401).end(),
  );
  const spans = await recordedSpans(async () => {
    for (let i = 0; i < bodies.length + 2; i++) {
      await assert.rejects(client(server.baseURL).chat.completions.create(CHAT), OpenAI.AuthenticationError);
    }
  });
  assert.deepEqual(
    spans.map(({ error }) => error!.message),
    [...bodies.map(([, message]) => message), "<html>no</html>", "401 status code (no body)"],
  );
  assert.equal(spans[0]!.error!.code, "invalid_api_key");
  for (const { error, input, genAi } of spans) {
    assert.deepEqual([error!.type, error!.status], ["AuthenticationError", 401]);
    assert.ok(input !== undefined && genAi!.requestModel === "gpt-4.1");
  }
});

test("an inner fetch that throws at once, or gives no promise", async () => {
  const thrown = new Error("at once");
  const throwing = (() => {
    throw thrown;
  }) as unknown as typeof fetch;
  const eager = (() => Response.json(COMPLETION)) as unknown as typeof fetch;
  const post = (fetch: typeof globalThis.fetch) =>
    tracedFetch({ fetch })("http://localhost/v1/chat/completions", { method: "POST", body: JSON.stringify(CHAT) });
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      assert.throws(
        () => post(throwing),
        (error) => error === thrown,
      );
      assert.deepEqual(await (await post(eager)).json(), COMPLETION);
    }),
  );
  assert.deepEqual(
    spans.map(({ name, error }) => [name, error?.message]),
    [
      ["chat gpt-4.1", undefined],
      ["chat gpt-4.1", "at once"],
      ["outer", undefined],
    ],
  );
});

test("a response goes on from the one before: linked, in its conversation", async () => {
  const response = (id: string, more: object) => ({
    id,
    object: "response",
    status: "completed",
    created_at: 1_770_000_000,
    model: "gpt-4.1",
    output: [],
    ...more,
  });
  await using server = await scriptedServer(
    json(200, response("resp_1", { conversation: { id: "conv_1" } })),
    json(200, response("resp_2", { previous_response_id: "resp_1" })),
  );
  const openai = client(server.baseURL);
  const [first, second] = await recordedSpans(async () => {
    await openai.responses.create({ model: "gpt-4.1", input: "hi" });
    await openai.responses.create({ model: "gpt-4.1", input: "and", previous_response_id: "resp_1" });
  });
  assert.deepEqual([first!.trace.sessionId, second!.trace.sessionId], ["conv_1", "conv_1"]);
  assert.equal(second!.links![0]!.spanId, first!.spanId);
});

test("the caller's context is its own before, within and after", async () => {
  await using server = await scriptedServer(events([chatChunk("a"), chatChunk("b", "stop"), DONE]));
  const storage = new AsyncLocalStorage<string>();
  await recordedSpans(() =>
    storage.run("mine", () =>
      withSpan("outer", async () => {
        const outer = currentSpan();
        const inner = ((...args: Parameters<typeof fetch>) => {
          assert.equal(storage.getStore(), "mine");
          assert.equal(currentSpan(), outer);
          return fetch(...args);
        }) as typeof fetch;
        const stream = await client(server.baseURL, { fetch: inner }).chat.completions.create({
          ...CHAT,
          stream: true,
        });
        for await (const _chunk of stream) {
          assert.equal(currentSpan(), outer);
          assert.equal(storage.getStore(), "mine");
        }
        assert.equal(currentSpan(), outer);
      }),
    ),
  );
});

test("50 streams at once through one client: each span under its own parent", async () => {
  await using fake = await fakeOpenAI({ answer: (question) => `about ${question}` });
  const openai = client(fake.baseURL);
  const spans = await recordedSpans(() =>
    Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        withSpan(`flow ${i}`, async () => {
          const messages = [{ role: "user" as const, content: `${i}` }];
          await collect(await openai.chat.completions.create({ model: "gpt-4.1", messages, stream: true }));
        }),
      ),
    ),
  );
  const flows = new Map(spans.filter(({ name }) => name.startsWith("flow")).map((span) => [span.spanId, span]));
  const chats = spans.filter(({ type }) => type === "generation");
  assert.deepEqual([flows.size, chats.length], [50, 50]);
  for (const chat of chats) {
    const flow = flows.get(chat.parentSpanId!)!;
    assert.equal((chat.output as any)[0].parts[0].content, `about ${flow.name.slice("flow ".length)}`);
  }
});

test("faults of our own never reach the caller", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const sink = memorySink();
  let calls = 0;
  configure({
    sinks: [sink],
    carrier: { get: () => undefined, run: (_span, fn) => fn() },
    ids: {
      traceId: () => "0".repeat(31) + ++calls,
      spanId: () => {
        throw new Error("no ids");
      },
    } as any,
  });
  const completion = await client(server.baseURL).chat.completions.create(CHAT);
  assert.equal(completion.choices[0]!.message.content, "x = 1");
  await shutdown();
});

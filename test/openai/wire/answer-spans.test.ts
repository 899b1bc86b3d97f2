import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { configure, flush, memorySink, shutdown, stats, withSpan } from "sightline";
import { tracedFetch } from "sightline/openai";
import { recordedSpans } from "./recorded-spans.ts";
import { COMPLETION, chatChunk, DONE, events, json, scriptedServer } from "./scripted-server.ts";

const WHOLE = { method: "POST", body: '{"model":"m","messages":[]}' };
const POST = { method: "POST", body: '{"model":"m","n":2,"stream":true,"messages":[]}' };

test("a stream that is cut is broken, whatever has finished before", async () => {
  const cut = (response: { destroy(): unknown }) => setTimeout(() => response.destroy(), 20);
  await using server = await scriptedServer(
    events([chatChunk("A", "stop")], cut),
    events([chatChunk("A", "stop")], cut),
    events([chatChunk("A", "stop"), DONE], cut),
  );
  const one = { ...POST, body: POST.body.replace('"n":2,', "") };
  const spans = await recordedSpans(async () => {
    for (const init of [POST, one, POST]) {
      const response = await tracedFetch()(`${server.baseURL}/chat/completions`, init);
      await assert.rejects(response.text());
    }
  });
  const ends = spans.map(({ http, level }) => [http!.stream!.end, level]);
  assert.deepEqual(ends, [
    ["broken", "ERROR"],
    ["broken", "ERROR"],
    ["completed", "DEFAULT"],
  ]);
});

test("a JSON answer that is read after its trace has ended is written twice: unfinished, then whole", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const sink = memorySink();
  configure({ sinks: [sink], prices: false });
  const read = () => sink.records.find((record) => record.record === "span" && record.name.startsWith("chat")) as any;
  const response = await withSpan("outer", () => tracedFetch()(`${server.baseURL}/chat/completions`, WHOLE));
  await flush();
  await flush();
  assert.deepEqual([read().unfinished, read().usage, stats().open], [true, undefined, 1]);
  await response.json();
  await flush();
  assert.deepEqual([read().unfinished, read().usage.totalTokens, stats().open], [undefined, 14, 0]);

  const unread = await withSpan("outer", () => tracedFetch()(`${server.baseURL}/chat/completions`, WHOLE));
  await shutdown();
  assert.deepEqual([sink.records.filter((record: any) => record.unfinished).length, stats().open], [0, 0]);
  await unread.json();
});

test("a large answer goes to its caller first, and its span stays open; a small one is written at once", async () => {
  const long = {
    ...COMPLETION,
    id: "chatcmpl-long",
    choices: [{ index: 0, message: { content: "x".repeat(300_000) } }],
  };
  await using server = await scriptedServer(json(200, long), json(200, { ...COMPLETION, id: "chatcmpl-small" }));
  const open: number[] = [];
  let readMs = 0;
  const spans = await recordedSpans(async () => {
    for (let i = 0; i < 2; i++) {
      const response = await tracedFetch()(`${server.baseURL}/chat/completions`, WHOLE);
      await response.text();
      open.push(stats().open);
      if (i > 0) continue;
      readMs = Date.now();
      while (Date.now() < readMs + 30);
      await nextTurn();
      await nextTurn();
      open.push(stats().open);
    }
  });
  assert.deepEqual(open, [1, 0, 0]);
  assert.deepEqual(
    spans.map(({ usage, unfinished }) => [usage?.totalTokens, unfinished]),
    [
      [14, undefined],
      [14, undefined],
    ],
  );
  assert.ok(Number(BigInt(spans[0]!.endTime) / 1_000_000n) < readMs + 25, `${spans[0]!.endTime} ${readMs}`);
});

test("a large answer that has been read is written whole with its trace", async () => {
  const long = { ...COMPLETION, choices: [{ index: 0, message: { content: "x".repeat(300_000) } }] };
  await using server = await scriptedServer(json(200, long));
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      await (await tracedFetch()(`${server.baseURL}/chat/completions`, WHOLE)).text();
    }),
  );
  assert.deepEqual(
    spans.map(({ name, usage }) => [name, usage?.totalTokens]),
    [
      ["chat m", 14],
      ["outer", undefined],
    ],
  );
});

test("an answer of status 200 that is no JSON is a warning", async () => {
  await using server = await scriptedServer(
    (_request, response) => response.setHeader("content-type", "application/json").end('{"id":"x","choi'),
    (_request, response) => response.setHeader("content-type", "text/html").end("<h1>a proxy</h1>"),
  );
  const spans = await recordedSpans(async () => {
    const traced = tracedFetch();
    for (let i = 0; i < 2; i++) {
      const response = await traced(`${server.baseURL}/chat/completions`, WHOLE);
      await response.text();
    }
  });
  assert.deepEqual(
    spans.map(({ level, status }) => [level, status.message]),
    Array(2).fill(["WARNING", "the answer is not readable JSON"]),
  );
});

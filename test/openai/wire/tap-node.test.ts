import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { BodyWatch } from "../../../src/openai/wire/body-watch.ts";
import { tapResponse } from "../../../src/openai/wire/tap.ts";
import { events, scriptedServer } from "./scripted-server.ts";

/** The one that `openai` 4 brings along. */
const nodeFetch = createRequire(createRequire(import.meta.url).resolve("openai4"))("node-fetch") as (
  url: string,
  init?: object,
) => Promise<Response & { body: Readable }>;

function listener(): BodyWatch & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    asked: () => told.push("asked"),
    reads: true,
    chunk: (size, bytes) => told.push(`${size}: ${bytes}`),
    end: () => told.push("end"),
    error: (error) => told.push(`error: ${(error as Error)?.name}`),
    cancel: () => told.push("cancel"),
    gone: () => told.push("gone"),
  };
}

async function get(url: string, watch: BodyWatch, init?: object): Promise<Response & { body: Readable }> {
  const response = await nodeFetch(url, init);
  assert.equal(tapResponse(response, watch), response, "the very same response");
  return response;
}

test("every way of reading a Node stream is told, and nothing before it", async () => {
  await using server = await scriptedServer((_request, response) => response.end("some text"));
  const ways: Record<string, (response: Response & { body: Readable }) => Promise<unknown>> = {
    text: (response) => response.text(),
    "for await": async ({ body }) => {
      let text = "";
      for await (const chunk of body) text += chunk;
      return text;
    },
    data: ({ body }) =>
      new Promise((resolve) => {
        let text = "";
        body.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
      }),
    pipe: async ({ body }) => {
      let text = "";
      await pipeline(body, async (source) => {
        for await (const chunk of source) text += chunk;
      });
      return text;
    },
    strings: async ({ body }) => {
      let text = "";
      for await (const chunk of body.setEncoding("utf8")) text += chunk;
      return text;
    },
    clone: async (response) => {
      const clone = response.clone();
      const texts = await Promise.all([response.text(), clone.text()]);
      assert.equal(texts[0], texts[1]);
      return texts[0];
    },
  };
  for (const [name, read] of Object.entries(ways)) {
    const watch = listener();
    const response = await get(server.baseURL, watch);
    await sleep(5);
    assert.deepEqual(watch.told, [], name);
    assert.equal(await read(response), "some text", name);
    assert.deepEqual(watch.told.slice(0, 3), ["asked", "9: some text", "end"], name);
  }
});

test("gzip", async () => {
  await using server = await scriptedServer((_request, response) => {
    response.setHeader("content-encoding", "gzip");
    response.end(gzipSync("some text"));
  });
  const watch = listener();
  assert.equal(await (await get(server.baseURL, watch)).text(), "some text");
  assert.deepEqual(watch.told.slice(0, 3), ["asked", "9: some text", "end"]);
});

test("leaving a loop, as openai 4 does: the request is aborted after it", async () => {
  await using server = await scriptedServer(events(["one", "two"], () => {}));
  const controller = new AbortController();
  const watch = listener();
  const response = await get(server.baseURL, watch, { signal: controller.signal });
  for await (const _chunk of response.body) break;
  controller.abort();
  await sleep(5);
  // Two events may come in one piece.
  assert.match(watch.told.join(), /^asked,(3: one|6: onetwo),cancel$/);
});

test("an abort while it is read, and a cut connection, are errors", async () => {
  await using server = await scriptedServer(
    events(["one"], () => {}),
    events(["one"], (response) => response.destroy()),
  );
  const controller = new AbortController();
  const aborted = listener();
  const response = await get(server.baseURL, aborted, { signal: controller.signal });
  const reading = response.text();
  while (aborted.told.length < 2) await sleep(1);
  controller.abort();
  await assert.rejects(reading, { name: "AbortError" });
  assert.equal(aborted.told[2], "error: AbortError");

  const broken = listener();
  await assert.rejects((await get(server.baseURL, broken)).text(), { name: "FetchError" });
  assert.match(broken.told[2]!, /^error: /);
});

test("no listener of ours: an error that nobody handles stays unhandled", () => {
  const body = new Readable({ read() {} });
  tapResponse({ body } as unknown as Response, listener());
  assert.deepEqual(body.eventNames(), new Readable({ read() {} }).eventNames());
  assert.equal(body.readableFlowing, null);
  assert.throws(() => body.emit("error", new Error("lost")), /lost/);
});

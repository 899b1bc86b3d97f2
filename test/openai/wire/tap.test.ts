import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { BodyWatch } from "../../../src/openai/wire/body-watch.ts";
import { tapResponse } from "../../../src/openai/wire/tap.ts";
import { DONE, event, events, scriptedServer } from "./scripted-server.ts";

/** What a watch is told, in words. */
function listener(reads = true): BodyWatch & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    asked: () => told.push("asked"),
    reads,
    chunk: (size, bytes) => told.push(`${size}${bytes === undefined ? "" : `: ${Buffer.from(bytes)}`}`),
    end: () => told.push("end"),
    error: (error) => told.push(`error: ${(error as Error)?.message ?? error}`),
    cancel: () => told.push("cancel"),
    gone: () => told.push("gone"),
  };
}

function tapped(response: Response, watch: BodyWatch = listener()): Response {
  const result = tapResponse(response, watch);
  assert.ok(result !== undefined);
  return result;
}

/** A response of a stream that counts its reads. */
function counted(chunks: readonly string[], type?: "bytes"): { response: Response; reads: () => number } {
  let reads = 0;
  const source = {
    type,
    pull(controller: any) {
      const chunk = chunks[reads++];
      if (chunk === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(chunk));
    },
  };
  const stream = new ReadableStream(source as any, { highWaterMark: 0 });
  return { response: new Response(stream), reads: () => reads };
}

test("a tapped response has the face of the original", async () => {
  await using server = await scriptedServer((_request, response) => {
    response.writeHead(201, "Made", { "content-type": "application/json", "set-cookie": ["a=1", "b=2"] });
    response.end('{"a":1}');
  });
  const original = await fetch(`${server.baseURL}/x`);
  const response = tapped(original);
  const face = (r: Response) => [r.constructor, r.status, r.statusText, r.ok, r.url, r.redirected, r.type];
  assert.deepEqual(face(response), face(original));
  assert.equal(response.headers, original.headers);
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.ok(response instanceof Response);
  assert.deepEqual(Object.keys(response), Object.keys(original));
  assert.equal(response.bodyUsed, false);
  const clone = response.clone();
  assert.deepEqual(face(clone), face(original));
  assert.deepEqual(face(clone.clone()), face(original));
  assert.deepEqual(await response.json(), { a: 1 });
  assert.equal(response.bodyUsed, true);
  assert.equal(await clone.text(), '{"a":1}');
  await assert.rejects(response.text(), TypeError);
});

test("every way of reading gives the same bytes, and tells them once", async () => {
  const ways: Record<string, (response: Response) => Promise<string>> = {
    text: (response) => response.text(),
    json: async (response) => JSON.stringify(await response.json()),
    arrayBuffer: async (response) => Buffer.from(await response.arrayBuffer()).toString(),
    blob: async (response) => (await response.blob()).text(),
    "for await": async (response) => {
      let text = "";
      for await (const chunk of response.body!) text += Buffer.from(chunk).toString();
      return text;
    },
    tee: async (response) => {
      const [one, two] = response.body!.tee();
      const texts = await Promise.all([new Response(one).text(), new Response(two).text()]);
      assert.equal(texts[0], texts[1]);
      return texts[0];
    },
    "a buffer of the reader's": async (response) => {
      const reader = response.body!.getReader({ mode: "byob" });
      let text = "";
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(5));
        if (done) return text;
        text += Buffer.from(value).toString();
      }
    },
    pipeThrough: (response) => new Response(response.body!.pipeThrough(new TransformStream())).text(),
  };
  for (const [name, read] of Object.entries(ways)) {
    const watch = listener();
    const { response } = counted(['{"a"', ":[1,2", "]}"], "bytes");
    assert.equal(await read(tapped(response, watch)), '{"a":[1,2]}', name);
    assert.deepEqual(watch.told, ["asked", '4: {"a"', "5: :[1,2", "2: ]}", "end"], name);
  }
});

test("a body without buffers of the reader's stays one", () => {
  const { response } = counted(["a"]);
  assert.throws(() => tapped(response).body!.getReader({ mode: "byob" }), TypeError);
});

test("nothing is read before the caller reads, and nothing ahead", async () => {
  for (const type of ["bytes", undefined] as const) {
    const { response, reads } = counted(["a", "b", "c"], type);
    const reader = tapped(response).body!.getReader();
    await sleep(5);
    assert.equal(reads(), 0);
    await reader.read();
    await sleep(5);
    assert.equal(reads(), 1);
    await reader.read();
    await sleep(5);
    assert.equal(reads(), 2);
  }
});

test("without interest in the bytes only their number is told", async () => {
  const watch = listener(false);
  await tapped(counted(["abc", "de"], "bytes").response, watch).text();
  assert.deepEqual(watch.told, ["asked", "3", "2", "end"]);
});

test("a cancellation goes to the original with its reason", async () => {
  const watch = listener();
  let reason: unknown;
  const stream = new ReadableStream({
    cancel(given) {
      reason = given;
    },
  });
  await tapped(new Response(stream), watch).body!.cancel("enough");
  assert.equal(reason, "enough");
  assert.deepEqual(watch.told, ["cancel"]);
});

test("an error of the original arrives as it is, and is told once read or not", async () => {
  const broken = new Error("cut");
  const watch = listener();
  const stream = new ReadableStream({
    start(controller) {
      controller.error(broken);
    },
  });
  const response = tapped(new Response(stream), watch);
  await sleep(1);
  assert.deepEqual(watch.told, ["error: cut"]);
  await assert.rejects(response.text(), (error) => error === broken);
});

test("a real connection that is cut rejects with what fetch says", async () => {
  await using server = await scriptedServer(events([event("{}")], (response) => response.destroy()));
  const plain = await (await fetch(server.baseURL)).text().catch((error: Error) => error);
  const watch = listener();
  const ours = await tapped(await fetch(server.baseURL), watch)
    .text()
    .catch((error: Error) => error);
  assert.ok(plain instanceof TypeError && ours instanceof TypeError);
  assert.equal(ours.message, plain.message);
  assert.deepEqual((ours.cause as any).code, (plain.cause as any).code);
  assert.match(watch.told.at(-1)!, /^error: /);
});

test("leaving a loop closes the connection", async () => {
  await using server = await scriptedServer(events([event("1"), event("2")], () => {}));
  const response = tapped(await fetch(server.baseURL));
  for await (const _chunk of response.body!) break;
  while (server.cut === 0) await sleep(5);
  assert.equal(server.cut, 1);
});

test("compressed bodies are told as they are read", async () => {
  const text = event("x".repeat(20_000)) + DONE;
  await using server = await scriptedServer((_request, response) => {
    response.writeHead(200, { "content-encoding": "gzip", "content-type": "text/event-stream" });
    response.end(gzipSync(text));
  });
  let size = 0;
  const watch: BodyWatch = { ...listener(), chunk: (bytes) => (size += bytes) };
  assert.equal(await tapped(await fetch(server.baseURL), watch).text(), text);
  assert.equal(size, text.length);
});

test("a locked body, and none at all, are left alone", () => {
  const locked = counted(["a"]).response;
  locked.body!.getReader();
  assert.equal(tapResponse(locked, listener()), undefined);
  assert.equal(tapResponse(new Response(null, { status: 204 }), listener()), undefined);
});

test("a class whose constructor refuses leaves the response readable", async () => {
  class Odd extends Response {
    constructor(body?: BodyInit | null, init?: ResponseInit) {
      if (init !== undefined) throw new TypeError("not like this");
      super(body);
    }
  }
  const response = new Odd("whole");
  assert.throws(() => tapResponse(response, listener()), TypeError);
  assert.equal(await response.text(), "whole");
});

test("an abort before the body is read, and between two reads, is what it is without us", async () => {
  await using server = await scriptedServer(events(["{"], () => {}));
  const shown = (error: any): unknown => [error.constructor.name, error.name, error.message, error.cause];
  const ways: Record<string, (tap: (r: Response) => Response) => Promise<unknown>> = {
    "at once": async (tap) => {
      const controller = new AbortController();
      const response = tap(await fetch(server.baseURL, { signal: controller.signal }));
      controller.abort(new Error("mine"));
      return [shown(await response.json().catch((error: unknown) => error)), response.bodyUsed];
    },
    later: async (tap) => {
      const controller = new AbortController();
      const response = tap(await fetch(server.baseURL, { signal: controller.signal }));
      controller.abort(new Error("mine"));
      await sleep(5);
      return shown(await response.text().catch((error: unknown) => error));
    },
    "by a reader": async (tap) => {
      const controller = new AbortController();
      const mine = new Error("mine");
      const reader = tap(await fetch(server.baseURL, { signal: controller.signal })).body!.getReader();
      await reader.read();
      controller.abort(mine);
      const closed = await Promise.race([reader.closed.catch((error) => error), sleep(500, "pending")]);
      const read = await reader.read().catch((error) => error);
      return [closed === mine, read === mine, shown(closed)];
    },
  };
  for (const [name, way] of Object.entries(ways)) {
    const plain = await way((response) => response);
    assert.deepEqual(await way((response) => tapped(response)), plain, name);
  }
});

test("the reader has the end before we are told", async () => {
  const order: string[] = [];
  const watch: BodyWatch = { ...listener(), end: () => queueMicrotask(() => order.push("told")) };
  const reader = tapped(counted([]).response, watch).body!.getReader();
  reader.closed.then(() => order.push("closed"));
  await reader.read();
  await sleep(1);
  assert.deepEqual(order, ["closed", "told"]);
});

test("what an inner fetch puts on a response is kept; headers of a clone are its own", async () => {
  const own = { fromCache: true, timings: { dns: 1 } };
  const original = Object.assign(
    new Response("x", {
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    }),
    own,
  );
  const response = tapped(original) as typeof original;
  assert.deepEqual([response.fromCache, response.timings], [true, own.timings]);
  const clone = response.clone();
  clone.headers.set("x-a", "b");
  assert.deepEqual([response.headers.get("x-a"), clone.headers.get("x-a")], [null, "b"]);
  assert.deepEqual(clone.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(await clone.text(), "x");

  const fetched = tapped(await fetch("data:text/plain,x"));
  assert.throws(() => fetched.clone().headers.set("x-a", "b"), TypeError, "as those of fetch");
});

test("a response that reads its body by a method of its own is left alone", async () => {
  const original = new Response("x");
  const text = original.text.bind(original);
  const response = Object.assign(original, { text: async () => `${await text()}!` });
  assert.equal(tapResponse(response, listener()), undefined);
  assert.equal(await response.text(), "x!");
});

test("a status text that no constructor takes", async () => {
  const original = new Response("x");
  Object.defineProperty(original, "statusText", { value: "Готово" });
  const response = tapped(original);
  assert.deepEqual([response.statusText, response.clone().statusText], ["Готово", "Готово"]);
  assert.equal(await response.text(), "x");
});

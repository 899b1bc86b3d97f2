import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { hashUserId, type Span, suppress, withSpan, withTrace } from "sightline";
import { contextSpan } from "../../../src/core/context.ts";
import { activeRuntime, slot } from "../../../src/core/runtime.ts";
import { endpointOf } from "../../../src/openai/wire/endpoints.ts";
import { type InjectOptions, injector } from "../../../src/openai/wire/inject.ts";
import { traced } from "../../support/traced.ts";

const KEY = "a key of more than sixteen characters";
const HASH = hashUserId("jane", KEY);
const OPTIONS = { userIdKey: KEY, environment: "test" };
const CHAT = "https://api.openai.com/v1/chat/completions";
const RESPONSES = "https://api.openai.com/v1/responses";

/** What the injector makes of a request that is sent in the current context. */
function sent(option: boolean | InjectOptions, address: string, init: RequestInit | undefined, method = "POST") {
  const url = new URL(address);
  const runtime = activeRuntime()!;
  const span = contextSpan(runtime);
  return injector(option)({ runtime, url, method, endpoint: endpointOf(method, url), init, span });
}

function bodyOf(option: boolean | InjectOptions, address: string, body: unknown): any {
  return JSON.parse(sent(option, address, { method: "POST", body: JSON.stringify(body) })!.body as string);
}

/** Runs `fn` in a span of a trace with everything that there is to say. */
function inContext(fn: (span: Span) => void, options = OPTIONS) {
  const before = slot.internalErrors;
  return traced(() => {
    withTrace({ userId: "jane", sessionId: "s-1", feature: "hints" }, () => withSpan("work", fn));
    assert.equal(slot.internalErrors, before);
  }, options);
}

const pairs = (traceId: string) => {
  return { trace_id: traceId, session_id: "s-1", user_id: HASH, feature: "hints", environment: "test" };
};

test("every endpoint gets what it takes", async () => {
  await inContext(({ traceId }) => {
    const metadata = pairs(traceId);
    const at = (path: string, body: object) => bodyOf(true, `https://api.openai.com/v1${path}`, body);
    assert.deepEqual(at("/responses", { model: "m" }), { metadata, safety_identifier: HASH, model: "m" });
    assert.deepEqual(at("/chat/completions", { model: "m" }), { safety_identifier: HASH, model: "m" });
    assert.deepEqual(at("/chat/completions", { store: true }), { metadata, safety_identifier: HASH, store: true });
    for (const path of ["/threads", "/threads/runs", "/threads/t_1/runs", "/threads/t_1/messages", "/conversations"]) {
      assert.deepEqual(at(path, {}), { metadata }, path);
    }
    const others = [
      "/embeddings",
      "/images/generations",
      "/responses/r_1/cancel",
      "/threads/t_1/runs/r_1",
      "/assistants",
    ];
    for (const path of [...others, "/threads/t_1/runs/r_1/submit_tool_outputs", "/responses/input_tokens"]) {
      assert.deepEqual(at(path, { a: 1 }), { a: 1 }, path);
    }
  });
});

test("nothing is added by default, elsewhere, to other methods, or where tracing is suppressed", async () => {
  await inContext(() => {
    const init = { body: "{}" };
    assert.equal(sent(false, RESPONSES, init), init);
    for (const host of ["http://127.0.0.1:8080", "https://my.openai.azure.com/openai", "https://api.openai.com:444"]) {
      assert.equal(sent(true, `${host}/v1/responses`, init), init);
    }
    assert.equal(sent(true, RESPONSES, init, "GET"), init);
    assert.equal(sent(true, RESPONSES, undefined), undefined);
    suppress(() => assert.equal(sent(true, RESPONSES, init), init));
    const hosts = ["127.0.0.1:8080", "My.OpenAI.Azure.com"];
    assert.notEqual(sent({ hosts }, "http://127.0.0.1:8080/v1/responses", init), init);
    assert.notEqual(sent({ hosts }, "https://my.openai.azure.com/openai/v1/responses", init), init);
  });
});

test("what the request says itself stays", async () => {
  await inContext(({ traceId }) => {
    const own = { feature: "mine", other: "1" };
    const body = bodyOf(true, RESPONSES, { metadata: own, safety_identifier: "me", model: "m" });
    assert.deepEqual(body, { metadata: { ...pairs(traceId), ...own }, safety_identifier: "me", model: "m" });
    assert.equal(bodyOf(true, RESPONSES, { user: "me" }).safety_identifier, undefined);
    assert.deepEqual(bodyOf(true, RESPONSES, { metadata: null, user: "me" }).metadata, pairs(traceId));
    const init = { body: JSON.stringify({ metadata: { ...pairs("t") }, user: "me" }) };
    assert.equal(sent(true, RESPONSES, init), init);
  });
});

test("there are never more than 16 pairs, and none that is refused", async () => {
  await inContext(({ traceId }) => {
    const own = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
    const { metadata } = bodyOf(true, RESPONSES, { metadata: own(14) });
    assert.deepEqual(metadata, { ...own(14), trace_id: traceId, session_id: "s-1" });
    assert.deepEqual(bodyOf(true, RESPONSES, { metadata: own(16) }).metadata, own(16));
  });
  await traced(() => {
    withTrace({ sessionId: "s".repeat(513), feature: "f" }, () => {
      assert.deepEqual(bodyOf(true, RESPONSES, {}), { metadata: { feature: "f" } });
    });
  });
});

test("a user is never sent as it is", async () => {
  await traced(() => {
    withTrace({ userId: "jane" }, () => {
      const init = { body: "{}" };
      assert.equal(sent(true, RESPONSES, init), init);
      assert.equal(bodyOf({ hashKey: KEY }, RESPONSES, {}).safety_identifier, HASH);
    });
  });
});

test("the cache key is the session's, the feature's or the user's own, and fits", async () => {
  await inContext(() => {
    const key = (promptCacheKey: InjectOptions["promptCacheKey"], body = {}) =>
      bodyOf({ promptCacheKey: promptCacheKey! }, CHAT, body).prompt_cache_key;
    assert.equal(key(undefined), undefined);
    assert.equal(key(true), "s-1");
    assert.equal(
      key(({ feature }) => `${feature}-v3`),
      "hints-v3",
    );
    assert.equal(key(true, { prompt_cache_key: "mine" }), "mine");
    const long = key(() => "k".repeat(65));
    assert.match(long, /^[0-9a-f]{64}$/);
    assert.equal(
      key(() => "k".repeat(65)),
      long,
    );
    assert.equal(
      key(() => undefined),
      undefined,
    );
  });
  await traced(() =>
    withTrace({ feature: "hints" }, () => {
      assert.equal(bodyOf({ promptCacheKey: true }, CHAT, {}).prompt_cache_key, "hints");
    }),
  );
});

test("the rest of the body stays as it was written, and attempts are alike", async () => {
  await inContext(() => {
    const body = ` {\n "seed": 12345678901234567890, "input": "é\\u0041", "n": 1.0 }`;
    const text = sent(true, RESPONSES, { body })!.body as string;
    assert.ok(text.endsWith(body.slice(2)));
    assert.equal(JSON.parse(text).safety_identifier, HASH);
    assert.equal(sent(true, RESPONSES, { body })!.body, text);
    // To add to its metadata it would have to be written anew, and the seed would be another.
    const init = { body: '{"seed":12345678901234567890,"metadata":{"a":"b"},"user":"me"}' };
    assert.equal(sent(true, RESPONSES, init), init);
    const open = '{"seed":12345678901234567890,"metadata":{"a":"b"}}';
    const kept = sent(true, RESPONSES, { body: open })!.body as string;
    assert.equal(kept, `{"safety_identifier":"${HASH}",${open.slice(1)}`);
  });
});

test("bodies that are no JSON object are left alone", async () => {
  await inContext(() => {
    const stream = new ReadableStream();
    const bodies = ["", "null", "[1]", "{", '"text"', '{"metadata":"text","user":"me"}', new FormData(), stream, null];
    for (const body of bodies) {
      const init = { body };
      assert.equal(sent(true, RESPONSES, init), init, String(body));
    }
    const large = { body: JSON.stringify({ input: "x".repeat(4 * 1024 * 1024) }) };
    assert.equal(sent(true, RESPONSES, large), large);
  });
});

test("headers keep their form, and the length is right where it is stated", async () => {
  await inContext((span) => {
    const body = '{"input":"é"}';
    const wanted = String(Buffer.byteLength(sent(true, RESPONSES, { body })!.body as string));
    const headers = (given: RequestInit["headers"], options: InjectOptions = {}) =>
      sent(options, RESPONSES, { body, ...(given && { headers: given }) })!.headers;
    assert.equal(headers(undefined), undefined);
    const plain = { Accept: "x", "Content-Length": "14" };
    assert.deepEqual(headers(plain), { Accept: "x", "content-length": wanted });
    assert.deepEqual(plain, { Accept: "x", "Content-Length": "14" });
    assert.equal(headers({ accept: "x" })!["accept" as keyof HeadersInit], "x");
    const list: [string, string][] = [
      ["a", "1"],
      ["content-length", "14"],
    ];
    assert.deepEqual(headers(list), [
      ["a", "1"],
      ["content-length", wanted],
    ]);
    const native = new Headers(plain);
    const changed = headers(native) as Headers;
    assert.equal(changed.get("content-length"), wanted);
    assert.equal(native.get("content-length"), "14");

    assert.deepEqual(headers(undefined, { traceparent: true }), new Headers({ traceparent: span.traceparent() }));
    assert.deepEqual(headers({ Traceparent: "own" }, { traceparent: true }), { Traceparent: "own" });
    const init = { method: "GET" };
    const get = sent({ traceparent: true }, "https://api.openai.com/v1/models", init, "GET")!;
    assert.equal(new Headers(get.headers).get("traceparent"), span.traceparent());
    assert.equal(sent({ traceparent: true }, "http://127.0.0.1/v1/models", init, "GET"), init);
  });
});

test("options that make no sense are refused where they are given", () => {
  const refused = (options: object, message: RegExp) =>
    assert.throws(() => injector(options), { name: "ConfigError", message });
  refused({ hashKey: "short" }, /at least 16/);
  refused({ hosts: "api.example.org" }, /inject: \{ hosts \}.*array/);
  refused({ promptCacheKey: "tutor" }, /true or a function/);
  refused({ traceparent: 1 }, /true or false/);
  refused({ host: [] }, /no option "host".*hosts, hashKey, promptCacheKey, traceparent/);
});

test("whatever goes wrong, the request goes out as it came", async () => {
  await traced(() =>
    withTrace({ sessionId: "s" }, () => {
      const fail = () => {
        throw new Error("on purpose");
      };
      const init = Object.defineProperty({}, "body", { get: fail, enumerable: true });
      assert.equal(sent(true, RESPONSES, init), init);
      const headers = { body: "{}", headers: [["bad name\n", "x"]] as any };
      assert.equal(sent(true, RESPONSES, headers), headers);
      assert.deepEqual(bodyOf({ promptCacheKey: fail }, CHAT, { a: 1 }), { a: 1 });
    }),
  );
});

test("an init of a class, whose fields a copy would lose, goes out as it came", async () => {
  await inContext(() => {
    class Init {
      get method() {
        return "POST";
      }
      get body() {
        return '{"store":true}';
      }
    }
    const hidden = Object.defineProperty({ body: "{}" }, "method", { value: "POST" });
    const request = new Request(CHAT, { method: "POST", body: "{}", headers: { authorization: "Bearer k" } });
    for (const init of [new Init(), request, hidden] as RequestInit[]) {
      assert.equal(sent({ traceparent: true }, RESPONSES, init), init);
    }
    for (const plain of [Object.assign(Object.create(null), { body: "{}" }), runInNewContext("({ body: '{}' })")]) {
      assert.notEqual(sent(true, RESPONSES, plain), plain);
    }
  });
});

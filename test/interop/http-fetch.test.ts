import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import { ConfigError, currentSpan, suppress, withContext, withSpan, withTrace } from "sightline";
import { propagatedFetch } from "sightline/interop/http";
import { tracedFetch } from "sightline/openai";
import { traced } from "../support/traced.ts";
import { CALLER, serve, TRACE } from "./serve.ts";

/** A server that answers with the status of its path, and keeps the headers of what it got. */
async function asked(
  fn: (url: string) => Promise<unknown>,
  options?: Parameters<typeof traced>[1],
): Promise<{ sink: Awaited<ReturnType<typeof traced>>; got: IncomingHttpHeaders[] }> {
  const got: IncomingHttpHeaders[] = [];
  const sink = await traced(
    () =>
      serve((request, response) => {
        got.push(request.headers);
        response.statusCode = Number(request.url?.match(/^\/(\d{3})\b/)?.[1] ?? 200);
        request.pipe(response);
      }, fn),
    options,
  );
  return { sink, got };
}

test("the context is sent, and the request is a span of kind client", async () => {
  let port = 0;
  const { sink, got } = await asked(
    (url) => {
      port = Number(new URL(url).port);
      return withContext(CALLER, () =>
        withTrace({ userId: "ada" }, () =>
          withSpan("caller", async () => {
            const answer = await propagatedFetch()(`${url}/orders?key=s3cr3t`, { method: "post", body: "x" });
            assert.equal(await answer.text(), "x");
          }),
        ),
      );
    },
    { baggage: { "user.id": "userId" } },
  );
  const { record, parent } = sink.get("POST 127.0.0.1");
  assert.equal(parent?.record.name, "caller");
  assert.equal(record.kind, "client");
  assert.deepEqual(record.attributes, {
    "http.request.method": "POST",
    "url.full": `http://127.0.0.1:${port}/orders`,
    "server.address": "127.0.0.1",
    "server.port": port,
    "http.response.status_code": 200,
  });
  assert.equal(got[0]?.["traceparent"], `00-${TRACE}-${record.spanId}-01`);
  assert.equal(got[0]?.["tracestate"], "vendor=x");
  assert.equal(got[0]?.["baggage"], "user.id=ada");
});

test("headers in every form arrive, the caller's own win, and nothing of the caller's is changed", async () => {
  const own = { accept: "x/y", "x-a": "1" };
  const theirs = { TraceParent: CALLER.traceparent, ...own };
  const forms = (url: string): Parameters<typeof fetch>[] => [
    [url, { headers: own }],
    [url, { headers: new Headers(own) }],
    [url, { headers: Object.entries(own) }],
    [new URL(url), { headers: own }],
    [new Request(url, { headers: own })],
    [new Request(url, { headers: { accept: "not/this" } }), { headers: own }],
  ];
  const { got } = await asked((url) =>
    withSpan("caller", async () => {
      for (const args of forms(url)) await (await propagatedFetch()(...args)).text();
      for (const headers of [theirs, new Headers(theirs), Object.entries(theirs)]) {
        await (await propagatedFetch()(url, { headers })).text();
      }
      await (await propagatedFetch()(url, { headers: { tracestate: "old=1" } })).text();
    }),
  );
  assert.equal(got.length, 10);
  for (const [index, headers] of got.slice(0, 9).entries()) {
    assert.equal(headers["accept"], "x/y", `form ${index}`);
    assert.equal(headers["x-a"], "1");
    if (index < 6)
      assert.match(String(headers["traceparent"]), /^00-(?!0af7651916cd43dd)[0-9a-f]{32}-[0-9a-f]{16}-03$/);
    else assert.equal(headers["traceparent"], CALLER.traceparent);
  }
  assert.equal(got[9]?.["tracestate"], undefined, "it belongs to another trace");
  assert.deepEqual(own, { accept: "x/y", "x-a": "1" });
});

test("a request arrives as with plain fetch, but for the headers of the context", async () => {
  const headers = { authorization: "Bearer x", "X-A": "1" };
  const post = { method: "POST", body: "payload", headers };
  class Init {
    readonly #method = "PUT";
    headers = headers;
    get method(): string {
      return this.#method;
    }
  }
  function* pairs(): Generator<[string, string]> {
    yield ["authorization", "Bearer x"];
    yield ["tracestate", "old=1"];
  }
  const form = (): FormData => {
    const data = new FormData();
    data.set("a", "b");
    return data;
  };
  const stream = (): ReadableStream => new Blob(["streamed"]).stream();
  const forms: Record<string, (url: string) => unknown[]> = {
    "a Request": (url) => [new Request(url, post)],
    "a Request as init": (url) => [url, new Request(`${url}/other`, post)],
    "a Request as both": (url) => [new Request(url, { method: "PUT", body: "z" }), new Request(url, post)],
    "a Request with init": (url) => [new Request(url, post), { headers: { "x-b": "2" } }],
    "an init that inherits": (url) => [url, Object.create(post)],
    "an init of a class": (url) => [url, new Init()],
    "an init without a prototype": (url) => [url, Object.assign(Object.create(null), post)],
    entries: (url) => [url, { ...post, headers: new Headers(headers).entries() }],
    "a generator": (url) => [url, { headers: pairs() }],
    "a Set": (url) => [url, { headers: new Set(Object.entries(headers)) }],
    "a Map": (url) => [url, { headers: new Map(Object.entries(headers)) }],
    "pairs of any kind": (url) => [url, { headers: [new Set(["x-a", "1"]), ["X-A", "2"]] }],
    "pairs that are none": (url) => [url, { headers: [["x-a"]] }],
    "headers that are none": (url) => [url, { headers: 5 }],
    "headers null": (url) => [url, { headers: null }],
    "init null": (url) => [url, null],
    "a form": (url) => [url, { method: "POST", body: form() }],
    "a form in a Request": (url) => [new Request(url, { method: "POST", body: form() })],
    "a stream": (url) => [url, { method: "POST", duplex: "half", body: stream() }],
    "a stream, inherited": (url) => [url, Object.create({ method: "POST", duplex: "half", body: stream() })],
    "a GET with a body": (url) => [url, Object.create({ body: "x" })],
    "no method": (url) => [url, { method: "a b" }],
  };
  const listener: Parameters<typeof serve>[0] = async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { traceparent, baggage, host: _, ...own } = request.headers;
    if (traceparent !== undefined) delete own["tracestate"];
    response.end(
      JSON.stringify([request.method, request.url, own, body]).replaceAll(
        /-*formdata-undici-\d+|-{4,}\w+/g,
        "boundary",
      ),
    );
    assert.equal(baggage, undefined);
    told.push(traceparent);
  };
  const told: unknown[] = [];
  await traced(() =>
    serve(listener, async (url) => {
      for (const [name, args] of Object.entries(forms)) {
        const answers: unknown[] = [];
        for (const ask of [fetch, propagatedFetch()]) {
          const asked = withSpan("caller", async () => (await Reflect.apply(ask, undefined, args(url))).text());
          const answer = await asked.catch((error: Error) => `${error.name}: ${error.message}`);
          answers.push(String(answer).replace(',"tracestate":"old=1"', ""));
        }
        assert.equal(answers[1], answers[0], name);
      }
    }),
  );
  assert.equal(told.length, 2 * 17);
  told.forEach((traceparent, index) => void assert.equal(traceparent !== undefined, index % 2 === 1));
});

test("only http and https: of a data: address nothing is recorded", async () => {
  const sink = await traced(() =>
    withSpan("caller", async () => {
      const answer = await propagatedFetch()("data:application/json,%7B%22secret%22:1%7D");
      assert.deepEqual(await answer.json(), { secret: 1 });
      const object = URL.createObjectURL(new Blob(["secret"]));
      assert.equal(await (await propagatedFetch()(object)).text(), "secret");
    }),
  );
  assert.equal(sink.records.length, 1);
  assert.doesNotMatch(JSON.stringify(sink.records), /secret|data:|blob:/);
});

test("to is asked once: a server that redirects hands the headers on, unless told not to be followed", async () => {
  const got: [string | undefined, boolean][] = [];
  await traced(() =>
    serve(
      (request, response) => {
        got.push([request.url, request.headers["traceparent"] !== undefined]);
        if (request.url === "/from") response.writeHead(302, { location: "/elsewhere" });
        response.end();
      },
      async (url) => {
        const ask = propagatedFetch({ to: ({ pathname }) => pathname === "/from" });
        await withSpan("caller", async () => {
          await (await ask(`${url}/from`)).text();
          assert.equal((await ask(`${url}/from`, { redirect: "manual" })).status, 302);
        });
      },
    ),
  );
  assert.deepEqual(got, [
    ["/from", true],
    ["/elsewhere", true],
    ["/from", true],
  ]);
});

test("a Request keeps its method and its body", async () => {
  const { sink } = await asked((url) =>
    withSpan("caller", async () => {
      const answer = await propagatedFetch()(new Request(url, { method: "PUT", body: "abc" }));
      assert.equal(await answer.text(), "abc");
    }),
  );
  assert.equal(sink.get("PUT 127.0.0.1").record.attributes?.["http.request.method"], "PUT");
});

test("what comes back is the inner fetch's own answer or error", async () => {
  const response = new Response("body");
  const error = new TypeError("no network");
  const seen: unknown[] = [];
  const sink = await traced(async () => {
    const inner = async (...args: Parameters<typeof fetch>): Promise<Response> => {
      seen.push(currentSpan()?.spanId, args[1]?.signal);
      if (String(args[0]).includes("bad")) throw error;
      return response;
    };
    const ask = propagatedFetch({ fetch: inner });
    const { signal } = new AbortController();
    assert.equal(await ask("http://a.example/", { signal }), response);
    assert.equal(response.bodyUsed, false);
    assert.equal(seen[1], signal);
    await assert.rejects(ask("http://a.example/bad"), (thrown) => thrown === error);
    const throwing = propagatedFetch({
      fetch: () => {
        throw error;
      },
    });
    assert.throws(
      () => throwing("http://b.example/"),
      (thrown) => thrown === error,
    );
  });
  const [fine, failed] = sink.findAll("GET a.example");
  assert.equal(fine?.record.spanId, seen[0], "the inner one runs in the span");
  assert.equal(failed?.record.error?.message, "no network");
  assert.equal(sink.get("GET b.example").record.level, "ERROR");
});

test("statuses of 400 and above are errors, an abort is a warning", async () => {
  const { sink } = await asked(async (url) => {
    for (const status of [204, 404, 503]) await (await propagatedFetch()(`${url}/${status}`)).arrayBuffer();
    await assert.rejects(propagatedFetch()(url, { signal: AbortSignal.abort() }), { name: "AbortError" });
  });
  const found = sink
    .findAll("GET 127.0.0.1")
    .map(({ record }) => [
      record.attributes?.["http.response.status_code"],
      record.attributes?.["error.type"],
      record.level,
    ]);
  assert.deepEqual(found, [
    [204, undefined, "DEFAULT"],
    [404, "404", "ERROR"],
    [503, "503", "ERROR"],
    [undefined, undefined, "WARNING"],
  ]);
});

test("to: only those are told; the others are recorded all the same", async () => {
  const to = (url: URL): boolean => {
    if (url.pathname === "/throws") throw new Error("of the callback");
    return url.pathname === "/told";
  };
  const { sink, got } = await asked(async (url) => {
    for (const path of ["told", "not-told", "throws"]) await (await propagatedFetch({ to })(`${url}/${path}`)).text();
  });
  assert.deepEqual(
    got.map((headers) => "traceparent" in headers),
    [true, false, false],
  );
  assert.equal(sink.records.length, 3);
});

test("span: false sends and records nothing; an unsampled trace is told on; off and suppress do neither", async () => {
  const unsampled = CALLER.traceparent.replace(/01$/, "00");
  const ask = async (url: string, span: boolean): Promise<unknown> => (await propagatedFetch({ span })(url)).text();
  const { sink, got } = await asked(async (url) => {
    await withSpan("caller", () => ask(url, false));
    await withContext({ traceparent: unsampled }, () => ask(url, true));
    await suppress(() => ask(url, true));
    await ask(url, false);
  });
  assert.equal(sink.records.length, 1);
  const { traceId, spanId } = sink.get("caller").record;
  assert.deepEqual(
    got.map((headers) => headers["traceparent"]),
    [`00-${traceId}-${spanId}-03`, unsampled, undefined, undefined],
  );
  await serve(
    (request, response) => response.end(String(request.headers["traceparent"])),
    async (url) => assert.equal(await ask(url, true), "undefined"),
  );
});

test("addresses that are none go to fetch as they are", async () => {
  const sink = await traced(async () => {
    await assert.rejects(propagatedFetch()("/relative"), TypeError);
    await assert.rejects(propagatedFetch()(undefined as never), TypeError);
  });
  assert.deepEqual(sink.records, []);
});

test("as the global fetch it does not call itself, whatever is put around it", async (t) => {
  const before = globalThis.fetch;
  t.after(() => {
    globalThis.fetch = before;
  });
  const { sink, got } = await asked(async (url) => {
    const ours = propagatedFetch();
    globalThis.fetch = ours;
    await (await fetch(url)).text();
    globalThis.fetch = (...args) => ours(...args);
    await (await fetch(url)).text();
  });
  assert.equal(got.length, 2);
  assert.equal(sink.records.length, 2);
});

test("a fetch that records model calls is not wrapped, unless without a span", () => {
  assert.throws(() => propagatedFetch({ fetch: tracedFetch() }), ConfigError);
  assert.equal(typeof propagatedFetch({ fetch: tracedFetch(), span: false }), "function");
});

test("bad options are refused when it is made", () => {
  for (const options of [{ fetch: "x" }, { to: "host" }, { span: 1 }, { url: "x" }, null]) {
    assert.throws(() => propagatedFetch(options as never), ConfigError, JSON.stringify(options));
  }
});

/** The routes of `src/collector/api.ts`: what they answer, and what they say to questions that make no sense. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import type { About, SpanAnswer, TraceAnswer } from "../../src/collector/api.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { TraceQuery, TraceStore } from "../../src/store/trace-store.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { lines, started, storeWith, until } from "./support.ts";

const TRACE = sampleSpan().traceId;

function child(i: number, part: Partial<SpanRecord> = {}): SpanRecord {
  return sampleSpan({ spanId: `c${i.toString(16).padStart(15, "0")}`, parentSpanId: sampleSpan().spanId, ...part });
}

async function json<T = any>(url: string): Promise<T> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  assert.equal(response.headers.get("content-type"), "application/json; charset=utf-8");
  return (await response.json()) as T;
}

test("about, a trace with its spans, a span, its payloads, the export", async (t) => {
  const { url, store } = await started(t);
  const root = sampleSpan({ input: "hello <b>", output: { text: "ho" } });
  const all = [root, child(1), child(2, { status: { code: "error", message: "no" } })];
  await store.append([...all, sampleScore(), sampleFinding()]);
  const about = await json<About>(`${url}/api/about`);
  assert.deepEqual([about.store, about.stats.spans, about.projects, about.monitors], ["memory", 3, ["default"], false]);
  const trace = await json<TraceAnswer>(`${url}/api/traces/${TRACE}`);
  assert.deepEqual(trace, { ...(await store.trace(TRACE)), spans: await store.spans(TRACE) });
  const span = await json<SpanAnswer>(`${url}/api/traces/${TRACE}/spans/${root.spanId}`);
  assert.deepEqual(span, { record: root });
  const input = await fetch(`${url}/api/traces/${TRACE}/spans/${root.spanId}/input`);
  assert.equal(input.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(input.headers.get("content-disposition"), `attachment; filename="${root.spanId}-input.txt"`);
  assert.equal(await input.text(), "hello <b>");
  const output = await fetch(`${url}/api/traces/${TRACE}/spans/${root.spanId}/output`);
  assert.equal(output.headers.get("content-disposition"), `attachment; filename="${root.spanId}-output.json"`);
  assert.deepEqual(await output.json(), { text: "ho" });
  const exported = await fetch(`${url}/api/traces/${TRACE}/export`);
  assert.equal(exported.headers.get("content-type"), "application/x-ndjson; charset=utf-8");
  const records = (await exported.text())
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(records, [...all, sampleScore(), sampleFinding()]);
  for (const path of [
    `/api/traces/${"b".repeat(32)}`,
    `/api/traces/${"b".repeat(32)}/export`,
    `/api/traces/${TRACE}/spans/${"b".repeat(16)}`,
    `/api/traces/${TRACE}/spans/${child(1).spanId}/input`,
  ]) {
    const response = await fetch(url + path);
    assert.deepEqual([response.status, ((await response.json()) as any).error.code], [404, "NOT_FOUND"], path);
  }
  assert.deepEqual(await json(`${url}/api/traces/${"b".repeat(32)}/spans`), { items: [] });
});

test("long payloads are cut to their heads until they are asked for in full", async (t) => {
  const { url, store } = await started(t);
  const record = sampleSpan({ input: { text: "😀".repeat(150_000) }, output: "short" });
  await store.append([record]);
  const path = `${url}/api/traces/${TRACE}/spans/${record.spanId}`;
  const { record: cutRecord, cut } = await json<SpanAnswer>(path);
  const whole = JSON.stringify(record.input);
  assert.deepEqual(cut, { input: whole.length });
  assert.equal(cutRecord.input, whole.slice(0, 200_000));
  assert.equal(cutRecord.output, "short");
  assert.deepEqual(await json(`${path}?full=1`), { record });
});

test("every parameter of the store's questions arrives as what it is", async (t) => {
  const asked: unknown[] = [];
  const note = (name: string, answer: unknown) => async (query: unknown) => {
    asked.push([name, structuredClone(query)]);
    return answer as never;
  };
  const store = storeWith({
    traces: note("traces", { items: [] }),
    sessions: note("sessions", { items: [] }),
    values: note("values", []),
    aggregate: note("aggregate", []),
  } as Partial<TraceStore>);
  const { url } = await started(t, { store });
  const query: TraceQuery = {
    fromUs: 1_732_000_000_000_000,
    toUs: 1_732_000_000_000_001,
    userId: "ada & bob=1",
    sessionId: "s",
    feature: "f",
    team: "t",
    environment: "e",
    release: "r",
    tag: "<script>",
    name: "n",
    model: "m",
    status: "open",
    finding: "*",
    metadata: { plan: "gold", "a.b": "c", __proto__x: "y" },
    minDurationMs: 0.5,
    maxDurationMs: 2,
    minCostUsd: 1e-7,
    maxCostUsd: 0,
    text: "größe 中文",
    limit: 500,
    after: "cursor",
  };
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (name !== "metadata") params.set(name, String(value));
  }
  for (const [key, value] of Object.entries(query.metadata!)) params.set(`metadata.${key}`, value);
  await json(`${url}/api/traces?${params}`);
  await json(`${url}/api/sessions?${params}`);
  const expected = { project: "default", ...query };
  assert.deepEqual(JSON.parse(JSON.stringify(asked)), [
    ["traces", expected],
    ["sessions", expected],
  ]);
  asked.length = 0;
  await json(`${url}/api/values?field=model&prefix=gpt&fromUs=5&limit=7`);
  await json(
    `${url}/api/aggregate?of=spans&fromUs=0&toUs=60000000&groupBy=model,feature&bucketUs=1000000&where.team=x&percentiles=1&limit=9`,
  );
  assert.deepEqual(asked, [
    ["values", { project: "default", field: "model", prefix: "gpt", fromUs: 5, limit: 7 }],
    [
      "aggregate",
      {
        project: "default",
        of: "spans",
        fromUs: 0,
        toUs: 60_000_000,
        groupBy: ["model", "feature"],
        bucketUs: 1_000_000,
        where: { team: "x" },
        percentiles: true,
        limit: 9,
      },
    ],
  ]);
});

test("a parameter that is unknown, doubled or ill-typed is named, with what it got and what it takes", async (t) => {
  const { url } = await started(t, { projects: { shop: "token-of-the-shop", tutor: "token-of-the-tutor" } });
  for (const [query, message] of [
    ["/api/traces?user=ada", /^There is no parameter "user"; there are .*userId/],
    ["/api/traces?userId=a&userId=b", /^The parameter "userId" comes twice/],
    ["/api/traces?limit=0", /^limit takes a whole number from 1 to 500; it got "0"/],
    ["/api/traces?limit=501", /^limit takes/],
    ["/api/traces?limit=1e2", /^limit takes/],
    ["/api/traces?fromUs=yesterday", /^fromUs takes a whole number.*"yesterday"/],
    ["/api/traces?fromUs=1.5", /^fromUs takes/],
    ["/api/traces?fromUs=-1", /^fromUs takes/],
    ["/api/traces?status=failed", /^status takes one of ok, error, open; it got "failed"/],
    ["/api/traces?minCostUsd=NaN", /^minCostUsd takes a number from 0 on/],
    ["/api/traces?minCostUsd=Infinity", /^minCostUsd takes/],
    [`/api/traces?text=${"a".repeat(1_001)}`, /^text takes up to 1,000 characters/],
    ["/api/traces?metadata.a=1&metadata.a=2", /^The parameter "metadata.a" comes twice/],
    ["/api/traces?project=other", /^project takes one of shop, tutor; it got "other"/],
    ["/api/traces?__proto__=1", /^There is no parameter/],
    ["/api/traces?constructor.x=1", /^There is no parameter/],
    ["/api/aggregate?groupBy=model,secret", /^groupBy takes a list/],
    ["/api/aggregate?groupBy=model,model", /^groupBy takes/],
    ["/api/aggregate?where.secret=1", /^There is no parameter "where.secret"; where takes model/],
    ["/api/aggregate?where.__proto__=1", /^There is no parameter/],
    ["/api/aggregate?bucketUs=1", /^bucketUs takes/],
    ["/api/aggregate?fromUs=0&toUs=86400000000000&bucketUs=1000000", /^bucketUs is too small.*5000/],
    ["/api/values", /^field is missing; it takes one of name, model/],
    ["/api/values?field=input", /^field takes/],
    [`/api/traces/${TRACE}/spans?limit=10001`, /^limit takes a whole number from 1 to 10000/],
    [`/api/traces/${TRACE}/spans/short`, /^A span's id has 16 hex digits.*"short"/],
    [`/api/traces/${TRACE}?full=1`, /^There is no parameter "full"/],
    ["/api/traces/<script>", /^A trace's id/],
  ] as const) {
    const response = await fetch(url + query);
    assert.equal(response.status, 400, query);
    const { error } = (await response.json()) as any;
    assert.equal(error.code, "BAD_PARAMETER", query);
    assert.match(error.message, message, query);
  }
});

test("a cursor that the store does not know is a bad request", async (t) => {
  const refuse = async () => {
    throw new StoreError("STORE_BAD_QUERY", "no such cursor");
  };
  const { url } = await started(t, { store: storeWith({ traces: refuse, spans: refuse }) });
  for (const path of ["/api/traces?after=x", `/api/traces/${TRACE}/spans?after=x`]) {
    const response = await fetch(url + path);
    assert.deepEqual([response.status, ((await response.json()) as any).error.code], [400, "STORE_BAD_QUERY"]);
  }
});

test("projects never meet", async (t) => {
  const { url, store } = await started(t, { projects: { shop: "token-of-the-shop", tutor: "token-of-the-tutor" } });
  await store.append([sampleSpan({ name: "in tutor" })], { project: "tutor" });
  assert.deepEqual((await json(`${url}/api/traces`)).items, []);
  assert.equal((await json(`${url}/api/traces?project=tutor`)).items[0].name, "in tutor");
  assert.equal((await fetch(`${url}/api/traces/${TRACE}`)).status, 404);
  assert.equal((await fetch(`${url}/api/traces/${TRACE}?project=tutor`)).status, 200);
});

test("a page of 3,000 spans is read and written in parts, and the next one goes on where it ended", async (t) => {
  const inner = memoryStore();
  const all = Array.from({ length: 3_456 }, (_, i) => child(i));
  await inner.append(all);
  const limits: unknown[] = [];
  const store = storeWith(
    {
      spans: (traceId, options) => {
        limits.push(options?.limit);
        return inner.spans(traceId, options);
      },
    },
    inner,
  );
  const { url } = await started(t, { store });
  const first = await json(`${url}/api/traces/${TRACE}/spans?limit=3000`);
  assert.deepEqual([first.items.length, ...limits], [3_000, 1_000, 1_000, 1_000]);
  const rest = await json(`${url}/api/traces/${TRACE}/spans?limit=10000&after=${encodeURIComponent(first.next)}`);
  assert.deepEqual([rest.items.length, rest.next], [456, undefined]);
  const ids = [...first.items, ...rest.items].map(({ spanId }) => spanId);
  assert.deepEqual(ids, all.map(({ spanId }) => spanId).sort());
  const small = await json(`${url}/api/traces/${TRACE}/spans`);
  assert.deepEqual([small.items.length, typeof small.next], [1_000, "string"]);
  assert.deepEqual(small, await inner.spans(TRACE));
});

test("an export is read no faster than its reader reads", async (t) => {
  const inner = memoryStore();
  const text = "x".repeat(15_000);
  await inner.append(Array.from({ length: 2_000 }, (_, i) => child(i, { input: text })));
  let fetched = 0;
  const store = storeWith(
    {
      span: (...args) => {
        fetched++;
        return inner.span(...args);
      },
    },
    inner,
  );
  const { port } = await started(t, { store });
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  socket.pause();
  socket.write(`GET /api/traces/${TRACE}/export HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: close\r\n\r\n`);
  // It stands still once what lies between is full: two looks, with as much going on in between as it likes, are the same.
  let before = -1;
  await until(async () => {
    const isStill = fetched > 0 && fetched === before;
    before = fetched;
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return isStill;
  });
  assert.ok(fetched < 1_500, `${fetched} of 2,000 spans were fetched for nobody`);
  let bytes = 0;
  socket.on("data", (chunk) => {
    bytes += chunk.length;
  });
  socket.resume();
  await new Promise((resolve) => socket.on("close", resolve));
  assert.equal(fetched, 2_000);
  assert.ok(bytes > 2_000 * 15_000);
});

test("answers are compressed for readers from elsewhere that take it", async (t) => {
  const { port, store, token } = await started(t, { allowedHosts: ["traces.example"] });
  await store.append(Array.from({ length: 500 }, (_, i) => child(i)));
  const ask = async (path: string, encoding: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${token}`, "accept-encoding": encoding },
    });
    assert.equal(response.headers.get("vary"), "accept-encoding");
    return [response.headers.get("content-encoding"), await response.json()] as const;
  };
  for (const path of [`/api/traces/${TRACE}`, `/api/traces/${TRACE}/spans`]) {
    const [plain, expected] = await ask(path, "identity");
    assert.equal(plain, null);
    for (const encoding of ["gzip", "br, gzip;q=0.8", "GZIP"])
      assert.deepEqual(await ask(path, encoding), ["gzip", expected]);
    for (const encoding of ["gzip;q=0", "br"]) assert.equal((await ask(path, encoding))[0], null, encoding);
  }
  assert.equal((await ask("/api/monitors", "gzip"))[0], null, "short ones are not");
});

/** In every place where a record says something. */
test("what would be a script elsewhere comes back as JSON and nothing else", async (t) => {
  const { url } = await started(t);
  const evil = `</script><img src=x onerror="window.__pwned=1">'"\u2028<svg/onload=alert(1)>`;
  const record = sampleSpan({
    type: "generation",
    name: evil,
    input: { [evil]: evil },
    output: evil,
    genAi: { requestModel: evil, provider: evil },
    error: { type: evil, message: evil },
    status: { code: "error", message: evil },
    metadata: { [evil]: evil },
    trace: { name: evil, userId: evil, sessionId: evil, tags: [evil], metadata: { [evil]: evil } },
  });
  await fetch(`${url}/v1/records`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: lines([record, sampleFinding({ message: evil, name: evil }), sampleScore({ name: evil, comment: evil })]),
  });
  const quoted = encodeURIComponent(evil);
  const paths = [
    "/api/traces",
    `/api/traces?userId=${quoted}`,
    `/api/traces/${TRACE}`,
    `/api/traces/${TRACE}/spans`,
    `/api/traces/${TRACE}/spans/${record.spanId}`,
    `/api/traces/${TRACE}/spans/${record.spanId}/input`,
    `/api/traces/${TRACE}/spans/${record.spanId}/output`,
    `/api/traces/${TRACE}/export`,
    "/api/sessions",
    "/api/values?field=model",
    "/api/values?field=tag",
    "/api/aggregate?groupBy=model,name",
    // And in what is refused.
    `/api/traces?${quoted}=1`,
    `/api/traces?status=${quoted}`,
    `/api/traces/${quoted}`,
    `/${quoted}`,
  ];
  for (const path of paths) {
    const { status, headers } = await fetch(url + path);
    assert.ok([200, 400, 404].includes(status), path);
    assert.match(headers.get("content-type")!, /^(?:application\/(?:json|x-ndjson)|text\/plain); charset=utf-8$/, path);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy")!, /default-src 'none'/);
  }
  const { items } = await json(`${url}/api/traces?userId=${quoted}`);
  assert.equal(items[0].name, evil);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  configure,
  consoleSink,
  fileSink,
  flush,
  generation,
  keepIf,
  memorySink,
  type Options,
  readRecords,
  type ScoreOptions,
  type ScoreRecord,
  type Span,
  score,
  shutdown,
  startSpan,
  stats,
  suppress,
  type TraceRecord,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { httpSink } from "sightline/sinks/http";
import { langfuseSink } from "sightline/sinks/langfuse";
import { otlpSink } from "sightline/sinks/otlp";
import { fakeClock } from "sightline/testing";
import { latest } from "../../src/core/tree.ts";
import { traced } from "../support/traced.ts";

const TRACE = "ab".repeat(16);
const SPAN = "cd".repeat(8);

function scoresOf(records: Iterable<TraceRecord>): ScoreRecord[] {
  return [...records].filter((record) => record.record === "score");
}

/** The scores that `fn` records, by name. */
async function scored(fn: () => unknown, options?: Options): Promise<{ [name: string]: ScoreRecord }> {
  const sink = await traced(fn, options);
  return Object.fromEntries(scoresOf(sink.records).map((record) => [record.name, record]));
}

const values: [what: string, given: Omit<ScoreOptions, "name">, value: unknown, dataType: string][] = [
  ["a number", { value: 0.5 }, 0.5, "NUMERIC"],
  ["minus zero", { value: -0 }, 0, "NUMERIC"],
  ["a boolean", { value: false }, false, "BOOLEAN"],
  ["a string", { value: "kind" }, "kind", "CATEGORICAL"],
  ["an empty string", { value: "" }, "", "CATEGORICAL"],
  ["a category that is named one", { value: "kind", dataType: "CATEGORICAL" }, "kind", "CATEGORICAL"],
  ["a text", { value: "The sign is wrong.", dataType: "TEXT" }, "The sign is wrong.", "TEXT"],
  ["a boolean as Langfuse has it", { value: 1, dataType: "BOOLEAN" }, true, "BOOLEAN"],
  ["and its no", { value: 0, dataType: "BOOLEAN" }, false, "BOOLEAN"],
  // The value decides against a type that it cannot be.
  ["a text that is a number", { value: 2, dataType: "TEXT" }, 2, "NUMERIC"],
  ["a category that is a boolean", { value: true, dataType: "CATEGORICAL" }, true, "BOOLEAN"],
  ["a number that is a string", { value: "0.5", dataType: "NUMERIC" }, "0.5", "CATEGORICAL"],
  ["a boolean that is 2", { value: 2, dataType: "BOOLEAN" }, 2, "NUMERIC"],
  ["a boolean that is a string", { value: "yes", dataType: "BOOLEAN" }, "yes", "CATEGORICAL"],
  ["an unknown type", { value: "x", dataType: "CORRECTION" as never }, "x", "CATEGORICAL"],
];

test("the value says what kind of score it is; of a string, dataType", async () => {
  const found = await scored(() => {
    for (const [name, given] of values) score({ name, ...given, traceId: TRACE });
  });
  for (const [name, , value, dataType] of values) {
    assert.deepEqual([found[name]?.value, found[name]?.dataType], [value, dataType], name);
    assert.ok(!Object.is(found[name]?.value, -0));
  }
});

test("a value that is none is no score, and nothing throws", async () => {
  const before = stats().internalErrors;
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, undefined, null, {}, [1], 1n, Symbol("x"), () => 1];
  const found = await scored(() => {
    for (const value of bad) score({ name: "bad", value: value as never, traceId: TRACE });
  });
  assert.deepEqual(found, {});
  assert.equal(stats().internalErrors - before, bad.length);
});

test("a score without a name is none, and is counted", async () => {
  const before = stats().internalErrors;
  const bad = [undefined, null, "", " \n", 7, {}, ["name"], Symbol("x")];
  const found = await scored(() => {
    for (const name of bad) score({ name: name as never, value: 1, traceId: TRACE });
  });
  assert.deepEqual(found, {});
  assert.equal(stats().internalErrors - before, bad.length);
});

test("an id that is null or empty is none", async () => {
  for (const none of ["", null] as never[]) {
    const before = stats().internalErrors;
    const ids = { traceId: none, spanId: none, sessionId: none, id: none };
    let current!: Span;
    const found = await scored(() => {
      withSpan("s", (span) => {
        current = span;
        // A click on an answer whose ids are not known must not judge the request that brings it.
        score({ name: "whatever goes on here", value: 1, ...ids });
        score({ name: "current", value: 1 });
        score({ name: "session", value: 1, ...ids, sessionId: "s-1" });
        score({ name: "trace", value: 1, ...ids, traceId: TRACE });
      });
      score({ name: "nothing", value: 1, ...ids });
      score({ name: "span of nothing", value: 1, span: { traceId: none, spanId: none } });
    });
    const targets = Object.values(found).map(({ name, traceId, spanId, sessionId }) => [
      name,
      traceId,
      spanId,
      sessionId,
    ]);
    assert.deepEqual(targets.sort(), [
      ["current", current.traceId, current.spanId, undefined],
      ["session", undefined, undefined, "s-1"],
      ["trace", TRACE, undefined, undefined],
    ]);
    assert.equal(new Set(Object.values(found).map(({ id }) => id)).size, 3, "each has an id of its own");
    assert.equal(stats().internalErrors - before, 3);
  }
});

test("the current span and its trace are judged, or what is named instead", async () => {
  let outer!: Span;
  let inner!: Span;
  const found = await scored(() => {
    withSpan("outer", (span) => {
      outer = span;
      withSpan("inner", (span) => {
        inner = span;
        score({ name: "current", value: 1 });
        score({ name: "span at hand", value: 1, span: outer });
        score({ name: "span of this trace", value: 1, spanId: outer.spanId });
        score({ name: "whole trace", value: 1, traceId: outer.traceId });
        score({ name: "another trace", value: 1, traceId: TRACE, spanId: SPAN });
        score({ name: "session", value: 1, sessionId: "s-1" });
      });
    });
    score({ name: "recorded", value: 1, span: generation({ model: "m", parent: { traceId: TRACE } }) });
    score({ name: "ended", value: 1, span: inner });
  });
  const target = (name: string) => {
    const { traceId, spanId, sessionId } = found[name]!;
    return { traceId, spanId, sessionId };
  };
  const { traceId } = outer;
  const of = (traceId?: string, spanId?: string, sessionId?: string) => ({ traceId, spanId, sessionId });
  assert.deepEqual(target("current"), of(traceId, inner.spanId));
  assert.deepEqual(target("span at hand"), of(traceId, outer.spanId));
  assert.deepEqual(target("span of this trace"), of(traceId, outer.spanId));
  assert.deepEqual(target("whole trace"), of(traceId));
  assert.deepEqual(target("another trace"), of(TRACE, SPAN));
  assert.deepEqual(target("session"), of(undefined, undefined, "s-1"));
  assert.equal(found["recorded"]?.traceId, TRACE);
  assert.match(found["recorded"]?.spanId ?? "", /^[0-9a-f]{16}$/);
  assert.deepEqual(target("ended"), of(traceId, inner.spanId));
});

test("outside of any span: by ids, in the session of withTrace, under a parent of another process; else nothing", async () => {
  const before = stats().internalErrors;
  const found = await scored(() => {
    score({ name: "by id", value: 1, traceId: TRACE });
    withTrace({ sessionId: "s-7" }, () => score({ name: "in withTrace", value: 1 }));
    withContext({ traceparent: `00-${TRACE}-${SPAN}-01` }, () => score({ name: "remote", value: 1 }));
    score({ name: "of nothing", value: 1 });
    score({ name: "of a span of nothing", value: 1, spanId: SPAN });
    withTrace({ userId: "u" }, () => score({ name: "of no session", value: 1 }));
  });
  assert.deepEqual(Object.keys(found).sort(), ["by id", "in withTrace", "remote"]);
  assert.equal(found["in withTrace"]?.sessionId, "s-7");
  assert.deepEqual([found["remote"]?.traceId, found["remote"]?.spanId], [TRACE, undefined]);
  assert.equal(stats().internalErrors - before, 3, "NODE_DEBUG=sightline says so");
});

test("a score carries its trace's attributes as they are when it leaves", async () => {
  let ended!: Span;
  const found = await scored(
    () => {
      withSpan("outer", (span) => {
        ended = span;
        score({ name: "early", value: 1 });
        updateTrace({ userId: "u-1", tags: ["beta"] });
      });
      score({ name: "at hand", value: 1, span: ended });
      score({ name: "by id", value: 1, traceId: ended.traceId });
    },
    { environment: "production" },
  );
  const info = { environment: "production", userId: "u-1", tags: ["beta"] };
  assert.deepEqual(found["early"]?.trace, info);
  assert.deepEqual(found["at hand"]?.trace, info);
  assert.deepEqual(found["by id"]?.trace, { environment: "production" }, "of a trace by its id no more is known");
});

test("time is when it was judged, in every form; junk is now", async () => {
  const at = 1_700_000_000_000;
  const found = await scored(() => {
    const times = { date: new Date(at), ms: at, nanos: BigInt(at) * 1_000_000n, iso: new Date(at).toISOString() };
    for (const [name, time] of Object.entries(times)) score({ name, value: 1, traceId: TRACE, time });
    score({ name: "junk", value: 1, traceId: TRACE, time: "yesterday" });
    score({ name: "now", value: 1, traceId: TRACE });
  });
  for (const name of ["date", "ms", "nanos", "iso"]) assert.equal(found[name]?.time, `${at}000000`, name);
  assert.equal(found["junk"]?.time, found["now"]?.time);
});

test("comment, text, name and metadata are masked, copied and bounded", async () => {
  const secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD";
  const metadata = { apiKey: secret, reviewer: { note: secret }, rank: 2, self: null as unknown };
  metadata.self = metadata;
  const found = await scored(() => {
    score({
      name: `of ${secret}`,
      value: secret,
      dataType: "TEXT",
      comment: `was ${secret}`,
      metadata,
      traceId: TRACE,
    });
    metadata.rank = 3;
    score({ name: "list", value: 1, metadata: ["a"] as never, comment: 5 as never, traceId: TRACE });
    score({ name: "long", value: "x".repeat(2_000_000), dataType: "TEXT", traceId: TRACE });
  });
  assert.ok(!JSON.stringify(found).includes(secret));
  const first = Object.values(found)[0]!;
  assert.equal((first.metadata as { rank: number }).rank, 2);
  assert.equal(found["list"]?.metadata, undefined, "metadata is an object or nothing");
  assert.equal(found["list"]?.comment, "5");
  assert.ok(String(found["long"]?.value).length < 200_000);
});

test("the same id replaces the score, in this process and in the next", async () => {
  const clock = fakeClock();
  const [first, second] = [memorySink(), memorySink()];
  const said = (value: number) => score({ name: "grade", value, traceId: TRACE, id: "review-1" });
  configure({ sinks: [first], clock });
  for (const value of [1, 2, 3]) said(value);
  await shutdown();
  assert.deepEqual(
    scoresOf(first.records).map(({ id, value }) => [id, value]),
    [["review-1", 3]],
    "also within one millisecond",
  );
  clock.advance(3 * 24 * 3_600_000);
  configure({ sinks: [second], clock });
  said(4);
  await shutdown();
  for (const order of [
    [...first.all, ...second.all],
    [...second.all, ...first.all],
  ]) {
    assert.deepEqual(
      scoresOf(latest(order)).map(({ value }) => value),
      [4],
    );
  }
});

test("when tracing is off, or suppressed, or the span was started while it was, nothing happens", async () => {
  configure({ enabled: false });
  const off = startSpan("off");
  score({ name: "off", value: 1, traceId: TRACE });
  score(null as never);
  const found = await scored(() => {
    score({ name: "of an off span", value: 1, span: off });
    score({ name: "by its id", value: 1, traceId: off.traceId, spanId: off.spanId });
    suppress(() => score({ name: "suppressed", value: 1, traceId: TRACE }));
    suppress(() => score({ name: "suppressed and current", value: 1 }));
  });
  assert.deepEqual(found, {});
});

test("a span at hand takes its trace's sampling along", async () => {
  let span!: Span;
  const found = await scored(
    () => {
      span = startSpan("unsampled");
      span.end();
      score({ name: "at hand", value: 1, span });
      score({ name: "of a session", value: 1, sessionId: "s" });
    },
    { sampleRate: 0 },
  );
  assert.deepEqual(Object.keys(found), ["of a session"]);
});

test("the console shows it under its span, and that of a session by itself", async () => {
  let text = "";
  const stream = new Writable({
    write(chunk, _, done) {
      text += chunk;
      done();
    },
  });
  await traced(
    () => {
      withSpan("answer", () => {
        score({ name: "right", value: true, comment: "checked" });
        score({ name: "why", value: "The sign is wrong.", dataType: "TEXT" });
      });
      score({ name: "happy", value: 0.9, sessionId: "s-1" });
    },
    { sinks: [consoleSink({ stream, colors: false })] },
  );
  assert.match(text, /answer .*\n +★ right true, checked\n +★ why The sign is wrong\.\n/);
  assert.match(text, /session s-1\n★ happy 0\.9\n/);
});

/** A server that takes everything, and what it was sent. */
async function listen(t: TestContext) {
  const posted: { path: string; text: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const isZipped = request.headers["content-encoding"] === "gzip";
    posted.push({ path: request.url as string, text: String(isZipped ? gunzipSync(body) : body) });
    response.setHeader("content-type", "application/json").end("{}");
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, posted };
}

test("file, readRecords and http carry every field of it", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "scores-"));
  t.after(() => rm(dir, { recursive: true }));
  const { url, posted } = await listen(t);
  const sink = memorySink();
  const path = join(dir, "scores.ndjson");
  configure({ sinks: [sink, fileSink({ path }), httpSink({ url: `${url}/records`, gzip: false })] });
  withSpan("answer", () => {
    for (const [name, given] of values) score({ name, ...given, comment: "c", metadata: { by: "me" } });
  });
  score({ name: "later", value: "fine", traceId: TRACE, spanId: SPAN, id: "r-1", time: 1 });
  score({ name: "session", value: 3, sessionId: "s-1" });
  await flush();
  await shutdown();
  const made = scoresOf(sink.all);
  assert.equal(made.length, values.length + 2);
  const stored: TraceRecord[] = [];
  for await (const record of readRecords(path)) stored.push(record);
  assert.deepEqual(scoresOf(stored), made);
  const sent = posted.flatMap(({ text }) => text.trimEnd().split("\n"));
  assert.deepEqual(scoresOf(sent.map((line) => JSON.parse(line) as TraceRecord)), made);
});

test("OTLP and Langfuse have a place for every kind", async (t) => {
  const { url, posted } = await listen(t);
  const keys = { publicKey: "pk-lf-1", secretKey: "sk-lf-1" };
  const sinks = [otlpSink({ endpoint: url, protocol: "http/json" }), langfuseSink({ baseUrl: url, ...keys })];
  configure({ sinks });
  const judged = { traceId: TRACE, spanId: SPAN, comment: "c" };
  score({ name: "text", value: "The sign is wrong.", dataType: "TEXT", ...judged });
  score({ name: "number", value: 0.5, ...judged });
  score({ name: "yes", value: true, ...judged });
  score({ name: "category", value: "kind", ...judged });
  score({ name: "session", value: 1, sessionId: "s-1", id: "review-1" });
  await flush();
  await shutdown();

  const bodies = posted.filter(({ path }) => path === "/api/public/scores").map(({ text }) => JSON.parse(text));
  // They are sent several at once.
  bodies.sort((a, b) => (a.name < b.name ? -1 : 1));
  assert.deepEqual(
    bodies.map(({ name, value, dataType, traceId, observationId, sessionId }) => [
      name,
      value,
      dataType,
      traceId ?? sessionId,
      observationId,
    ]),
    [
      ["category", "kind", "CATEGORICAL", TRACE, SPAN],
      ["number", 0.5, "NUMERIC", TRACE, SPAN],
      ["session", 1, "NUMERIC", "s-1", undefined],
      ["text", "The sign is wrong.", "TEXT", TRACE, SPAN],
      ["yes", 1, "BOOLEAN", TRACE, SPAN],
    ],
  );
  assert.equal(bodies[2].id, "review-1");

  const events = posted
    .filter(({ path }) => path === "/v1/logs")
    .flatMap(({ text }) => JSON.parse(text).resourceLogs[0].scopeLogs[0].logRecords)
    .map(({ traceId, spanId, eventName, attributes }) => {
      const of = (key: string) => attributes.find((each: { key: string }) => each.key === key)?.value;
      const { doubleValue } = of("gen_ai.evaluation.score.value") ?? {};
      const [name, label, explanation] = ["name", "score.label", "explanation"].map(
        (key) => of(`gen_ai.evaluation.${key}`)?.stringValue,
      );
      return { at: [eventName, traceId, spanId], said: [name, doubleValue, label, explanation] };
    });
  assert.deepEqual(events.map(({ said }) => said).slice(0, 4), [
    ["text", undefined, undefined, "The sign is wrong."],
    ["number", 0.5, undefined, "c"],
    ["yes", 1, "true", "c"],
    ["category", undefined, "kind", "c"],
  ]);
  assert.equal(events.length, 5);
  assert.deepEqual(events[0]?.at, ["gen_ai.evaluation.result", TRACE, SPAN]);
});

test("keepIf({ scoreBelow }) reads numbers only, and the newest of an id", async () => {
  const sink = memorySink();
  await traced(
    () => {
      const judged = (name: string, ...given: Omit<ScoreOptions, "name">[]) =>
        withSpan(name, () => {
          for (const each of given) score({ name: "quality", ...each });
        });
      judged("bad", { value: 0.2 });
      judged("good", { value: 0.9 });
      judged("no, as Langfuse has it", { value: 0, dataType: "BOOLEAN" });
      judged("text", { value: "0.1", dataType: "TEXT" });
      judged("revised", { value: 0.1, id: "r" }, { value: 0.9, id: "r" });
    },
    { sinks: [keepIf(sink, { scoreBelow: 0.5 })] },
  );
  assert.deepEqual(
    sink.findAll(/./).map(({ record }) => record.name),
    ["bad"],
  );
});

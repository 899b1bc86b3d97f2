import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configure, flush, score, shutdown, spool, stats, withSpan } from "sightline";
import type { SinkError } from "../../src/core/errors.ts";
import type { ScoreRecord, TraceRecord } from "../../src/core/record.ts";
import { langfuseSink } from "../../src/sinks/langfuse.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { assertBooks } from "../support/books.ts";
import { type FakeLangfuse, fakeLangfuse, type Script } from "../support/fake-langfuse/server.ts";

const { signal } = new AbortController();
const SCORES = "/api/public/scores";

const sinkFor = ({ baseUrl, publicKey, secretKey }: FakeLangfuse) =>
  langfuseSink({ baseUrl, publicKey, secretKey, name: "langfuse" });

const scoreNumber = (n: number, part: Partial<ScoreRecord> = {}) => sampleScore({ id: `score-${n}`, ...part });

const write = (sink: ReturnType<typeof langfuseSink>, records: readonly TraceRecord[]) =>
  Promise.resolve(sink.write(records, signal)).then(
    (result) => result?.rejected ?? [],
    (error) => error,
  );

test("a score of each type, on a trace, a span and a session", async () => {
  await using fake = await fakeLangfuse();
  const { traceId: _, ...session } = scoreNumber(5, { sessionId: "algebra-7", value: 3 });
  const text = { value: "One sign is wrong.", dataType: "TEXT" } as const;
  const batch = [
    scoreNumber(1),
    scoreNumber(2, { value: "wrong", dataType: "CATEGORICAL", spanId: sampleSpan().spanId, comment: "👎" }),
    scoreNumber(3, { value: true, dataType: "BOOLEAN" }),
    scoreNumber(4, { ...text, metadata: { by: "judge" } }),
    session,
  ];
  assert.deepEqual(await write(sinkFor(fake), batch), []);
  const seen = fake.scores.map(({ id, value, dataType, traceId, observationId, sessionId, comment }) => {
    return [id, value, dataType, traceId && "trace", observationId, sessionId, comment];
  });
  assert.deepEqual(seen.sort(), [
    ["score-1", 0.9, "NUMERIC", "trace", undefined, undefined, undefined],
    ["score-2", "wrong", "CATEGORICAL", "trace", sampleSpan().spanId, undefined, "👎"],
    ["score-3", 1, "BOOLEAN", "trace", undefined, undefined, undefined],
    ["score-4", text.value, "TEXT", "trace", undefined, undefined, undefined],
    ["score-5", 3, "NUMERIC", undefined, undefined, "algebra-7", undefined],
  ]);
  const { headers } = fake.requests[0]!;
  assert.deepEqual([headers["content-type"], headers["x-langfuse-sdk-name"]], ["application/json", "sightline"]);
});

test("a score of a trace that has environment and session", async () => {
  await using fake = await fakeLangfuse();
  const trace = { environment: "My Env", sessionId: "algebra-7" };
  await write(sinkFor(fake), [scoreNumber(1, { trace, sessionId: "algebra-7" })]);
  assert.equal(fake.scores[0]!.environment, "my-env");
  assert.equal(fake.scores[0]!.sessionId, undefined, "Langfuse takes one target");
});

test("a score that is refused costs itself alone", async () => {
  await using fake = await fakeLangfuse();
  const batch = [sampleSpan(), scoreNumber(1), scoreNumber(2, { name: "" }), scoreNumber(3), sampleFinding()];
  const rejected = await write(sinkFor(fake), batch);
  assert.deepEqual(
    rejected.map(({ spanId, reason }: any) => [spanId, /answered 400/.test(reason)]),
    [["score-2", true]],
  );
  assert.deepEqual(fake.scores.map(({ id }) => id).sort(), ["score-1", "score-3"]);
  assert.equal(fake.observations.length, 2);
});

test("after a failure, what was taken is not sent again, and what was refused is told in the end", async () => {
  let isUp = false;
  const script: Script = ({ path, body }) => {
    return path === SCORES && body.id === "score-3" && !isUp ? { status: 503 } : undefined;
  };
  await using fake = await fakeLangfuse(script);
  const sink = sinkFor(fake);
  const batch = [sampleSpan(), scoreNumber(1), scoreNumber(2, { name: "" }), scoreNumber(3)];
  const error: SinkError = await write(sink, batch);
  assert.deepEqual([error.retry, error.remaining], ["later", [batch[3]]]);
  assert.deepEqual(
    error.rejected!.map(({ spanId }) => spanId),
    ["score-2"],
  );
  assert.equal((await write(sink, error.remaining!)).retry, "later");
  isUp = true;
  assert.deepEqual(await write(sink, error.remaining!), []);
  const asked = fake.requests.map(({ path, body }) => (path === SCORES ? body.id : "spans"));
  assert.deepEqual(asked.sort(), ["score-1", "score-2", "score-3", "score-3", "score-3", "spans"]);
});

const judged = () => withSpan("answer", ({ traceId }) => score({ name: "a", value: 1, traceId }));

for (const status of [401, 403, 404, 405, 409]) {
  test(`scores that ${status} refuses cost no span, and hold up no spool`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), "sightline-langfuse-"));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    await using fake = await fakeLangfuse(({ path }) => (path === SCORES ? { status } : undefined));
    const rejected = await write(sinkFor(fake), [sampleSpan(), scoreNumber(1), scoreNumber(2)]);
    assert.deepEqual(rejected.map(({ spanId }: { spanId: string }) => spanId).sort(), ["score-1", "score-2"]);
    for (const spooled of [false, true]) {
      const before = fake.observations.length;
      configure({ sinks: [spooled ? spool(sinkFor(fake), { dir }) : sinkFor(fake)], signals: false });
      // Alone first: whether keys and address are right, only spans can tell.
      score({ name: "late", value: 1, traceId: "1".repeat(32) });
      await flush({ timeoutMs: 5_000 });
      judged();
      await flush({ timeoutMs: 5_000 });
      judged();
      await flush({ timeoutMs: 5_000 });
      await shutdown();
      assertBooks(stats());
      const lane = stats().sinks[spooled ? "spool(langfuse)" : "langfuse"]!;
      assert.deepEqual([lane.written, lane.spooled, lane.dropped], [2, 0, { rejected_by_sink: 3 }]);
      assert.match(lane.lastError!, new RegExp(`answered ${status}`));
      assert.equal(fake.observations.length - before, 2);
    }
    configure({ sinks: [spool(sinkFor(fake), { dir })], signals: false });
    await flush({ timeoutMs: 5_000 });
    await shutdown();
    assert.equal(fake.observations.length, 5, "the next process sends nothing again");
  });
}

test("scores that wait in a spool do not bring their spans again", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-langfuse-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  let isUp = false;
  await using fake = await fakeLangfuse(({ path }) =>
    path === SCORES && !isUp ? { status: 503, headers: { "retry-after": "60" } } : undefined,
  );
  for (const expected of [2, 2]) {
    configure({ sinks: [spool(sinkFor(fake), { dir })], signals: false });
    if (!isUp) {
      judged();
      judged();
    }
    await flush({ timeoutMs: 5_000 });
    await shutdown({ timeoutMs: 500 });
    assertBooks(stats());
    assert.equal(fake.observations.length, expected);
    isUp = true;
  }
  assert.equal(fake.scores.length, 2);
});

test("keys that are wrong for spans too: a score waits in a spool", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-langfuse-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  let isOpen = false;
  await using fake = await fakeLangfuse(() => (isOpen ? undefined : { status: 401 }));
  for (const spooled of [1, 0]) {
    configure({ sinks: [spool(sinkFor(fake), { dir })], signals: false });
    if (!isOpen) score({ name: "late", value: 1, traceId: "1".repeat(32) });
    await flush({ timeoutMs: 500 });
    await shutdown();
    assertBooks(stats());
    assert.equal(stats().sinks["spool(langfuse)"]!.spooled, spooled);
    isOpen = true;
  }
  assert.equal(fake.scores.length, 1);
});

test("an answer that got lost: the same score comes again under its id", async () => {
  let isFirst = true;
  const script: Script = () => {
    const answer = isFirst ? { status: 502, taken: true, drop: true } : undefined;
    isFirst = false;
    return answer;
  };
  await using fake = await fakeLangfuse(script);
  const sink = sinkFor(fake);
  assert.equal((await write(sink, [scoreNumber(1)])).retry, "later");
  assert.deepEqual(await write(sink, [scoreNumber(1)]), []);
  assert.equal(fake.requests.length, 2);
  assert.equal(fake.scores.length, 1);
});

test("at most four requests at once, and none more after a failure", async () => {
  let atOnce = 0;
  let most = 0;
  await using fake = await fakeLangfuse();
  const { baseUrl, publicKey, secretKey } = fake;
  const counted: typeof fetch = async (...args) => {
    most = Math.max(most, ++atOnce);
    try {
      return await fetch(...args);
    } finally {
      atOnce--;
    }
  };
  const batch = Array.from({ length: 40 }, (_, i) => scoreNumber(i));
  await langfuseSink({ baseUrl, publicKey, secretKey, fetch: counted }).write(batch, signal);
  assert.equal(most, 4);
  assert.equal(fake.scores.length, 40);

  await using down = await fakeLangfuse(() => ({ status: 500 }));
  assert.equal((await write(sinkFor(down), batch)).retry, "later");
  assert.ok(down.requests.length <= 4, `${down.requests.length} requests`);
});

test("of one id in a batch the newest is sent", async () => {
  await using fake = await fakeLangfuse();
  const batch = [2, 3, 1].map((seq) => sampleScore({ id: "same", seq, value: seq }));
  assert.deepEqual(await write(sinkFor(fake), batch), []);
  assert.deepEqual(
    fake.scores.map(({ value }) => value),
    [3],
  );
  assert.equal(fake.requests.length, 1);
});

test("wrong keys drop scores with the variables in the error", async () => {
  await using fake = await fakeLangfuse(() => ({ status: 401 }));
  const error = await write(sinkFor(fake), [scoreNumber(1)]);
  assert.equal(error.retry, "never");
  assert.match(error.message, /LANGFUSE_SECRET_KEY/);
});

test("thumbs up, days later by id, then down: one score; the books add up", async () => {
  await using fake = await fakeLangfuse();
  configure({ sinks: [sinkFor(fake)] });
  try {
    const { traceId, spanId } = withSpan("answer", (span) => ({ traceId: span.traceId, spanId: span.spanId }));
    await flush();
    const click = { name: "helpful", traceId, spanId, id: `helpful-${spanId}` };
    score({ ...click, value: true });
    await flush();
    score({ ...click, value: false, time: "2026-11-24T10:00:00Z" });
    score({ name: "mood", value: "", traceId });
    score({ name: "session", value: "good", sessionId: "algebra-7" });
    await flush();
    assert.equal(fake.scores.length, 3);
    const helpful = fake.scores.find(({ name }) => name === "helpful")!;
    assert.deepEqual(
      [helpful.value, helpful.traceId, helpful.observationId],
      [0, traceId, fake.observation("answer").id],
    );
    assert.deepEqual(helpful.metadata, { scored_at: "2026-11-24T10:00:00.000Z" });
    assertBooks(stats());
    assert.equal(stats().sinks["langfuse"]!.written, 5);
  } finally {
    await shutdown();
  }
});

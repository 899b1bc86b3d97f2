/** P12: one record that a server does not take must not take its batch along, nor multiply requests without end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord, TraceRecord } from "sightline";
import type { FlakyRequest, FlakyStep } from "sightline/testing";
import { draft } from "../pipeline/rig.ts";
import { type Wire, wire } from "./lab/wire.ts";

/** 255 ordinary records and a guilty one in the middle. */
const GUILTY = 200;
function emitBatch(w: Wire, guilty: Partial<SpanRecord>): void {
  for (let i = 0; i < 256; i++) w.emit(draft(String(i), 1_000, i === GUILTY ? guilty : {}));
}

const names = (records: readonly TraceRecord[]) =>
  records.map((record) => Number((record as SpanRecord).name)).sort((a, b) => a - b);
const all = Array.from({ length: 256 }, (_, i) => i);
const others = all.filter((i) => i !== GUILTY);
const isGuilty = (record: TraceRecord) => (record as SpanRecord).name === String(GUILTY);

/** Answers so when the request holds what fits. */
const refuse =
  (status: number, fits: (record: TraceRecord) => boolean) =>
  ({ records }: FlakyRequest): FlakyStep =>
    records.some(fits) ? { status } : { ok: true };
const hasInput = (record: TraceRecord) => "input" in record;

test("P12 413 halves down to the guilty record, which arrives stripped of input and output; so do all others", async (t) => {
  const w = await wire(t, [refuse(413, hasInput)]);
  emitBatch(w, { input: "x".repeat(5_000), output: { answer: 42 } });
  await w.settle();
  assert.deepEqual(names(w.server.accepted()), all);
  const stripped = w.server.accepted().find(isGuilty) as SpanRecord;
  assert.deepEqual(stripped.cuts, [
    { path: "input", reason: "bytes", size: 5_002 },
    { path: "output", reason: "bytes", size: 13 },
  ]);
  assert.deepEqual([w.lane().written, w.lane().dropped], [256, {}]);
  // 256 once, two for each of 8 halvings, the stripped one; all in no time.
  assert.equal(w.server.requests.length, 18);
  assert.ok(w.server.requests.every(({ at }) => at === w.server.requests[0]!.at));
  t.diagnostic("figure: 413 for 1 record of 256, 18 requests, 256 records arrived");
});

for (const [status, reason] of [
  [413, "too_large"],
  [400, "rejected_by_sink"],
  [422, "rejected_by_sink"],
] as const) {
  test(`P12 ${status} for one record of 256, stripped too: 255 arrive, one is dropped as ${reason}`, async (t) => {
    const w = await wire(t, [refuse(status, isGuilty)]);
    emitBatch(w, { output: "poison" });
    await w.settle();
    assert.deepEqual(names(w.server.accepted()), others);
    assert.deepEqual([w.lane().written, w.lane().dropped], [255, { [reason]: 1 }]);
    const alone = w.server.requests.filter(({ records }) => records.length === 1 && isGuilty(records[0]!));
    assert.deepEqual(
      alone.map(({ records }) => "output" in records[0]!),
      [true, false],
    );
    await w.pass(60_000);
    assert.equal(w.server.requests.length, 18);
    t.diagnostic(`figure: ${status} for 1 record of 256, 18 requests, 255 records arrived, 1 lost`);
  });
}

test("P12 many poison records: each is dropped alone", async (t) => {
  const isPoison = (record: TraceRecord) => names([record])[0]! % 16 === 0;
  const w = await wire(t, [refuse(400, isPoison)]);
  emitBatch(w, {});
  await w.settle();
  assert.deepEqual(
    names(w.server.accepted()),
    all.filter((i) => i % 16 !== 0),
  );
  assert.deepEqual(w.lane().dropped, { rejected_by_sink: 16 });
});

test("P12 a server that refuses every record is not asked about each: 32 alone, then whole batches", async (t) => {
  const w = await wire(t, [{ status: 400 }]);
  for (let i = 0; i < 4; i++) emitBatch(w, {});
  await w.settle();
  const alone = w.server.requests.filter(({ records }) => records.length === 1);
  assert.equal(alone.length, 32);
  // Down to the first record 256, 128, 64; the 63 parts of 32; what is left, 32, 64 and 128; the other three batches.
  assert.equal(w.server.requests.length, 3 + 63 + 3 + 3);
  assert.deepEqual(w.lane().dropped, { rejected_by_sink: 1_024 });

  // Still one request a batch, however much comes.
  emitBatch(w, {});
  await w.settle();
  assert.equal(w.server.requests.length, 73);

  // What is taken ends it: a batch is halved again.
  w.server.next({ ok: true }, refuse(400, isGuilty));
  w.emitMany(256);
  emitBatch(w, {});
  await w.settle();
  assert.deepEqual(names(w.server.accepted().slice(256)), others);
  t.diagnostic("figure: 1,280 records all refused, 73 requests instead of 2,555");
});

// https://github.com/mastra-ai/mastra/issues/23845
test("museum mastra#23845 one span of 1.1 MB does not take its batch down", async (t) => {
  const w = await wire(t, [({ body }) => (body.length > 983_040 ? { status: 413 } : { ok: true })]);
  emitBatch(w, { input: "x".repeat(1_100_000) });
  await w.settle();
  assert.deepEqual(names(w.server.accepted()), all);
  assert.equal(w.lane().written, 256);
});

// https://github.com/langfuse/langfuse/issues/1676
test("museum langfuse#1676 a span that is too large is cut and says so, it does not vanish", async (t) => {
  const w = await wire(t, [refuse(413, hasInput)]);
  w.emit(draft("large", 1_000, { input: "x".repeat(98), usage: { totalTokens: 7 } }));
  await w.pass(10);
  const [arrived] = w.server.accepted() as [SpanRecord];
  assert.deepEqual([arrived.name, arrived.usage?.totalTokens], ["large", 7]);
  assert.deepEqual(arrived.cuts, [{ path: "input", reason: "bytes", size: 100 }]);
});

test("museum UiPath#1411 after a 413 the same body is never sent again", async (t) => {
  const w = await wire(t, [{ status: 413 }]);
  emitBatch(w, { input: "x".repeat(100_000) });
  await w.pass(60_000);
  const bodies = w.server.requests.map(({ body }) => body);
  assert.equal(new Set(bodies).size, bodies.length);
  assert.equal(w.lane().retries, 0);
});

// https://github.com/PostHog/posthog-js/pull/4726
test("museum posthog-js#4726 what is known to be too large is isolated without a single upload", async (t) => {
  const w = await wire(t, [], { sink: { maxBodyBytes: 500_000 } });
  emitBatch(w, { input: "x".repeat(2_000_000) });
  await w.settle();
  assert.deepEqual(names(w.server.accepted()), all);
  assert.ok(w.server.requests.every(({ status }) => status === 200));
  const uploaded = w.server.requests.reduce((sum, { body }) => sum + body.length, 0);
  assert.ok(uploaded < 200_000, `${uploaded} bytes`);
});

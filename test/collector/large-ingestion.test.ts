/** Large batches of Langfuse's ingestion are read in pieces: what that must not change. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { takeEvents } from "../../src/collector/take-langfuse.ts";
import { uuid } from "../../src/core/ids.ts";
import { eventPieces } from "../../src/formats/langfuse/event-pieces.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { started } from "./support.ts";

const LARGE = 300_000;
const time = (i: number): string => new Date(1_750_000_000_000 + i).toISOString();
const trace = (id: string, i = 0) => ({ id: `t${i}`, type: "trace-create", timestamp: time(i), body: { id } });
const odd = [
  null,
  [],
  "batch",
  { batch: [1, { batch: [] }] },
  { id: '"]},{[\\', type: "span-create", body: { text: '\\"]}\u2028💥\n' } },
  { id: "é".repeat(70_000), body: 1e21 },
];

function pieces(text: string): readonly unknown[] | false {
  const reading = eventPieces(Buffer.from(text));
  const events: unknown[] = [];
  for (;;) {
    const step = reading.next();
    if (step.done) return step.value && events;
    events.push(...step.value);
  }
}

test("events of a large body are those of the whole, however it is written", () => {
  const events = [...odd, ...Array.from({ length: 4_000 }, (_, i) => trace(`trace ${i}`, i)), ...odd];
  const text = JSON.stringify({ metadata: { batch: [2] }, batch: events, more: [{ batch: [3] }] });
  assert.ok(text.length > LARGE);
  let count = 0;
  for (const piece of eventPieces(Buffer.from(text))) count += Number(piece.length > 0);
  assert.ok(count > 4, `${count} pieces`);
  assert.deepEqual(pieces(text), events);
  assert.deepEqual(pieces(JSON.stringify(JSON.parse(text), undefined, 3)), events);
  // One name twice, and one that is written in another way: JSON's parser says what they mean.
  const twice = `{"batch":[1],"batch":${JSON.stringify(events)}}`;
  assert.deepEqual(pieces(twice), events);
  assert.deepEqual(pieces(`{"b\\u0061tch":${JSON.stringify(events)}}`), events);
  assert.deepEqual(pieces(`{"batch":[0],"b\\u0061tch":${JSON.stringify(events)}}`), events);
  assert.deepEqual(pieces(`{"batch":${JSON.stringify(events)},"b\\u0061tch":[0]}`), [0]);
});

test("what is no batch is refused as a small one is", () => {
  const filling = " ".repeat(LARGE);
  assert.equal(pieces(`${filling}{"batch":{}}`), false);
  assert.equal(pieces(`${filling}[{"batch":[]}]`), false);
  assert.deepEqual(pieces(`${filling}{"batch":[ ]}`), []);
  const many = JSON.stringify(Array.from({ length: 4_000 }, (_, i) => trace(`trace ${i}`, i))).slice(1, -1);
  for (const text of [`{"batch":[${many}`, `{"batch":[${many},]}`, `{"batch":[,${many}]}`, `{"batch":[${many}]]`, "{"])
    assert.throws(() => pieces(text), SyntaxError, text.slice(0, 20));
  const full = JSON.stringify({ id: "x".repeat(70_000) });
  const fulls = Array(5).fill(full).join(",");
  for (const text of [`{"batch":[${fulls},]}`, `{"batch":[${fulls} , \n]}`, `${filling}{"batch":[\u00a0]}`])
    assert.throws(() => pieces(text), SyntaxError, "a comma where a piece ends; a space that is none in JSON");
  const deep = `${"[".repeat(1_100)}${"]".repeat(1_100)}`;
  assert.throws(() => pieces(`{"batch":[${many},${deep}]}`), /nested deeper/);
});

test("batches of a project that come at once add up one after the other", async (t) => {
  const { url, store } = await started(t, { store: memoryStore() });
  const name = (batch: number) => (i: number) => ({
    id: `e${batch}-${i}`,
    type: "trace-create",
    timestamp: time(i),
    body: { id: "shared", name: `named by ${batch}`, metadata: { [`batch${batch}`]: i, padding: "x".repeat(100) } },
  });
  const post = (batch: number) =>
    fetch(`${url}/api/public/ingestion`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ batch: Array.from({ length: 2_000 }, (_, i) => name(batch)(i)) }),
    });
  const answers = await Promise.all([0, 1, 2, 3].map(post));
  for (const answer of answers) assert.deepEqual(((await answer.json()) as any).errors, []);
  const [found] = (await store.traces()).items;
  const root = (await store.span(found!.traceId, (await store.spans(found!.traceId)).items[0]!.spanId))!;
  assert.equal(root.seq, 4 * 2_000 - 1, "each event is counted once");
  assert.deepEqual(Object.keys(root.trace.metadata ?? {}).sort(), ["batch0", "batch1", "batch2", "batch3", "padding"]);
});

test("a small batch that comes while a large one is parsed waits for it, also behind one that is no batch", async () => {
  const { read } = takeEvents();
  const event = (type: string, body: object) => ({ id: uuid(), type, timestamp: time(0), body });
  const large = [
    ...Array.from({ length: 1_000 }, (_, i) => trace(`trace ${i} ${"x".repeat(LARGE / 1_000)}`, i)),
    event("span-create", { id: "one", traceId: "t", startTime: time(0) }),
  ];
  const small = [event("span-update", { id: "one", traceId: "t", endTime: time(9) })];
  const batch = (events: readonly object[]) => Buffer.from(JSON.stringify({ batch: events }));
  const request = {} as IncomingMessage;
  const [first, refused, second] = await Promise.allSettled(
    [batch(large), Buffer.from("{"), batch(small)].map(async (bytes) => read(bytes, request, "p")),
  );
  assert.equal(first!.status, "fulfilled");
  assert.equal((refused as PromiseRejectedResult).reason.code, "BAD_JSON");
  assert.deepEqual((second as PromiseFulfilledResult<{ rejected: unknown }>).value.rejected, []);
});

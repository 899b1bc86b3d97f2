import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextIteration } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { createBudget } from "../../src/collector/budget.ts";
import { inflate } from "../../src/collector/inflate.ts";
import { createReadingRooms, type Room } from "../../src/collector/reading-rooms.ts";

const MIB = 1024 ** 2;

test("four bodies are read at a time, the others wait in the order in which they came, and a failure frees its room", async () => {
  const inRoom = createReadingRooms();
  const begun: number[] = [];
  const rooms = new Set<Room>();
  const ends: (() => void)[] = [];
  const all = Array.from({ length: 7 }, (_, i) =>
    inRoom(async (room) => {
      begun.push(i);
      rooms.add(room);
      await new Promise<void>((resolve) => ends.push(resolve));
      if (i === 0) throw new Error("no body");
    }),
  );
  const failed = assert.rejects(all[0]!, /no body/);
  for (let done = 0; done < 7; done++) {
    await nextIteration();
    assert.deepEqual(
      begun,
      Array.from({ length: Math.min(7, 4 + done) }, (_, i) => i),
    );
    ends[done]!();
  }
  await failed;
  await Promise.all(all.slice(1));
  assert.equal(rooms.size, 4);
});

test("a body has the bytes that were sent, whatever the room had before, and what was large is given back", async () => {
  const inRoom = createReadingRooms();
  const budget = createBudget(64 * MIB);
  for (const size of [10, 3 * MIB, 100_000, 0]) {
    const text = Buffer.alloc(size, `${size}.`);
    for (const isZipped of [true, false]) {
      const sent = isZipped ? gzipSync(text) : text;
      const cut = sent.length >> 1;
      const share = budget.share();
      await inRoom(async (room) => {
        assert.ok(room.bytes.length <= 2 * MIB, `a room of ${room.bytes.length} bytes was kept`);
        const body = { pieces: [sent.subarray(0, cut), sent.subarray(cut)], isZipped };
        assert.ok((await inflate(body, room, 8 * MIB, share)).equals(text), `${size} bytes`);
      });
      share.end();
    }
  }
  assert.equal(budget.used, 0);
});

test("what is inflated counts against the budget, and no more of it is made than may be", async () => {
  const inRoom = createReadingRooms();
  const body = { pieces: [gzipSync(Buffer.alloc(40 * MIB))], isZipped: true };
  const budget = createBudget(MIB);
  const share = budget.share();
  await inRoom(async (room) => {
    await assert.rejects(inflate(body, room, 64 * MIB, share), { status: 429, code: "TOO_MUCH_IN_FLIGHT" });
    assert.ok(room.bytes.length <= 2 * MIB);
  });
  share.end();
  assert.equal(budget.used, 0);
  const roomy = createBudget(1024 * MIB).share();
  await inRoom(async (room) => {
    await assert.rejects(inflate(body, room, MIB, roomy), { status: 413, code: "BODY_TOO_LARGE" });
    assert.ok(room.bytes.length <= 2 * MIB);
  });
});

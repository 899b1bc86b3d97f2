/** A batch of which the sink has taken a part, behind a spool: that part is delivered, in whatever order it was on disk. */
import assert from "node:assert/strict";
import fs, { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import type { TraceRecord } from "../../src/core/record.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { cleanUp, crash, isDown, owners, place, replay, spans, type Target, target, watched } from "./rig.ts";

/** Takes what `takes` says; the others may come again in a minute, or as `retry` has it. */
function partial(
  takes: (record: TraceRecord) => boolean,
  retry: SinkError["retry"] = "later",
  more: object = {},
): Target {
  const sink = target();
  const write = (batch: readonly TraceRecord[]) => {
    const remaining = batch.filter((record) => !takes(record));
    sink.ids.push(...batch.filter(takes).map(({ spanId }) => spanId!));
    sink.batches.push(batch.length);
    if (remaining.length > 0) {
      throw new SinkError("logs answered 503", { retry, retryAfterMs: 60_000, remaining, ...more });
    }
  };
  return { ...sink, write };
}

const isEven = ({ spanId }: TraceRecord) => Number(spanId!.slice(1)) % 2 === 0;
const odd = (count: number) => spans(count).flatMap((record) => (isEven(record) ? [] : [record.spanId]));

async function failing(flush: Promise<void> | void): Promise<string> {
  return Promise.resolve(flush).then(
    () => assert.fail("it did not fail"),
    (error: Error) => error.message,
  );
}

test("after a crash the next process gets what remained, and nothing else", async (t) => {
  const dir = place(t);
  const inner = partial(isEven);
  const { sink, write, books } = watched(inner, { dir });
  cleanUp(t, sink);
  await write(spans(20));
  assert.match(await failing(sink.flush!()), /10 records wait on disk: logs answered 503/);
  assert.deepEqual([books().written, books().spooled, inner.ids.length], [10, 10, 10]);
  const next = await replay(crash(dir));
  assert.deepEqual(next.ids, odd(20));
  assert.deepEqual(next.books, { taken: 0, replayed: 10, written: 10, spooled: 0, dropped: {} });
});

test("after a shutdown too, and when the process after that dies as well", async (t) => {
  let dir = place(t);
  const { sink, write } = watched(partial(isEven), { dir });
  await write(spans(20));
  await failing(sink.flush!());
  await sink.close!();
  const down = watched(target(isDown), { dir });
  down.sink.open!();
  await failing(down.sink.flush!());
  assert.equal(down.books().spooled, 10);
  dir = crash(dir);
  await down.sink.close!();
  const third = watched(partial(({ spanId }) => spanId === "s7"), { dir }); // biome-ignore format: one thought
  third.sink.open!();
  await failing(third.sink.flush!());
  await third.sink.close!();
  const last = await replay(dir);
  assert.deepEqual(
    last.ids,
    odd(20).filter((id) => id !== "s7"),
  );
  assert.deepEqual(owners(dir), []);
});

test("in the same process what remained comes again alone, and leaves nothing on disk", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  let isUp = false;
  const inner = partial((record) => isUp || isEven(record));
  const { sink, write, books } = watched(inner, { dir, clock });
  cleanUp(t, sink);
  await write(spans(20));
  await failing(sink.flush!());
  isUp = true;
  clock.advance(61_000);
  await sink.flush!();
  assert.deepEqual(inner.batches, [20, 10]);
  assert.equal(new Set(inner.ids).size, 20);
  assert.deepEqual([books().written, books().spooled], [20, 0]);
  await sink.close!();
  assert.deepEqual(owners(dir), []);
});

test("never: what remains waits, as the key may be put right; of what was taken the rejected are counted", async (t) => {
  const dir = place(t);
  const inner = partial(isEven, "never", { rejected: [{ spanId: "s2", reason: "bad" }] });
  const { sink, write, books } = watched(inner, { dir });
  await write(spans(6));
  await failing(sink.flush!());
  await sink.close!();
  assert.deepEqual([books().spooled, books().dropped], [3, { rejected_by_sink: 1 }]);
  assert.deepEqual((await replay(dir)).ids, odd(6));
});

test("never, and nothing remains: the spool goes on at once", async (t) => {
  const dir = place(t);
  const sink = target();
  const write = (batch: readonly TraceRecord[]) => {
    sink.ids.push(...batch.map(({ spanId }) => spanId!));
    throw new SinkError("scores answered 404", { retry: "never", remaining: [] });
  };
  const spooled = watched({ ...sink, write }, { dir });
  cleanUp(t, spooled.sink);
  for (let round = 0; round < 4; round++) {
    await spooled.write(spans(5, `${round}-`));
    await spooled.sink.flush!();
  }
  assert.deepEqual([sink.ids.length, spooled.books().written, spooled.books().spooled], [20, 20, 0]);
  assert.equal(spooled.sink.stats!().lastError, "scores answered 404");
});

test("a checkpoint whose second line is damaged: duplicates, and no losses", async (t) => {
  for (const damage of [(text: string) => text.replace("[[", "[{"), (text: string) => text.slice(0, -5), () => ""]) {
    const dir = place(t);
    const { sink, write } = watched(partial(isEven), { dir });
    await write(spans(20));
    await failing(sink.flush!());
    const copy = crash(dir);
    await sink.close!();
    const path = join(owners(copy)[0]!, "checkpoint");
    const [first, second] = readFileSync(path, "utf8").split(/(?<=\n)/);
    assert.match(second!, /\[\[\d+,\[\d+/);
    writeFileSync(path, first + damage(second!));
    const { ids, books } = await replay(copy);
    assert.deepEqual([ids.length, books.replayed, books.spooled], [19, 19, 0]);
    rmSync(copy, { recursive: true });
  }
});

test("disk full: the error of the sink itself, with what remains, reaches the lane in front", async (t) => {
  t.mock.method(fs, "mkdirSync", () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, mkdir"), { code: "ENOSPC" });
  });
  const { sink } = watched(partial(isEven), { dir: place(t) });
  cleanUp(t, sink);
  const batch = spans(4);
  const error = (await Promise.resolve()
    .then(() => sink.write(batch, new AbortController().signal))
    .then(
      () => assert.fail("it did not fail"),
      (reason) => reason,
    )) as SinkError;
  assert.deepEqual(error.remaining, [batch[1], batch[3]]);
});

const SEQUENCES = Number(process.env["SEQUENCES"] ?? 60);
const SEED = Number(process.env["SEED"] ?? 20_261_121);

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("random partial failures, reopenings and crashes between them: each record arrives once", async (t) => {
  let records = 0;
  let crashes = 0;
  for (let i = 0; i < SEQUENCES; i++) {
    const random = seeded(SEED + i);
    const seed = `SEED=${SEED + i}`;
    const clock = fakeClock();
    let dir = place(t);
    const arrived: string[] = [];
    let share = 0.6;
    let rejected = 0;
    let next = 0;
    const open = () => {
      const inner: Target = target();
      const write = async (batch: readonly TraceRecord[]) => {
        const remaining = batch.filter(() => random() >= share);
        const taken = batch.filter((record) => !remaining.includes(record));
        const refused = taken.filter(() => random() < 0.1).map(({ spanId }) => ({ spanId: spanId!, reason: "no" }));
        rejected += refused.length;
        arrived.push(...taken.map(({ spanId }) => spanId!));
        if (remaining.length === 0) return { rejected: refused };
        const retry = random() < 0.7 ? "later" : random() < 0.5 ? "never" : "split";
        throw new SinkError("partly", {
          retry,
          retryAfterMs: retry === "split" ? undefined : 60_000,
          remaining,
          rejected: refused,
        });
      };
      const options = { dir, clock, random, segmentBytes: 1_500 + Math.floor(random() * 6_000) };
      const opened = watched({ ...inner, write }, options);
      opened.sink.open!();
      return opened;
    };
    let live = open();
    const flush = async () => {
      clock.advance(61_000);
      await Promise.resolve(live.sink.flush!()).catch(() => {});
      live.books();
    };
    let lost = 0;
    const leave = () => {
      lost += live.books().dropped["too_large"] ?? 0;
    };
    for (let step = 0; step < 10; step++) {
      const dice = random();
      if (dice < 0.5) {
        const batch = spans(1 + Math.floor(random() * 12), `${next++}-`, "x".repeat(Math.floor(random() * 200)));
        await live.write(batch);
        records += batch.length;
      } else if (dice < 0.8) await flush();
      else {
        // Nothing is under way: a flush has ended, and what fails comes again only in a minute.
        await flush();
        leave();
        const old = live;
        if (dice < 0.9) {
          dir = crash(dir);
          crashes++;
        }
        await old.sink.close!();
        live = open();
      }
    }
    share = 1;
    for (let round = 0; round < 5; round++) await flush();
    assert.equal(live.books().spooled, 0, seed);
    leave();
    await live.sink.close!();
    assert.equal(new Set(arrived).size, arrived.length, `${seed}: something came twice`);
    assert.deepEqual(owners(dir), [], seed);
    const sent = Array.from({ length: next }, (_, n) => arrived.filter((id) => id.startsWith(`${n}-`)).length);
    assert.equal(
      sent.reduce((sum, count) => sum + count, 0),
      arrived.length,
      seed,
    );
    records -= arrived.length + lost;
    assert.equal(records, 0, `${seed}: a record is nowhere`);
    assert.ok(rejected >= 0);
  }
  t.diagnostic(`figure: ${SEQUENCES} sequences from SEED=${SEED}, ${crashes} crashes, nothing lost, nothing twice`);
});

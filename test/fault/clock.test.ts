/** P15: clocks that jump, creep and stand still. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  configure,
  flush,
  memorySink,
  type Sink,
  SinkError,
  type SpanRecord,
  shutdown,
  startSpan,
  stats,
  withSpan,
} from "sightline";
import { type FakeClock, fakeClock } from "sightline/testing";
import { checkedClock } from "../../src/core/clock.ts";
import { turns } from "../pipeline/rig.ts";
import { assertBooks } from "../support/books.ts";

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

/** A clock whose monotonic time can stand still while the wall clock goes on, as on a computer that sleeps. */
function jumpyClock(): FakeClock & { suspend(ms: number): void; smear(ms: number, ppm: number): void } {
  const clock = fakeClock();
  return {
    ...clock,
    suspend: clock.jump,
    smear(ms, ppm) {
      clock.advance(ms);
      clock.jump((ms * ppm) / 1e6);
    },
  };
}

const spansOf = (sink: ReturnType<typeof memorySink>): SpanRecord[] =>
  sink.all.filter((record): record is SpanRecord => record.record === "span");
const nanos = ({ startTime, endTime }: SpanRecord): bigint => BigInt(endTime) - BigInt(startTime);

async function recorded(fn: (clock: ReturnType<typeof jumpyClock>) => void): Promise<SpanRecord[]> {
  const sink = memorySink();
  const clock = jumpyClock();
  configure({ sinks: [sink], clock });
  fn(clock);
  await flush();
  assertBooks(stats());
  await shutdown();
  return spansOf(sink);
}

// https://github.com/open-telemetry/opentelemetry-js/issues/852, 3279, 3129, 3359, 3434: anchors of a whole process lied
// after suspend and NTP, and spans got negative durations.
const JUMPS: readonly [name: string, jump: (clock: ReturnType<typeof jumpyClock>) => void, ms: number][] = [
  ["museum otel-js#852 P15 the wall clock goes back by an hour during a span", (clock) => clock.jump(-HOUR), 0],
  ["museum otel-js#3279 P15 the wall clock goes on by a year during a span", (clock) => clock.jump(YEAR), 0],
  ["museum otel-js#3129 P15 the computer sleeps for eight hours during a span", (clock) => clock.suspend(8 * HOUR), 0],
  [
    "museum otel-js#3359 P15 NTP smears half a second over a span of twenty minutes",
    (clock) => clock.smear(20 * 60_000, -500),
    20 * 60_000,
  ],
  [
    "museum otel-js#3434 P15 the wall clock goes back to 1970 during a span",
    (clock) => clock.jump(-clock.epochMs()),
    0,
  ],
];

for (const [name, jump, passed] of JUMPS) {
  test(`${name}: its duration is the monotonic one, and its parent contains it`, async () => {
    const [child, parent] = await recorded((clock) =>
      withSpan("parent", () => {
        clock.advance(10);
        withSpan("child", () => {
          clock.advance(100);
          jump(clock);
          clock.advance(150.5);
        });
        clock.advance(1);
      }),
    );
    assert.equal(Number(nanos(child!)) / 1e6, 250.5 + passed);
    assert.equal(Number(nanos(parent!)) / 1e6, 261.5 + passed);
    assert.ok(BigInt(parent!.startTime) <= BigInt(child!.startTime));
    assert.ok(BigInt(child!.endTime) <= BigInt(parent!.endTime));
  });
}

test("P15 a trace that begins after a jump or a sleep has the new time", async () => {
  for (const ms of [-HOUR, YEAR, 8 * HOUR]) {
    let before = 0;
    const [, second] = await recorded((clock) => {
      before = clock.epochMs();
      withSpan("before", () => clock.advance(5));
      clock.jump(ms);
      withSpan("after", () => {});
    });
    assert.equal(Number(BigInt(second!.startTime) / 1_000_000n), before + 5 + ms);
  }
});

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("P15 whatever the clocks do, the spans of a trace stay in order, and last as long as they lasted", async (t) => {
  let spans = 0;
  let jumps = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const next = random(seed);
    const started: { id: string; at: number; lasted?: number }[] = [];
    const records = await recorded((clock) => {
      const pass = (): void => {
        const way = next();
        jumps++;
        if (way < 0.4) clock.advance(next() * 30_000);
        else if (way < 0.6) clock.jump((next() - 0.5) * 2 * HOUR);
        else if (way < 0.8) clock.smear(next() * 90_000, (next() - 0.5) * 1_000);
        else clock.suspend(next() * 24 * HOUR);
      };
      const nest = (depth: number): void => {
        withSpan("span", (span) => {
          const entry: (typeof started)[number] = { id: span.spanId, at: clock.monotonicMs() };
          started.push(entry);
          pass();
          for (let i = 0; depth > 0 && i < 3; i++) nest(depth - 1);
          pass();
          entry.lasted = clock.monotonicMs() - entry.at;
        });
      };
      nest(3);
    });
    const byId = new Map(records.map((record) => [record.spanId, record]));
    let last = 0n;
    for (const { id, lasted } of started) {
      const record = byId.get(id)!;
      assert.ok(BigInt(record.startTime) >= last, `seed ${seed}: a span begins before the one that began before it`);
      last = BigInt(record.startTime);
      // A number holds the epoch to a quarter of a microsecond.
      assert.ok(
        Math.abs(Number(nanos(record)) - lasted! * 1e6) < 1_000,
        `seed ${seed}: ${nanos(record)} ns, ${lasted} ms`,
      );
    }
    spans += started.length;
  }
  t.diagnostic(`figure: 40 seeds, ${jumps} moves of the clocks, ${spans} spans, 0 negative durations, 0 out of order`);
});

test("P15 a clock of the user's that goes back, stands still or tells no time is carried on by the system's", () => {
  const given: unknown[] = [100, 200, 50, 60, Number.NaN, "x", 70, 5_000];
  const clock = checkedClock({ epochMs: () => Number.NaN, monotonicMs: () => given.shift() as number });
  const read = Array.from({ length: 8 }, () => clock.monotonicMs());
  assert.deepEqual(read.slice(0, 4), [100, 200, 200, 210]);
  assert.deepEqual(
    read,
    [...read].sort((a, b) => a - b),
  );
  assert.ok(Math.abs(clock.epochMs() - Date.now()) < 60_000);
});

test("P15 lanes, deadlines and maxOpenMs never look at the wall clock", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const clock = fakeClock();
  let epochReads = 0;
  const epochMs = (): number => {
    epochReads++;
    return clock.epochMs();
  };
  let isDown = true;
  const kept: string[] = [];
  const sink: Sink = {
    name: "down",
    write(batch) {
      if (isDown) throw new SinkError("down", { retry: "later", retryAfterMs: 2_000 });
      kept.push(...batch.map(({ name }) => name));
    },
  };
  const advance = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      t.mock.timers.tick(100);
      await turns();
    }
  };
  configure({ sinks: [sink], clock: { ...clock, epochMs }, maxOpenMs: 60_000, delivery: { giveUpMs: 60_000 } });
  const forgotten = startSpan("forgotten");
  startSpan("first").end();
  const reads = epochReads;
  await advance(5_000);
  for (const ms of [YEAR, -2 * YEAR]) {
    clock.jump(ms);
    await advance(5_000);
    assert.deepEqual(stats().sinks["down"]?.dropped, {}, "a jump gave it up");
    assert.equal(stats().sinks["down"]?.queued, 1, "a jump made the open span look old");
  }
  assert.ok(stats().sinks["down"]!.retries >= 3, "a jump made the lane wait");
  isDown = false;
  await advance(40_000);
  assert.deepEqual(kept, ["first"]);
  await advance(70_000);
  assert.deepEqual(kept, ["first", "forgotten"]);
  assert.equal(epochReads, reads, "the wall clock was read");
  forgotten.end();
  assertBooks(stats());
  const closing = shutdown();
  await advance(6_000);
  await closing;
  t.diagnostic(
    "figure: 0 readings of the wall clock in 125 s of delivery, retries and sweeps with jumps of +1 and -2 years",
  );
});

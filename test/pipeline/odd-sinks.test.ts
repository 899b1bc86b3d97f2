/** Sinks that are written by others: what they do must reach neither the host nor another sink, and the books balance. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { configure, flush, shutdown, startSpan, stats } from "sightline";
import { memorySink } from "../../src/sinks/memory.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { assertBooks } from "../support/books.ts";
import { hang, rig, turns } from "./rig.ts";

const MIB = 1024 * 1024;

/** Rejections that nobody handled while the test ran. */
function unhandled(t: TestContext): unknown[] {
  const seen: unknown[] = [];
  const note = (reason: unknown) => seen.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  return seen;
}

const reject = async (): Promise<never> => Promise.reject(new Error("asynchronous"));
const base: Sink = { name: "odd", write() {} };

const ODD: { readonly [what: string]: object } = {
  "an asynchronous open that rejects": { open: reject },
  "an asynchronous writeSync": { writeSync: reject },
  "an asynchronous writeSync inside end()": { writeSync: reject, policy: { durability: "record" } },
  "an asynchronous policy": { policy: { prepare: reject } },
  "a policy that gives junk": { policy: { prepare: () => 5 } },
  "stats without figures": { stats: () => ({ spooled: 3 }) },
  "stats of junk": { stats: () => "junk" },
  "stats in a promise": { stats: reject },
  "stats that are no numbers": { stats: () => ({ replayed: 0, spooled: Number.NaN, dropped: { queue_full: "3" } }) },
  "stats that throw": {
    stats() {
      throw new Error("no");
    },
  },
  "a flush and a close that reject": { flush: reject, close: reject },
};

for (const [what, members] of Object.entries(ODD)) {
  test(`P1 P22 ${what}: the host hears nothing, the other sink gets everything`, async (t) => {
    const seen = unhandled(t);
    const other = memorySink();
    configure({ sinks: [{ ...base, ...members } as Sink, other] });
    for (let i = 0; i < 10; i++) startSpan("span").end();
    await flush();
    assertBooks(stats());
    startSpan("last").end();
    const result = await shutdown();
    assert.equal(typeof result.ok, "boolean");
    await turns();
    assertBooks(stats());
    assert.equal(other.records.length, 11);
    assert.deepEqual(seen, []);
  });
}

for (const member of ["policy", "writeSync", "stats", "open", "close", "flush"]) {
  test(`P2 a sink whose ${member} cannot be read is refused by configure()`, () => {
    const sink = Object.defineProperty({ ...base }, member, {
      get() {
        throw new Error("no entry");
      },
    });
    assert.throws(() => configure({ sinks: [sink] }), { code: "CONFIG_SINK", message: /no entry/ });
  });
}

test("P3 memory that is full of what a disk can take is written at once, and nothing is lost", async (t) => {
  const written: string[] = [];
  const write: Sink["write"] = (batch) => void written.push(...batch.map(({ name }) => name));
  const disk: Sink = {
    name: "disk",
    write,
    writeSync: write as NonNullable<Sink["writeSync"]>,
    policy: { durability: "batch" },
  };
  const { emitMany, flush, lane } = rig(t, [disk], { queueBytes: 4 * MIB });
  emitMany(20_000, 1_000);
  assert.ok(written.length > 0 && lane().bytes <= 4 * MIB);
  await flush();
  assert.deepEqual([lane().written, lane().dropped], [20_000, {}]);
  assert.ok(written.every((name, i) => name === String(i)));
});

test("P22 a shutdown that is asked for twice, and a flush meanwhile, tell the truth", async () => {
  configure({ sinks: [{ name: "hanging", write: hang }] });
  startSpan("lost").end();
  const [first, second, flushed] = await Promise.all([
    shutdown({ timeoutMs: 50 }),
    shutdown({ timeoutMs: 50 }),
    flush({ timeoutMs: 50 }),
  ]);
  assert.deepEqual([first.ok, first.dropped], [false, 1]);
  assert.deepEqual([second, flushed], [first, first]);
  assert.equal((await flush()).ok, true, "nothing is left to do");
});

/** One rule for `sampleRate`, `sample` and the share of `keepIf`: the last 56 bits of the trace id against a threshold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  carrier,
  configure,
  flush,
  memorySink,
  observe,
  score,
  shutdown,
  startSpan,
  stats,
  withContext,
  withSpan,
} from "sightline";
import { isSampledAt, samplingThreshold } from "../../src/core/sampling.ts";
import type { Sink, SinkPolicy } from "../../src/sinks/sink.ts";
import { wrapSink } from "../../src/sinks/wrap-sink.ts";
import { assertBooks } from "../support/books.ts";
import { hashedIds, traceId } from "./hashed-ids.ts";

const COUNT = 100_000;
const IDS = Array.from({ length: COUNT }, (_, n) => traceId(n));
const RATES = [0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.999];

/** A sink that wants unsampled traces too, as monitors do. */
function monitor(sink: Sink): Sink {
  const policy: SinkPolicy = { unsampled: true };
  return wrapSink(sink, { policy });
}

/** Runs `fn` with sampling, until everything is delivered. */
async function run(sinks: readonly Sink[], sampleRate: number, fn: () => unknown): Promise<void> {
  configure({ sinks, sampleRate, ids: hashedIds() });
  await fn();
  await flush();
  await shutdown();
  assertBooks(stats());
}

test("of 100,000 ids each rate keeps its share, within four standard deviations", (t) => {
  for (const rate of RATES) {
    const threshold = samplingThreshold(rate);
    const kept = IDS.filter((id) => isSampledAt(id, threshold)).length;
    const sigma = Math.sqrt(COUNT * rate * (1 - rate));
    assert.ok(Math.abs(kept - COUNT * rate) <= 4 * sigma, `rate ${rate} kept ${kept}`);
    t.diagnostic(`figure: rate ${rate}, ${COUNT.toLocaleString("en")} ids, ${kept.toLocaleString("en")} kept`);
  }
});

test("a lower rate keeps part of what a higher one keeps", () => {
  const kept = RATES.map((rate) => new Set(IDS.filter((id) => isSampledAt(id, samplingThreshold(rate)))));
  for (let i = 1; i < kept.length; i++) assert.ok([...kept[i - 1]!].every((id) => kept[i]!.has(id)));
});

test("the time bits of an id play no part", () => {
  const threshold = samplingThreshold(0.5);
  for (let n = 0; n < 1_000; n++) {
    const times = [0, 1, 2 ** 47, 1_750_000_000_000].map((ms) => isSampledAt(traceId(n, ms), threshold));
    assert.equal(new Set(times).size, 1);
  }
  const decisions = IDS.slice(0, 64).map((id) => isSampledAt(`${IDS[0]!.slice(0, 12)}${id.slice(12)}`, threshold));
  assert.ok(decisions.includes(true) && decisions.includes(false), "ids of the same millisecond are told apart");
});

test("thresholds: as OpenTelemetry's where they are round; no rate is rounded into its opposite", () => {
  const thresholds = [1, 0.75, 0.5, 0.25, 0].map(samplingThreshold);
  assert.deepEqual(thresholds, ["", "40000000000000", "80000000000000", "c0000000000000", "g"]);
  const [lowest, highest] = ["0".repeat(32), "f".repeat(32)] as const;
  for (const rate of [1e-300, 1e-20, 2 ** -58]) assert.equal(isSampledAt(highest, samplingThreshold(rate)), false);
  assert.equal(isSampledAt(highest, samplingThreshold(2 ** -56)), true);
  assert.equal(isSampledAt(lowest, samplingThreshold(1 - 2 ** -53)), false);
  assert.equal(isSampledAt(lowest, samplingThreshold(1)), true);
  for (const rate of RATES) assert.match(samplingThreshold(rate), /^[0-9a-f]{14}$/);
});

for (const [flag, sampleRate] of [
  ["01", 0],
  ["00", 1],
] as const) {
  test(`a remote parent's flag wins: ${flag} at a rate of ${sampleRate}, as context and as an explicit parent`, async () => {
    const sink = memorySink();
    const traceparent = `00-${traceId(1)}-${"b".repeat(16)}-${flag}`;
    await run([sink], sampleRate, () => {
      withContext({ traceparent }, () =>
        withSpan("in its context", () => {
          assert.equal(carrier().traceparent?.slice(-2), flag);
          startSpan("child").end();
        }),
      );
      startSpan("explicit", { parent: traceparent }).end();
    });
    assert.equal(sink.records.length, flag === "01" ? 3 : 0);
    assert.equal(stats().started, flag === "01" ? 3 : 0);
  });
}

test("without a monitor an unsampled trace costs the reading of the context: no span, no capture, no record", async () => {
  const sink = memorySink();
  let reads = 0;
  const input = Object.defineProperty({}, "read", { enumerable: true, get: () => ++reads });
  const work = observe("work", (value: object) => withSpan("child", () => value));
  await run([sink], 0, () => work(input));
  assert.deepEqual([reads, stats().started, stats().sinks["memory"]!.emitted], [0, 0, 0]);
});

test("P22 a monitor sees every trace; the other sinks get what is sampled and count the rest", async (t) => {
  const [all, some] = [memorySink(), memorySink()];
  const flags: string[] = [];
  await run([some, monitor({ ...all, name: "monitor" })], 0.25, () => {
    for (let n = 0; n < 400; n++) {
      withSpan("root", () => {
        flags.push(carrier().traceparent!.slice(-1));
        withSpan("child", () => score({ name: "quality", value: 1 }));
      });
    }
  });
  const { memory, monitor: seen } = stats().sinks;
  const sampled = flags.filter((flag) => flag === "3").length;
  assert.ok(sampled > 60 && sampled < 140, `${sampled}`);
  assert.equal(flags.filter((flag) => flag === "2").length, 400 - sampled, "the sampled flag travels on as 0");
  assert.deepEqual([memory!.written, memory!.sampledOut], [3 * sampled, 3 * (400 - sampled)]);
  assert.deepEqual([seen!.written, seen!.sampledOut], [1_200, 0]);
  assert.equal(stats().started, 800);
  assert.ok(some.findAll("child").every(({ record }) => record.traceFlags === 3));
  assert.equal(all.findAll("child").filter(({ record }) => record.traceFlags === 2).length, 400 - sampled);
  t.diagnostic(`figure: 400 traces at a rate of 0.25, ${sampled} delivered, 400 seen by the monitor, 0 lost`);
});

test("a monitor sees the children of an unsampled remote parent too, and they say so to the next process", async () => {
  const [all, some] = [memorySink(), memorySink()];
  const traceparent = `00-${traceId(1)}-${"b".repeat(16)}-00`;
  await run([some, monitor({ ...all, name: "monitor" })], 1, () => {
    withContext({ traceparent }, () => withSpan("server", () => assert.equal(carrier().traceparent?.slice(-2), "00")));
    startSpan("explicit", { parent: traceparent }).end();
  });
  assert.equal(some.records.length, 0);
  assert.equal(stats().sinks["memory"]!.sampledOut, 2);
  assert.deepEqual(
    all.findAll(/./).map(({ record }) => [record.name, record.traceId, record.traceFlags, record.parentSpanId]),
    [
      ["server", traceId(1), 0, "b".repeat(16)],
      ["explicit", traceId(1), 0, "b".repeat(16)],
    ],
  );
});

test("a score goes where its trace goes; one by the id of a trace, or of a session, always goes", async () => {
  const sink = memorySink();
  await run([sink], 0, () => {
    withSpan("root", () => score({ name: "of an unsampled trace", value: 1 }));
    score({ name: "by id", value: 1, traceId: traceId(77) });
    score({ name: "of a session", value: 1, sessionId: "s" });
  });
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["by id", "of a session"],
  );
  assert.equal(stats().sinks["memory"]!.sampledOut, 1);
});

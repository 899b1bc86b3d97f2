import assert from "node:assert/strict";
import { test } from "node:test";
import { givenBaseline, learnedBaseline } from "../../src/monitors/quality/baseline.ts";
import { type Drift, driftOf } from "../../src/monitors/quality/drift.ts";
import { driftReadings, driftStreams } from "../../src/monitors/quality/drift-streams.ts";
import { normalScore } from "../../src/monitors/quality/normal-score.ts";

const BELL = { mean: 0.8, sd: 0.08 };
const LABELS = { feature: "tutor", model: "gpt-4.1", prompt: "" };

/** Drawn at run time; the message of a failure has the seed. */
const seed = Math.floor(Math.random() * 2 ** 31);
const random = (() => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
})();
const bell = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const score = (drop = 0) => BELL.mean + BELL.sd * (bell() - drop);
const learnt = (length = 100, drop = 0) => Array.from({ length }, () => score(drop));

/** How many scores it takes until there is a drift. */
function found(drift: Drift, draw: () => number, most = 2_000): number {
  for (let at = 1; at <= most; at++) {
    drift.add(draw());
    if ((drift.statistic ?? 0) > 1) return at;
  }
  return Number.POSITIVE_INFINITY;
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

test("a drop of one standard deviation is found, which the course's rule misses every time", () => {
  const delays: number[] = [];
  for (let run = 0; run < 200; run++) {
    const scores = Array.from({ length: 500 }, () => score(1));
    const means = scores.map((_, at) => (at < 49 ? 1 : scores.slice(at - 49, at + 1).reduce((a, b) => a + b) / 50));
    assert.ok(
      means.every((mean) => mean >= BELL.mean - 2 * BELL.sd),
      `the course's rule, seed ${seed}`,
    );
    const draw = (() => {
      let at = 0;
      return () => scores[at++]!;
    })();
    delays.push(found(driftOf({ baseline: BELL }), draw, 500));
  }
  assert.ok(
    delays.every((delay) => delay < 150),
    `missed: ${Math.max(...delays)}, seed ${seed}`,
  );
  assert.ok(Math.abs(median(delays) - 16) < 5, `median ${median(delays)}, seed ${seed}`);
});

test("the stated rate of false alarms holds for baselines learned from 100 scores, whatever their shape", () => {
  const shapes: [string, () => number][] = [
    ["bell", score],
    ["skewed", () => random() ** (1 / 8)],
    ["10 % zeros", () => (random() < 0.1 ? 0 : 1)],
  ];
  for (const [name, draw] of shapes) {
    let alarms = 0;
    for (let run = 0; run < 100; run++) {
      const baseline = Array.from({ length: 100 }, draw);
      let drift = driftOf({ baseline });
      for (let at = 0; at < 2_000; at++) {
        drift.add(draw());
        if ((drift.statistic ?? 0) <= 1) continue;
        alarms++;
        drift = driftOf({ baseline });
      }
    }
    // Stated: below 0.05 per 1000, which is 10 of 200,000. A bad baseline alarms several times, so the count varies widely.
    assert.ok(alarms < 40, `${name}: ${alarms} alarms in 200,000 scores, seed ${seed}`);
  }
});

test("half of the learned baselines find a drop of one standard deviation within some 20 scores, of two within 8", () => {
  for (const [drop, from, to] of [
    [1, 10, 35],
    [2, 4, 12],
  ] as const) {
    const delays = Array.from({ length: 200 }, () => {
      const drift = driftOf({ baseline: learnt() });
      // As in the table: after some good ones, so that minSamples delays nothing.
      for (let at = 0; at < 10; at++) drift.add(BELL.mean);
      return found(drift, () => score(drop));
    });
    const middle = median(delays);
    assert.ok(middle >= from && middle <= to, `${drop} sd: ${middle}, seed ${seed}`);
  }
});

test("a baseline is learned from the first scores, then frozen: a slow drop does not become the usual", () => {
  const drift = driftOf({ learn: 50 });
  for (let at = 0; at < 49; at++) drift.add(0.7 + (at % 10) / 50);
  assert.equal(drift.baseline, undefined);
  drift.add(0.7);
  const { mean } = drift.baseline!;
  assert.ok(Math.abs(mean - 0.79) < 0.01);
  for (let at = 0; at < 3_000; at++) drift.add(0.8 - at / 10_000);
  assert.equal(drift.baseline!.mean, mean);
  assert.ok(drift.statistic! > 1);
});

test("nothing is said before the minimum of samples", () => {
  const drift = driftOf({ baseline: BELL, minSamples: 10 });
  for (let at = 0; at < 9; at++) drift.add(0);
  assert.deepEqual([drift.statistic, drift.samples], [undefined, 9]);
  drift.add(0);
  assert.ok(drift.statistic! > 1);
});

test("one bad answer is no drift, nor are three", () => {
  const drift = driftOf({ baseline: BELL, minSamples: 1 });
  for (let at = 0; at < 3; at++) drift.add(0);
  assert.ok(drift.statistic! < 1, String(drift.statistic));
  drift.add(0);
  assert.ok(drift.statistic! > 1);
});

test("after a long drift it is over within 16 scores as good as before", () => {
  const drift = driftOf({ baseline: BELL });
  for (let at = 0; at < 1_000; at++) drift.add(0.2);
  assert.equal(drift.statistic, 2);
  for (let at = 0; at < 16; at++) drift.add(BELL.mean);
  assert.ok(drift.statistic <= 1, String(drift.statistic));
});

test("better scores than usual are no drift", () => {
  const drift = driftOf({ baseline: BELL });
  for (let at = 0; at < 1_000; at++) drift.add(1);
  assert.equal(drift.statistic, 0);
});

test("scores that never vary make a baseline that rounding does not set off, and failures do", () => {
  const drift = driftOf({ learn: 50 });
  for (let at = 0; at < 50; at++) drift.add(1);
  for (let at = 0; at < 500; at++) drift.add(1 - 0.005 * (at % 2));
  assert.equal(drift.statistic, 0);
  for (let at = 0; at < 4; at++) drift.add(0);
  assert.ok(drift.statistic! > 1);
  assert.ok(Number.isFinite(givenBaseline(0.8, 0).standardise(0.1)));
});

test("an outlier among the scores that a baseline is learned from counts as one low score", () => {
  const scores = learnt(100);
  const clean = learnedBaseline(scores);
  const dirty = learnedBaseline([...scores.slice(1), -1_000]);
  assert.ok(Math.abs(clean.standardise(0.7) - dirty.standardise(0.7)) < 0.2);
});

test("the inverse of the bell is right where it is known", () => {
  for (const [share, z] of [
    [0.5, 0],
    [0.841344746, 1],
    [0.0227501319, -2],
    [0.001349898, -3],
  ] as const) {
    assert.ok(Math.abs(normalScore(share) - z) < 1e-6, `${share}: ${normalScore(share)}`);
  }
});

test("each feature, model and prompt version has a usual of its own; the worst of a group is told", () => {
  const streams = driftStreams({ baseline: BELL }, undefined);
  for (let at = 0; at < 20; at++) {
    streams.add(LABELS, 0.8, "good", 0);
    streams.add({ ...LABELS, prompt: "greet@2" }, 0.4, `bad ${at}`, 0);
    streams.add({ ...LABELS, feature: "search" }, 0.8, "good", 0);
  }
  const readings = driftReadings(streams, "feature", 0, () => true);
  assert.deepEqual(
    readings.map(({ labels, value, samples }) => [labels, value! > 1, samples]),
    [
      [{ feature: "tutor" }, true, 20],
      [{ feature: "search" }, false, 20],
    ],
  );
  assert.deepEqual(readings[0]!.traces, ["bad 15", "bad 16", "bad 17", "bad 18", "bad 19"]);
  assert.deepEqual(
    driftReadings(streams, "feature", 1, () => true),
    [],
    "of what is not used any more nothing is told",
  );
});

test("what was learned survives a restart, and what is damaged is learned anew", () => {
  const before = driftStreams({}, undefined);
  for (let at = 0; at < 105; at++) before.add(LABELS, 0.7 + (at % 10) / 50, "t", 0);
  before.add(LABELS, 0, "t", 0);
  const saved = JSON.parse(JSON.stringify(before.state()));
  const after = driftStreams({}, saved);
  assert.deepEqual(after.state(), saved);
  const [stream] = [...after.streams()];
  assert.equal(stream!.drift.samples, 6);
  for (const broken of [
    null,
    3,
    {},
    [null],
    [{ labels: LABELS }],
    [{ labels: LABELS, state: { scores: ["x"], sum: 1, samples: 1 } }],
  ]) {
    assert.deepEqual([...driftStreams({}, broken).streams()], [], JSON.stringify(broken));
  }
});

test("a baseline is learned anew when it is asked for, for what was named alone", () => {
  const streams = driftStreams({ learn: 50 }, undefined);
  for (let at = 0; at < 80; at++) {
    streams.add(LABELS, 0.8, "t", 0);
    streams.add({ ...LABELS, feature: "search" }, 0.8, "t", 0);
  }
  streams.relearn({ feature: "tutor" });
  const known = [...streams.streams()].map(({ labels, drift }) => [labels.feature, drift.baseline !== undefined]);
  assert.deepEqual(known, [
    ["tutor", false],
    ["search", true],
  ]);
});

test("at most 200 streams are kept, the longest silent ones go", () => {
  const streams = driftStreams({}, undefined);
  for (let at = 0; at < 500; at++) streams.add({ ...LABELS, feature: `f${at}` }, 0.5, "t", 0);
  const features = [...streams.streams()].map(({ labels }) => labels.feature);
  assert.deepEqual([features.length, features[0], features.at(-1)], [200, "f300", "f499"]);
});

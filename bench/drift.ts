/**
 * How often the drift of `quality()` cries wolf, and how soon it sees a drop. Tables for docs/quality.md.
 *
 *     node --conditions=@sightline/source --import tsx bench/drift.ts [seed]
 *
 * False alarms: scores that never get worse, 10,000 for each of 400 baselines; after an alarm the sum begins at 0. Delays: the
 * scores get worse by so many standard deviations after 100 good ones; median and 95th percentile of 400 runs, `>` where
 * more than 5,000 scores were not enough.
 */
import { type DriftOptions, driftOf, type GivenBaseline } from "../src/monitors/quality/drift.ts";

const RUNS = 400;
const QUIET = 10_000;
const WARM = 100;
const LONGEST = 5_000;
const seed = Number(process.argv[2] ?? Math.floor(Math.random() * 2 ** 31));

function random(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const bell = (next: () => number): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

interface Shape {
  readonly name: string;
  readonly mean: number;
  readonly sd: number;
  /** A score that is worse by `drop` standard deviations. */
  readonly draw: (next: () => number, drop: number) => number;
}

const failures = (share: number): Shape => {
  const sd = Math.sqrt(share * (1 - share));
  const draw = (next: () => number, drop: number): number => (next() < share + drop * sd ? 0 : 1);
  return { name: `${100 * share} % zeros`, mean: 1 - share, sd, draw };
};

const SHAPES: readonly Shape[] = [
  { name: "bell 0.8 ± 0.08", mean: 0.8, sd: 0.08, draw: (next, drop) => 0.8 + 0.08 * (bell(next) - drop) },
  { name: "skewed to 1", mean: 8 / 9, sd: 0.0994, draw: (next, drop) => next() ** (1 / 8) - 0.0994 * drop },
  {
    name: "bell, 5 % -0.3",
    mean: 0.835,
    sd: 0.0824,
    draw: (next, drop) => 0.85 + 0.05 * bell(next) - (next() < 0.05 ? 0.3 : 0) - 0.0824 * drop,
  },
  failures(0.1),
  failures(0.02),
];

interface Alarm {
  add(score: number): void;
  readonly isOn: boolean;
}

/** `make` gives a fresh sum on the same baseline, from what a first one has learned. */
function measure(label: string, shape: Shape, makers: readonly (() => Alarm)[], next: () => number): void {
  let alarms = 0;
  let early = 0;
  for (const make of makers) {
    let alarm = make();
    let first = Number.POSITIVE_INFINITY;
    for (let at = 0; at < QUIET; at++) {
      alarm.add(shape.draw(next, 0));
      if (!alarm.isOn) continue;
      alarms++;
      first = Math.min(first, at);
      alarm = make();
    }
    if (first < 1_000) early++;
  }
  const delays = [0.5, 1, 2].map((drop) => {
    const found = makers.map((make) => delay(make, shape, drop, next)).sort((a, b) => a - b);
    const at = (share: number): string => {
      const value = found[Math.floor(share * found.length)]!;
      return value >= LONGEST ? `>${LONGEST}` : String(value);
    };
    return `${at(0.5)} / ${at(0.95)}`.padStart(14);
  });
  const rate = ((alarms / (makers.length * QUIET)) * 1_000).toFixed(3);
  const share = `${((early / makers.length) * 100).toFixed(1)} %`;
  console.log(
    `${label.padEnd(26)} ${shape.name.padEnd(16)} ${rate.padStart(7)} ${share.padStart(8)} ${delays.join(" ")}`,
  );
}

function delay(make: () => Alarm, shape: Shape, drop: number, next: () => number): number {
  let alarm = make();
  for (let at = 0; at < WARM; at++) {
    alarm.add(shape.draw(next, 0));
    if (alarm.isOn) alarm = make();
  }
  for (let at = 1; at < LONGEST; at++) {
    alarm.add(shape.draw(next, drop));
    if (alarm.isOn) return at;
  }
  return LONGEST;
}

function cusum(options: DriftOptions & { baseline?: GivenBaseline }): Alarm {
  const drift = driftOf({ ...options, minSamples: 1 });
  return {
    add: drift.add,
    get isOn() {
      return (drift.statistic ?? 0) > 1;
    },
  };
}

/** The course's rule, and the same with the error of a mean in place of the spread of single scores. */
function meanBelow(mean: number, limit: number): Alarm {
  const last: number[] = [];
  let sum = 0;
  return {
    add(score) {
      last.push(score);
      sum += score;
      if (last.length > 50) sum -= last.shift()!;
    },
    get isOn() {
      return last.length === 50 && sum / 50 < mean - limit;
    },
  };
}

const times = <T>(make: () => T): T[] => Array.from({ length: RUNS }, make);

console.log(`seed ${seed}, ${RUNS} runs`);
console.log(
  "rule                       scores           false/1000 in first 1000   0.5 sd           1 sd           2 sd",
);
const next = random(seed);
const [shape] = SHAPES as [Shape];
const { mean, sd } = shape;
measure(
  "mean(50) < mean - 2 sd",
  shape,
  times(() => () => meanBelow(mean, 2 * sd)),
  next,
);
measure(
  "mean(50) - 3.3 se",
  shape,
  times(() => () => meanBelow(mean, (3.3 * sd) / Math.sqrt(50))),
  next,
);
measure(
  "k 0.5, h 5, given",
  shape,
  times(() => () => cusum({ baseline: { mean, sd }, h: 5 })),
  next,
);
measure(
  "k 0.25, h 12, given",
  shape,
  times(() => () => cusum({ baseline: { mean, sd }, k: 0.25, h: 12 })),
  next,
);
for (const each of SHAPES) {
  measure(
    "k 0.5, h 8, given",
    each,
    times(() => () => cusum({ baseline: { mean: each.mean, sd: each.sd } })),
    next,
  );
}
const learnt = (n: number, each: Shape): number[] => Array.from({ length: n }, () => each.draw(next, 0));
for (const n of [50, 100, 200]) {
  for (const each of SHAPES) {
    const makers = times(() => {
      const baseline = learnt(n, each);
      return () => cusum({ baseline });
    });
    measure(`k 0.5, h 8, learned ${n}`, each, makers, next);
  }
}
const small = times(() => {
  const baseline = learnt(200, shape);
  return () => cusum({ baseline, k: 0.25, h: 12 });
});
measure("k 0.25, h 12, learned 200", shape, small, next);

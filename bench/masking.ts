/**
 * What masking costs: texts of 1 MB and of 2 MB, with and without personal data, median of five runs. First what programs send,
 * then texts made to be slow. The target: at most 50 ms for 1 MB, and less than three times as much for 2 MB.
 *
 *     npm run bench:masking                  all texts
 *     npm run bench:masking -- "sk-" "1 "    those that contain one of these
 *
 * `loop` is one look at each character of 1 MB, nothing else: the machine's own speed in the same minute.
 */
import { createRedactor, type Redactor } from "../src/capture/redact.ts";
import { HOSTILE, PROSE } from "../test/capture/hostile-texts.ts";

const RUNS = 5;
const MB = 1024 * 1024;
const TARGET_MS = 50;
const TARGET_RATIO = 3;
/** Below this the clock and the collector decide the ratio, not the text. */
const MEASURABLE_MS = 2;
const WARM_RUNS = 5;
const WARM_LENGTH = 100 * 1024;

/** Flat, as texts are that come from a socket. */
function fill(unit: string, length: number): string {
  const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
  const encoding = /[^\0-\xff]/.test(unit) ? "utf16le" : "latin1";
  return Buffer.from(text, encoding).toString(encoding);
}

/** The median times of several things that are timed in turns, so that a busy moment of the machine meets all of them. */
function medians(...runs: readonly (() => unknown)[]): number[] {
  const times = runs.map((): number[] => []);
  for (let i = 0; i < RUNS; i++) {
    runs.forEach((run, which) => {
      const start = performance.now();
      run();
      times[which]!.push(performance.now() - start);
    });
  }
  return times.map((each) => each.sort((a, b) => a - b)[RUNS >> 1]!);
}

function loop(text: string): number {
  let found = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) === 1) found++;
  return found;
}

const plain = createRedactor();
const personal = createRedactor({ pii: true });
const worst = { ms: 0, ratio: 0, loops: 0, row: "" };

function measure(redactor: Redactor, row: string, once: string, twice: string, floor: number): string {
  // The compiler forgets what the text before taught it, and learns this one: that is not timed.
  for (let warm = 0; warm < WARM_RUNS; warm++) redactor.text(once.slice(0, WARM_LENGTH));
  const [ms = 0, msOfTwice = 0] = medians(
    () => redactor.text(once),
    () => redactor.text(twice),
  );
  const ratio = msOfTwice / ms;
  const isMeasurable = ms >= MEASURABLE_MS;
  if (ms > worst.ms) Object.assign(worst, { ms, row });
  worst.loops = Math.max(worst.loops, ms / floor);
  if (isMeasurable) worst.ratio = Math.max(worst.ratio, ratio);
  const shown = `${ms.toFixed(1)}${ms > TARGET_MS ? "*" : " "}`;
  return shown.padStart(13) + (isMeasurable ? ratio.toFixed(2) : "-").padStart(7);
}

const wanted = process.argv.slice(2);
const units = [...PROSE, ...HOSTILE];
const rows = wanted.length === 0 ? units : units.filter((unit) => wanted.some((part) => unit.includes(part)));

for (let warm = 0; warm < 3; warm++) for (const unit of units) personal.text(plain.text(fill(unit, WARM_LENGTH)));

console.log(
  `${"1 MB of".padEnd(34)}${"loop ms".padStart(9)}${"mask ms ".padStart(13)}  2n/n${"with pii ".padStart(14)}  2n/n`,
);
for (const unit of rows) {
  const once = fill(unit, MB);
  const twice = fill(unit, 2 * MB);
  const [floor = 0] = medians(() => loop(once));
  const name = JSON.stringify(unit.length > 26 ? `${unit.slice(0, 25)}…` : unit);
  const secrets = measure(plain, name, once, twice, floor);
  const all = measure(personal, `${name} with pii`, once, twice, floor);
  console.log(name.padEnd(34) + floor.toFixed(1).padStart(9) + secrets + all);
}
console.log(
  `worst: ${worst.row}, ${worst.ms.toFixed(1)} ms for 1 MB (target ${TARGET_MS}), ${worst.loops.toFixed(0)} times the loop, ` +
    `time(2n)/time(n) ${worst.ratio.toFixed(2)} (target below ${TARGET_RATIO})`,
);

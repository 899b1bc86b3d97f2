/**
 * What masking costs: texts of 1 MB and of 2 MB, with and without personal data, median of five runs. First what programs send,
 * then texts made to be slow. The target: at most 50 ms for 1 MB, and less than three times as much for 2 MB.
 *
 *     npm run bench:masking
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

/** Flat, as texts are that come from a socket. */
function fill(unit: string, length: number): string {
  const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
  const encoding = /[^\0-\xff]/.test(unit) ? "utf16le" : "latin1";
  return Buffer.from(text, encoding).toString(encoding);
}

function median(run: () => unknown): number {
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
  return times.sort((a, b) => a - b)[RUNS >> 1]!;
}

function loop(text: string): number {
  let found = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) === 1) found++;
  return found;
}

const plain = createRedactor();
const personal = createRedactor({ pii: true });
const worst = { ms: 0, ratio: 0, loops: 0 };

function measure(redactor: Redactor, once: string, twice: string, floor: number): string {
  const ms = median(() => redactor.text(once));
  const ratio = median(() => redactor.text(twice)) / ms;
  const isMeasurable = ms >= MEASURABLE_MS;
  worst.ms = Math.max(worst.ms, ms);
  worst.loops = Math.max(worst.loops, ms / floor);
  if (isMeasurable) worst.ratio = Math.max(worst.ratio, ratio);
  const shown = `${ms.toFixed(1)}${ms > TARGET_MS ? "*" : " "}`;
  return shown.padStart(13) + (isMeasurable ? ratio.toFixed(2) : "-").padStart(7);
}

for (let warm = 0; warm < 3; warm++)
  for (const unit of [...PROSE, ...HOSTILE]) personal.text(plain.text(fill(unit, MB / 8)));

console.log(
  `${"1 MB of".padEnd(34)}${"loop ms".padStart(9)}${"mask ms ".padStart(13)}  2n/n${"with pii ".padStart(14)}  2n/n`,
);
for (const unit of [...PROSE, ...HOSTILE]) {
  const once = fill(unit, MB);
  const twice = fill(unit, 2 * MB);
  const floor = median(() => loop(once));
  const name = JSON.stringify(unit.length > 26 ? `${unit.slice(0, 25)}…` : unit);
  const row = measure(plain, once, twice, floor) + measure(personal, once, twice, floor);
  console.log(name.padEnd(34) + floor.toFixed(1).padStart(9) + row);
}
console.log(
  `worst: ${worst.ms.toFixed(1)} ms for 1 MB (target ${TARGET_MS}), ${worst.loops.toFixed(0)} times the loop, ` +
    `time(2n)/time(n) ${worst.ratio.toFixed(2)} (target below ${TARGET_RATIO})`,
);

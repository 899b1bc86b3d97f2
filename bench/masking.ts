/**
 * What masking costs: texts of 1 MB and of 2 MB, with and without personal data, median of five rounds, and of their five ratios. First what programs send,
 * then texts made to be slow. The target: at most 50 ms for 1 MB, and less than three times as much for 2 MB.
 *
 *     npm run bench:masking                  all texts
 *     npm run bench:masking -- "sk-" "1 "    those that contain one of these
 *     npm run bench:masking -- --rounds=1
 *
 * `loop` is one look at each character of 1 MB, nothing else: the machine's own speed in the same minute.
 */
import { parseArgs } from "node:util";
import { createRedactor, type Redactor } from "../src/capture/redact.ts";
import { HOSTILE, PROSE } from "../test/capture/hostile-texts.ts";

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

function loop(text: string): number {
  let found = 0;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) === 1) found++;
  return found;
}

function timed(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

/** What one redactor took for 1 MB and for 2 MB of a text, a run each. */
interface Times {
  readonly once: number[];
  readonly twice: number[];
}

interface Row {
  readonly unit: string;
  readonly floor: number[];
  readonly plain: Times;
  readonly personal: Times;
}

const { values: flags, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const units = [...PROSE, ...HOSTILE].filter(
  (unit) => wanted.length === 0 || wanted.some((part) => unit.includes(part)),
);
const rows = units.map((unit): Row => ({ unit, floor: [], plain: times(), personal: times() }));
const redactors = { plain: createRedactor(), personal: createRedactor({ pii: true }) };

function times(): Times {
  return { once: [], twice: [] };
}

function measure(redactor: Redactor, { once, twice }: Times, text: string, doubled: string): void {
  // The compiler forgets what the text before taught it, and learns this one: that is not timed.
  for (let warm = 0; warm < WARM_RUNS; warm++) redactor.text(text.slice(0, WARM_LENGTH));
  once.push(timed(() => redactor.text(text)));
  twice.push(timed(() => redactor.text(doubled)));
}

// All texts in each round, not each text's rounds at once: a slow minute of the machine then meets one run of many texts.
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const { unit, floor, plain, personal } of rows) {
    const text = fill(unit, MB);
    const doubled = fill(unit, 2 * MB);
    floor.push(timed(() => loop(text)));
    measure(redactors.plain, plain, text, doubled);
    measure(redactors.personal, personal, text, doubled);
  }
}

const worst = { ms: 0, row: "", ratio: 0, ratioRow: "" };

function column(row: string, { once, twice }: Times): string {
  const ms = median(once);
  const isMeasurable = ms >= MEASURABLE_MS;
  const ratio = isMeasurable ? median(twice.map((each, run) => each / once[run]!)) : 0;
  if (ms > worst.ms) Object.assign(worst, { ms, row });
  if (ratio > worst.ratio) Object.assign(worst, { ratio, ratioRow: row });
  const shown = `${ms.toFixed(1)}${ms > TARGET_MS ? "*" : " "}`;
  return shown.padStart(13) + (isMeasurable ? ratio.toFixed(2) : "-").padStart(7);
}

console.log(
  `${"1 MB of".padEnd(34)}${"loop ms".padStart(9)}${"mask ms ".padStart(13)}  2n/n${"with pii ".padStart(14)}  2n/n`,
);
for (const { unit, floor, plain, personal } of rows) {
  const name = JSON.stringify(unit.length > 26 ? `${unit.slice(0, 25)}…` : unit);
  const columns = column(name, plain) + column(`${name} with pii`, personal);
  console.log(name.padEnd(34) + median(floor).toFixed(1).padStart(9) + columns);
}
console.log(
  `worst: ${worst.row}, ${worst.ms.toFixed(1)} ms for 1 MB (target ${TARGET_MS}), ` +
    `${worst.ratioRow}, time(2n)/time(n) ${worst.ratio.toFixed(2)} (target below ${TARGET_RATIO})`,
);

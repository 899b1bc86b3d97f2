/**
 * Ends a great many spans, so many in each turn of the event loop, while the sink is as bad as the options say, and prints
 * what that cost. Half of the spans come from an observed function, half from `startSpan`.
 *
 * Memory is compared with the process after its first span, and with the same process after 100,000 spans into a sink
 * that takes everything at once: what the garbage collector keeps in any busy process is no backlog of ours.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { configure, observe, startSpan, stats } from "sightline";
import { mebibytes, peakRss, rss } from "./memory.mjs";

const { sink, spans = 1_000_000, perTurn } = JSON.parse(process.argv[2]);

const SINKS = {
  hanging: () => new Promise(() => {}),
  dead: () => Promise.reject(new Error("connection refused")),
  healthy: () => undefined,
};
/** Changes as the burst begins, so that one set of books holds for all. */
let write = SINKS.healthy;
configure({ sinks: [{ name: "sink", write: () => write() }] });

const work = observe(function work(question, n) {
  return question.length + n;
});

function turn(from, to) {
  for (let n = from; n < to; n++) {
    if (n % 2 === 0) work("What is 3x + 11 = 14?", n);
    else startSpan("step", { input: { question: "What is 3x + 11 = 14?", n } }).end({ output: "x = 1" });
  }
}

/** Every turn is followed by a whole round of the event loop: timers, promises, input and output. */
async function burst(count) {
  for (let n = 0; n < count; n += perTurn) {
    turn(n, Math.min(count, n + perTurn));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

turn(0, 1);
const atStart = rss();
await burst(100_000);
const warm = rss();

write = SINKS[sink];
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const began = performance.now();
await burst(spans);
const ms = performance.now() - began;
delay.disable();
// The backlog may still be being packed.
await new Promise((resolve) => setTimeout(resolve, 100));

const figures = {
  growthMiB: mebibytes(peakRss() - atStart),
  growthWarmMiB: mebibytes(peakRss() - warm),
  finalMiB: mebibytes(rss() - atStart),
  p99Ms: delay.percentile(99) / 1e6,
  maxMs: delay.max / 1e6,
  perSpanUs: (ms * 1_000) / spans,
};
process.stdout.write(`${JSON.stringify({ figures, stats: stats() })}\n`, () => process.exit(0));

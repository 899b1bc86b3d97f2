import { median } from "./statistics.js";

const PER_TURN = 500;
/** Readings of the resident set in a whole run. */
const READINGS = 100;

/**
 * Is memory flat? The resident set after warm-up, the second tenth of the run, and in its last tenth: medians, MiB; how much
 * it was at its largest; what the books say was lost.
 */
export async function measureMemory(contender, spans) {
  const step = contender.trace("step", (input) => ({ answer: `x = ${input.n}` }));
  const rss = [];
  const every = spans / READINGS;
  for (let done = 0; done < spans; ) {
    for (const end = done + PER_TURN; done < end; done++) step({ question: "3x + 11 = 14?", n: done });
    if (done % every < PER_TURN) {
      rss.push(process.memoryUsage.rss() / 2 ** 20);
      process.stderr.write(`${done} spans, ${rss.at(-1).toFixed(0)} MiB\n`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await contender.settle();
  const { written } = contender.stats();
  await contender.close();
  const tenth = Math.max(1, Math.round(rss.length / 10));
  const warm = median(rss.slice(tenth, 2 * tenth));
  const last = median(rss.slice(-tenth));
  return {
    rssWarm: warm,
    rssLast: last,
    rss: process.resourceUsage().maxRSS / 1_024,
    loss: (100 * (spans - written)) / spans,
    spans,
  };
}

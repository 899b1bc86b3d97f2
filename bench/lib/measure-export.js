import { monitorEventLoopDelay } from "node:perf_hooks";

const TRACE = 10;
/** Spans before the clock starts. */
const WARMUP = 10_000;

/**
 * Traces of ten spans, so many spans in each turn of the event loop, until the last is delivered.
 *
 * `rate`: delivered spans a second. `cpu`: processor time of the program, the receiver's not, nanoseconds a span.
 * `delay`: event-loop delay p99, milliseconds. `loss`: percent. `rss`: the process at its largest, MiB.
 *
 * @param {() => Promise<{ spans: number, bytes: number }>} delivered what has arrived, once the contender is closed
 */
export async function measureExport(contender, { spans, perTurn, quietMs, delivered }) {
  const step = contender.trace("step", (input) => ({ answer: `x = ${input.n}` }));
  const request = contender.trace("request", (input) => {
    for (let i = 1; i < TRACE; i++) step({ question: input.question, n: i });
    return { answered: TRACE - 1 };
  });
  async function run(count) {
    for (let done = 0; done < count; ) {
      for (const end = done + perTurn; done < end; done += TRACE) request({ question: "3x + 11 = 14?", n: done });
      await new Promise((resolve) => (quietMs ? setTimeout(resolve, quietMs) : setImmediate(resolve)));
    }
  }
  const warmup = Math.min(WARMUP, spans);
  for (let n = 0; n < warmup; n += TRACE) {
    request({ question: "3x + 11 = 14?", n });
    if (n % 1_000 === 0) await contender.settle();
  }
  await contender.settle();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const cpu = process.cpuUsage();
  const started = performance.now();
  await run(spans);
  await contender.settle();
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  await contender.close();
  const arrived = await delivered();
  const received = arrived.spans - warmup;
  return {
    rate: received / seconds,
    cpu: ((user + system) * 1_000) / spans,
    loss: (100 * (spans - received)) / spans,
    delay: delay.percentile(99) / 1e6,
    rss: process.resourceUsage().maxRSS / 1_024,
    bytes: arrived.bytes / arrived.spans,
    spans,
  };
}

/** A service whose calls go through the real monitors, or through exact figures, with alerts over them. */
import type { SpanRecord } from "sightline";
import { type FakeClock, fakeClock } from "sightline/testing";
import type { AlertEvent } from "../../../src/monitors/alerts/alert.ts";
import { alerts } from "../../../src/monitors/alerts/alerts.ts";
import { budgets } from "../../../src/monitors/budgets/budgets.ts";
import { metrics } from "../../../src/monitors/metrics/metrics.ts";
import { quality } from "../../../src/monitors/quality/quality.ts";
import type { Source } from "../../../src/monitors/reading.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import {
  exactFigures,
  type Health,
  MEAN_USD,
  pauseMs,
  type Random,
  type SimulatedCall,
  simulatedCall,
} from "./simulated-calls.ts";

export interface Service {
  readonly clock: FakeClock;
  /** All that alerts have said. */
  readonly events: AlertEvent[];
  /** Lets so much time pass, with an evaluation every `EVERY_MS`. `isDone` may end it early. */
  run(ms: number, health: Health, isDone?: () => boolean): Promise<void>;
}

export const EVERY_MS = 30_000;
/** The mean is two thirds of the budget: who spends all of it on a mean day is over it on every second one. */
const BUDGET_OVER_MEAN = 1.5;

/** Calls go into a monitor; `settle` waits until their answers are scored. */
interface Monitors {
  readonly sources: readonly Source[];
  take(call: SimulatedCall): void;
  settle(): Promise<void> | undefined;
}

export function simulatedService(
  random: Random,
  callsPerHour: number,
  monitorsOf: (clock: FakeClock, usdPerHour: number) => Monitors = realMonitors,
): Service {
  const clock = fakeClock();
  const monitors = monitorsOf(clock, MEAN_USD * callsPerHour * BUDGET_OVER_MEAN);
  const events: AlertEvent[] = [];
  const watch = alerts({ sources: monitors.sources, clock, everyMs: false, onChange: (event) => events.push(event) });
  let next = pauseMs(random, callsPerHour);
  return {
    clock,
    events,
    async run(ms, health, isDone = () => false) {
      const end = clock.monotonicMs() + ms;
      for (let at = clock.monotonicMs() + EVERY_MS; at <= end && !isDone(); at += EVERY_MS) {
        for (; next <= at; next += pauseMs(random, callsPerHour)) {
          clock.advance(Math.max(0, next - clock.monotonicMs()));
          monitors.take(simulatedCall(random, health));
        }
        clock.advance(at - clock.monotonicMs());
        const settled = monitors.settle();
        if (settled !== undefined) await settled;
        watch.evaluate();
      }
    },
  };
}

/** For many runs of dense traffic. */
export function exactMonitors(clock: FakeClock, usdPerHour: number): Monitors {
  const figures = exactFigures(clock, usdPerHour);
  return { sources: [figures], take: figures.take, settle: () => undefined };
}

export function realMonitors(clock: FakeClock, usdPerHour: number): Monitors {
  const calls = metrics({ clock, quota: { tokensPerMinute: 10_000_000 }, circuit: () => "closed" });
  const spend = budgets({ clock, limits: [{ name: "daily", usd: 24 * usdPerHour, per: "day" }] });
  const answers = quality({
    clock,
    scorers: [{ name: "told", higherIsBetter: true, score: ({ output }) => Number(output) }],
  });
  const never = new AbortController().signal;
  let written = 0;
  let scoring: Promise<unknown> | undefined;
  return {
    sources: [calls, spend, answers],
    take(call) {
      const batch = [recordOf(call, ++written, clock.epochMs())];
      calls.write(batch);
      spend.write(batch);
      scoring = Promise.resolve(answers.write(batch, never));
    },
    settle() {
      if (scoring === undefined) return undefined;
      const last = scoring;
      scoring = undefined;
      return last.then(() => answers.flush?.());
    },
  };
}

/** As `tracedFetch` and its like record a chat completion. */
function recordOf(call: SimulatedCall, n: number, endMs: number): SpanRecord {
  const { seconds, outcome, retries, tokens, usd, score } = call;
  const nanos = (ms: number) => `${Math.round(ms * 1_000)}000`;
  const status = { success: 200, server_error: 500, rate_limited: 429, timeout: 408 }[outcome];
  const tried = [...Array<number>(retries).fill(429), status];
  const isAnswered = outcome === "success";
  return sampleSpan({
    traceId: n.toString(16).padStart(32, "0"),
    spanId: n.toString(16).padStart(16, "0"),
    name: "chat gpt-4.1",
    type: "generation",
    kind: "client",
    startTime: nanos(endMs - seconds * 1_000),
    endTime: nanos(endMs),
    status: isAnswered ? { code: "ok" } : { code: "error", message: outcome },
    input: [{ role: "user", content: "q" }],
    ...(isAnswered && {
      output: { role: "assistant", content: String(score) },
      usage: { inputTokens: tokens, outputTokens: 0, totalTokens: tokens },
      cost: { currency: "USD", total: usd, source: "computed" },
    }),
    genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1", responseModel: "gpt-4.1" },
    http: {
      method: "POST",
      route: "/chat/completions",
      status,
      attempts: tried.map((each) => ({ status: each, startTime: nanos(endMs), endTime: nanos(endMs) })),
    } as unknown as NonNullable<SpanRecord["http"]>,
    ...(!isAnswered && { error: { type: "APIError", message: outcome, status } }),
  });
}

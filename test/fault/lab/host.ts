/** An application that is traced, in fake time. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { configure, type LaneStats, type Options, observe, type Sink, shutdown, stats } from "sightline";
import { turns } from "../../pipeline/rig.ts";
import { assertBooks } from "../../support/books.ts";

export interface Host {
  /** Does traced work so many times, each with an input of so many characters, and sees to it that its results are right. */
  work(times: number, length?: number): void;
  /** Time passes, in steps of 10 ms or, when it is long, in 500 steps; promises and immediates run after each. */
  advance(ms: number): Promise<void>;
  /** The books of the only sink. They must balance at any time. */
  lane(): LaneStats;
}

/** Configures tracing for one test. After it, tracing is shut down and the books must balance. */
export function host(t: TestContext, sink: Sink, options: Options = {}): Host {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  const clock = { epochMs: () => Date.now(), monotonicMs: () => Date.now() };
  configure({ sinks: [sink], clock, ...options });
  let done = 0;

  async function advance(ms: number): Promise<void> {
    const step = Math.max(10, ms / 500);
    await turns();
    for (let passed = 0; passed < ms; passed += step) {
      t.mock.timers.tick(Math.min(step, ms - passed));
      await turns();
    }
  }

  t.after(async () => {
    const closing = shutdown();
    await advance(6_000);
    await closing;
    assertBooks(stats());
    assert.equal(stats().internalErrors, 0);
  });

  return {
    advance,
    work(times, length = 400) {
      for (const last = done + times; done < last; done++) {
        const n = done;
        const double = observe({ name: `work ${n}` }, (_input: string) => 2 * n);
        assert.equal(double("x".repeat(length)), 2 * n);
      }
    },
    lane() {
      const books = stats();
      assertBooks(books);
      return Object.values(books.sinks)[0]!;
    },
  };
}

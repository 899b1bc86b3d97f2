import assert from "node:assert/strict";
import type { TraceStore } from "../../../src/store/trace-store.ts";
import { difference } from "./difference.ts";
import { type Batch, FIRST_US, meanRecords, SPAN_US } from "./mean-records.ts";
import { questions } from "./questions.ts";

export interface CompareOptions {
  /** Spans to compare with, about. Default 4,000. */
  readonly spans?: number;
  /** How many questions, as a factor. Default 1. */
  readonly times?: number;
  /** Called before the questions: to wait for what a store does behind the scenes. */
  readonly settle?: () => Promise<void>;
}

/**
 * Fills two empty stores with the same random data and asks both the same questions: when a good half is there, when all
 * is there, and after a prune. Throws an AssertionError that names the question, the seed and the first difference. Gives
 * the number of questions of each kind.
 *
 * @example
 * await compareStores(memoryStore(), store, 1);
 */
export async function compareStores(
  a: TraceStore,
  b: TraceStore,
  seed: number,
  options: CompareOptions = {},
): Promise<{ readonly [kind: string]: number }> {
  const { early, late } = meanRecords(seed, options.spans);
  const counts: { [kind: string]: number } = {};

  async function fill(batches: readonly Batch[]): Promise<void> {
    for (const { project, records } of batches) {
      await a.append(records, { project });
      await b.append(records, { project });
    }
  }

  async function ask(times: number, when: string): Promise<void> {
    await options.settle?.();
    for (const { kind, asked, ask } of await questions(a, seed, times * (options.times ?? 1))) {
      counts[kind] = (counts[kind] ?? 0) + 1;
      same(await ask(a), await ask(b), `${kind} ${JSON.stringify(asked)}`, when);
    }
  }

  function same(one: unknown, other: unknown, question: string, when: string): void {
    const found = difference(one, other);
    if (found === undefined) return;
    assert.fail(`${a.name} and ${b.name} differ (seed ${seed}, ${when})\n  ${question}\n  ${found}`);
  }

  await fill(early);
  await ask(0.2, "half of the data");
  await fill(late);
  await ask(1, "all data");
  const beforeUs = FIRST_US + SPAN_US / 3 + 0.5 * 3_600_000_000;
  counts["prune"] = 1;
  same(await a.prune({ beforeUs }), await b.prune({ beforeUs }), `prune ${beforeUs}`, "all data");
  await ask(0.3, "after prune");
  // What went comes again, in part.
  await fill(early.slice(0, 5));
  await ask(0.2, "after prune and some of it again");
  return counts;
}

import type { Runtime } from "../../core/runtime.ts";
import type { Plan } from "../plan.ts";
import { begin, finish } from "../recorded.ts";
import type { WatchedRun } from "./run-collector.ts";
import { decideUsage } from "./run-plan.ts";
import { statusOf } from "./run-state.ts";

/** How a run ends that has an answer: it has cost something, whether or not it says how much. */
const ANSWERED: ReadonlySet<string> = new Set(["completed", "incomplete"]);

/**
 * What a run has cost that has just ended, where a limit on money counts it: the next run is asked for before the record of
 * this one is written, which waits for steps and messages. The `chat` spans are written now, and again with that record, as
 * its tokens stand where they stood first. True: nothing more will be known of its cost.
 */
export function sayCosts(runtime: Runtime, run: WatchedRun, planOf: (run: WatchedRun) => Plan): boolean {
  const { span } = run.long;
  if (runtime.countsAtOnce !== true || span === undefined) return true;
  // It has been said.
  if (run.decisions.usageOn !== undefined) return true;
  const { spans } = planOf(run);
  const chats = spans.filter(({ type, patch }) => type === "generation" && patch.usage !== undefined);
  if (chats.length === 0) return !ANSWERED.has(statusOf(run.state));
  decideUsage(run.decisions, chats);
  const { traceId, spanId, trace } = span;
  const seq = run.seq++;
  // The end of the last span that does not wait would have the run written now.
  runtime.open.release(span);
  for (const chat of chats) finish(begin(runtime, { traceId, spanId, trace }, chat, seq), chat);
  run.long.hold(span);
  return true;
}

import { createBudget } from "./budget.ts";
import { createChunkHead, isObject, type Wire } from "./chunk-head.ts";
import type { Merger } from "./exchange.ts";

/** Above this a stream is no answer of a model. */
const MAX_CHOICES = 256;

/** Puts the chunks of a streamed text completion together, choices by their index. */
export function createCompletionMerger(): Merger {
  const budget = createBudget();
  const head = createChunkHead("text_completion");
  const choices = new Map<number, Wire>();
  return {
    event(name, data) {
      if (!head.read(name, data) || !Array.isArray(data.choices)) return;
      for (const part of data.choices) {
        if (!isObject(part)) continue;
        const index = typeof part.index === "number" ? part.index : 0;
        let choice = choices.get(index);
        if (choice === undefined) {
          if (choices.size >= MAX_CHOICES) continue;
          choices.set(index, (choice = { index, text: "", finish_reason: null }));
        }
        if (typeof part.text === "string") choice.text += budget.take(part.text);
        if (part.finish_reason != null) choice.finish_reason = part.finish_reason;
      }
    },
    result() {
      return head.result({ choices: [...choices.values()].sort((a, b) => a.index - b.index) });
    },
    get isComplete() {
      return head.done || (choices.size > 0 && [...choices.values()].every((choice) => choice.finish_reason !== null));
    },
    mismatch: undefined,
    get error() {
      return head.error;
    },
    get truncated() {
      return budget.exceeded;
    },
  };
}

import type { Cost, ObservationType, Usage } from "../../core/record.ts";
import { PREFIXES } from "../../semconv/registry.ts";
import { costOfBuckets, usageOfBuckets } from "../buckets.ts";
import { compact, fromJsonText, isObject } from "../json-value.ts";
import type { Bag } from "./bag.ts";
import { NAMES } from "./names.ts";

type Count = Exclude<keyof Usage, "extra">;

/** Beside the conventions' own: OpenInference, OpenLLMetry, the AI SDK of several majors. */
const OTHERS: { readonly [count in Count]?: readonly string[] } = {
  inputTokens: [
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
  ],
  outputTokens: [
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
  ],
  totalTokens: ["gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total", "ai.usage.totalTokens"],
  cacheReadInputTokens: [
    "gen_ai.usage.cache_read_input_tokens",
    "llm.token_count.prompt_details.cache_read",
    "ai.usage.cachedInputTokens",
    "ai.usage.inputTokenDetails.cacheReadTokens",
  ],
  cacheWriteInputTokens: [
    "gen_ai.usage.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
    "ai.usage.inputTokenDetails.cacheWriteTokens",
  ],
  reasoningOutputTokens: [
    "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
    "ai.usage.reasoningTokens",
    "ai.usage.outputTokenDetails.reasoningTokens",
  ],
  audioInputTokens: ["llm.token_count.prompt_details.audio"],
  audioOutputTokens: ["llm.token_count.completion_details.audio"],
};

const COUNTS: readonly Count[] = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "cacheReadInputTokens",
  "cacheWriteInputTokens",
  "reasoningOutputTokens",
  "audioInputTokens",
  "audioOutputTokens",
  "imageInputTokens",
  "imageOutputTokens",
  "textInputTokens",
  "textOutputTokens",
  "webSearchCalls",
  "fileSearchCalls",
  "codeInterpreterSessions",
];

const CACHED = { text: "textCacheReadTokens", image: "imageCacheReadTokens", audio: "audioCacheReadTokens" } as const;

/**
 * Token counts. The outer span of an AI SDK call repeats those of its steps, and keeps them as attributes, as they would
 * count twice. What says a sum and its parts (`usage_details`) goes first.
 */
export function usageOf(bag: Bag, type: ObservationType, isOurs: boolean): Usage | undefined {
  if (type === "chain" && bag.has("ai.operationId")) return undefined;
  const details = bag.peek("langfuse.observation.usage_details");
  const buckets = details === undefined ? undefined : usageOfBuckets(fromJsonText(details));
  if (buckets !== undefined) {
    bag.drop(["langfuse.observation.usage_details"]);
    return buckets;
  }
  const counts: { -readonly [name in keyof Usage]: Usage[name] } = {};
  for (const count of COUNTS) {
    const value = bag.number([...NAMES[count], ...(OTHERS[count] ?? [])]);
    if (value !== undefined) counts[count] = value;
  }
  const { inputTokens, outputTokens } = counts;
  // Our own say theirs where they know it.
  if (!isOurs && counts.totalTokens === undefined && inputTokens !== undefined && outputTokens !== undefined) {
    counts.totalTokens = inputTokens + outputTokens;
  }
  const extra = extraOf(bag);
  if (extra !== undefined) counts.extra = extra;
  return compact<Usage>(counts);
}

function extraOf(bag: Bag): Usage["extra"] {
  const found: [string, number][] = [];
  for (const [kind, key] of Object.entries(CACHED)) {
    const value = bag.number(NAMES[key]);
    if (value !== undefined) found.push([`input_token_details.cached_tokens_details.${kind}_tokens`, value]);
  }
  for (const [name, value] of Object.entries(bag.under(PREFIXES.usageExtra) ?? {})) {
    if (typeof value === "number") found.push([name, value]);
  }
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

/** Money: stated by others; for our own records, worked out or stated. */
export function costOf(bag: Bag): Cost | undefined {
  const own = compact<Omit<Cost, "currency" | "source">>({
    total: bag.number(NAMES.costTotal),
    input: bag.number(NAMES.costInput),
    output: bag.number(NAMES.costOutput),
    tools: bag.number(NAMES.costTools),
    model: bag.text(NAMES.costModel),
    book: bag.text(NAMES.costBook),
  });
  const currency = bag.text(NAMES.costCurrency);
  const source = bag.text(NAMES.costSource);
  if (own !== undefined || currency !== undefined) {
    return { currency: "USD", ...own, source: source === "computed" ? "computed" : "provided" };
  }
  return costDetails(bag) ?? statedCost(bag);
}

function costDetails(bag: Bag): Cost | undefined {
  const text = bag.peek("langfuse.observation.cost_details");
  const details = text === undefined ? undefined : fromJsonText(text);
  const cost = costOfBuckets(details);
  // Finer parts than ours stay as they came.
  const isWhole =
    isObject(details) && Object.keys(details).every((name) => /^(?:input|output|tools|total)$/.test(name));
  if (cost !== undefined && isWhole) bag.drop(["langfuse.observation.cost_details"]);
  return cost;
}

function statedCost(bag: Bag): Cost | undefined {
  const cost = compact<Pick<Cost, "total" | "input" | "output">>({
    total: bag.number(["gen_ai.usage.cost", "llm.cost.total"]),
    input: bag.number(["llm.cost.prompt"]),
    output: bag.number(["llm.cost.completion"]),
  });
  return cost && { currency: "USD", ...cost, source: "provided" };
}

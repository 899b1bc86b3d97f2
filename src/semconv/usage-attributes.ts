import type { Cost, Usage } from "../core/record.ts";
import type { AttributeWriter } from "./attribute-writer.ts";
import { type AttributeKey, PREFIXES } from "./registry.ts";

/** Each count has its own name as key; a count that is new in `Usage` needs one in the registry to compile. */
const COUNTS: { readonly [count in Exclude<keyof Usage, "extra">]-?: AttributeKey } = {
  inputTokens: "inputTokens",
  outputTokens: "outputTokens",
  totalTokens: "totalTokens",
  cacheReadInputTokens: "cacheReadInputTokens",
  cacheWriteInputTokens: "cacheWriteInputTokens",
  reasoningOutputTokens: "reasoningOutputTokens",
  audioInputTokens: "audioInputTokens",
  audioOutputTokens: "audioOutputTokens",
  imageInputTokens: "imageInputTokens",
  imageOutputTokens: "imageOutputTokens",
  textInputTokens: "textInputTokens",
  textOutputTokens: "textOutputTokens",
  webSearchCalls: "webSearchCalls",
  fileSearchCalls: "fileSearchCalls",
  codeInterpreterSessions: "codeInterpreterSessions",
};

const COUNT_ENTRIES = Object.entries(COUNTS) as [Exclude<keyof Usage, "extra">, AttributeKey][];

/** Cached tokens by kind, as Realtime has them: `input_token_details.cached_tokens_details.audio_tokens`. */
const CACHED_BY_KIND = /\.cached_tokens_details\.(text|image|audio)_tokens$/;
const CACHE_READ_KEYS: { readonly [kind: string]: AttributeKey } = {
  text: "textCacheReadTokens",
  image: "imageCacheReadTokens",
  audio: "audioCacheReadTokens",
};

/** Token counts as `gen_ai.usage.*`: inclusive totals and their subsets, as the record has them. */
export function putUsage(out: AttributeWriter, usage: Usage | undefined): void {
  if (usage === undefined) return;
  for (const [count, key] of COUNT_ENTRIES) out.put(key, usage[count]);
  const left: { [name: string]: number } = {};
  for (const [name, value] of Object.entries(usage.extra ?? {})) {
    const kind = CACHED_BY_KIND.exec(name)?.[1];
    if (kind === undefined) left[name] = value;
    else out.put(CACHE_READ_KEYS[kind]!, value);
  }
  out.putEach(PREFIXES.usageExtra, left);
}

const COST: { readonly [part in keyof Cost]-?: AttributeKey } = {
  total: "costTotal",
  input: "costInput",
  output: "costOutput",
  tools: "costTools",
  currency: "costCurrency",
  source: "costSource",
  model: "costModel",
  book: "costBook",
};

const COST_ENTRIES = Object.entries(COST) as [keyof Cost, AttributeKey][];

/** Money as `sightline.cost.*`: the conventions have no name for it. */
export function putCost(out: AttributeWriter, cost: Cost | undefined): void {
  if (cost === undefined) return;
  for (const [part, key] of COST_ENTRIES) out.put(key, cost[part]);
}

import type { Json } from "../core/json.ts";
import type { Cost, Usage } from "../core/record.ts";
import { normalizeUsage } from "../core/usage.ts";
import { usd } from "../core/usd.ts";
import { isObject } from "./json-value.ts";

type Part = Exclude<keyof Usage, "extra" | "inputTokens" | "outputTokens" | "totalTokens">;

/** Langfuse's names for buckets, and those of providers that its SDKs pass on. */
const PARTS: ReadonlyMap<string, Part> = new Map<string, Part>([
  ["input_cached_tokens", "cacheReadInputTokens"],
  ["input_cache_read", "cacheReadInputTokens"],
  ["cache_read_input_tokens", "cacheReadInputTokens"],
  ["input_cache_creation", "cacheWriteInputTokens"],
  ["input_cache_write", "cacheWriteInputTokens"],
  ["cache_creation_input_tokens", "cacheWriteInputTokens"],
  ["input_audio_tokens", "audioInputTokens"],
  ["input_image_tokens", "imageInputTokens"],
  ["output_reasoning_tokens", "reasoningOutputTokens"],
  ["output_reasoning", "reasoningOutputTokens"],
  ["output_audio_tokens", "audioOutputTokens"],
  ["output_image_tokens", "imageOutputTokens"],
]);

/** OpenAI's own shapes, whose totals include their parts. */
const INCLUSIVE = [
  "prompt_tokens",
  "input_tokens",
  "completion_tokens",
  "output_tokens",
  "promptTokens",
  "completionTokens",
];

/**
 * Langfuse's buckets, which exclude each other, as our totals, which include their parts: all buckets of the input are
 * the input. Buckets without a name of ours are in `extra`.
 */
export function usageOfBuckets(value: Json | undefined): Usage | undefined {
  if (!isObject(value)) return undefined;
  if (INCLUSIVE.some((name) => typeof value[name] === "number")) return normalizeUsage(value);
  const usage: { -readonly [name in keyof Usage]: Usage[name] } = {};
  const extra: [string, number][] = [];
  for (const [name, count] of Object.entries(value)) {
    if (typeof count !== "number" || !Number.isFinite(count) || count < 0) continue;
    const side = sideOf(name);
    if (name === "total") usage.totalTokens = count;
    else if (side !== undefined) usage[`${side}Tokens`] = (usage[`${side}Tokens`] ?? 0) + count;
    const part = PARTS.get(name);
    if (part !== undefined) usage[part] = (usage[part] ?? 0) + count;
    else if (!SUMS.has(name)) extra.push([name, count]);
  }
  const { inputTokens, outputTokens } = usage;
  if (usage.totalTokens === undefined && inputTokens !== undefined && outputTokens !== undefined) {
    usage.totalTokens = inputTokens + outputTokens;
  }
  if (extra.length > 0) usage.extra = Object.fromEntries(extra);
  return Object.keys(usage).length === 0 ? undefined : usage;
}

/** USD by bucket, stated by whoever recorded it. */
export function costOfBuckets(value: Json | undefined): Cost | undefined {
  if (!isObject(value)) return undefined;
  const sums: { [side in "input" | "output"]?: number } = {};
  let total: number | undefined;
  let tools: number | undefined;
  for (const [name, amount] of Object.entries(value)) {
    if (typeof amount !== "number" || !Number.isFinite(amount) || amount < 0) continue;
    const side = sideOf(name);
    if (name === "total") total = amount;
    else if (name === "tools") tools = amount;
    else if (side !== undefined) sums[side] = usd((sums[side] ?? 0) + amount);
  }
  if (total === undefined && tools === undefined && Object.keys(sums).length === 0) return undefined;
  return {
    currency: "USD",
    ...sums,
    ...(tools !== undefined && { tools }),
    ...(total !== undefined && { total }),
    source: "provided",
  };
}

/** Names that our totals have; `other` is what is in the total alone. */
const SUMS: ReadonlySet<string> = new Set(["input", "output", "total", "other"]);

function sideOf(name: string): "input" | "output" | undefined {
  if (name.includes("input")) return "input";
  return name.includes("output") ? "output" : undefined;
}

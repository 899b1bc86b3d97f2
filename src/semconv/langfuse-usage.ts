import type { Cost, Usage } from "../core/record.ts";
import { totalUsd } from "../core/usd.ts";

/** Tokens or USD by bucket. */
export interface Buckets {
  [bucket: string]: number;
}

/**
 * Token counts as Langfuse adds them up: buckets that exclude each other, under the names that it makes of OpenAI's own
 * usage. Those of the input sum up to `inputTokens`, those of the output to `outputTokens`. `undefined` without any token:
 * an empty table would say that there were none.
 *
 * Calls of tools and counts without a name are no tokens, or parts of other buckets, and are left out.
 *
 * Source: Langfuse `packages/shared/src/server/ingestion/types.ts`. One value that is no whole number from 0 on makes it drop
 * the table.
 */
export function langfuseUsage(usage: Usage): Buckets | undefined {
  const cached = usage.cacheReadInputTokens;
  const buckets = {
    ...split("input", usage.inputTokens, [
      ["input_cached_tokens", cached],
      ["input_cache_creation", usage.cacheWriteInputTokens],
      ["input_audio_tokens", notCached(usage, "audio", usage.audioInputTokens)],
      ["input_image_tokens", notCached(usage, "image", usage.imageInputTokens)],
    ]),
    ...split("output", usage.outputTokens, [
      ["output_reasoning_tokens", usage.reasoningOutputTokens],
      ["output_audio_tokens", usage.audioOutputTokens],
      ["output_image_tokens", usage.imageOutputTokens],
    ]),
  };
  const known = Object.values(buckets);
  const sum = known.reduce((all, count) => all + count, 0);
  const stated = whole(usage.totalTokens);
  if (stated === undefined && known.length === 0) return undefined;
  // Some count what a model thinks in the total alone.
  const other = stated !== undefined && known.length > 0 ? stated - sum : 0;
  return { ...buckets, ...(other > 0 && { other }), total: stated ?? sum };
}

/** Each part takes from the total what is left of it, as parts may overlap in ways that nobody says; the rest is `rest`. */
function split(
  rest: "input" | "output",
  total: number | undefined,
  parts: readonly (readonly [bucket: string, count: number | undefined])[],
): Buckets {
  const buckets: Buckets = {};
  let left = whole(total) ?? Number.POSITIVE_INFINITY;
  for (const [bucket, count] of parts) {
    const own = whole(count);
    if (own === undefined) continue;
    buckets[bucket] = Math.min(own, left);
    left -= buckets[bucket];
  }
  return Number.isFinite(left) ? { [rest]: left, ...buckets } : buckets;
}

/** Cached tokens are audio or images too, and are in the bucket of cached ones already. */
function notCached({ extra = {} }: Usage, kind: "audio" | "image", count: number | undefined): number | undefined {
  if (count === undefined) return undefined;
  const path = Object.keys(extra).find((name) => name.endsWith(`cached_tokens_details.${kind}_tokens`));
  return Math.max(0, count - (path === undefined ? 0 : extra[path]!));
}

function whole(count: number | undefined): number | undefined {
  return count !== undefined && Number.isFinite(count) && count >= 0 ? Math.round(count) : undefined;
}

/** USD by bucket, `total` among them. The input's is for all of its buckets: prices of each are not known here. */
export function langfuseCost(cost: Cost): Buckets | undefined {
  const parts = { input: cost.input, output: cost.output, tools: cost.tools, total: totalUsd(cost) };
  const known = Object.entries(parts).filter(([, amount]) => Number.isFinite(amount) && amount! >= 0);
  return known.length === 0 ? undefined : (Object.fromEntries(known) as Buckets);
}

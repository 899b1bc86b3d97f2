import type { Usage } from "../core/record.ts";
import type { UnitPrices } from "./price-library.ts";

type Units = { [unit: string]: number };

/** Our counts under the names of `@pydantic/genai-prices`: both have inclusive totals with subsets. */
export function unitsOf(usage: Usage): Units {
  const units: Units = {};
  const put = (unit: string, count: number | undefined): void => {
    if (count !== undefined) units[unit] = count;
  };
  const { inputTokens, outputTokens, cacheReadInputTokens = 0, cacheWriteInputTokens = 0 } = usage;
  const { audioInputTokens = 0, imageInputTokens = 0, audioOutputTokens = 0 } = usage;
  // Cached tokens may be audio or images too, so the two sums overlap.
  const parts = Math.max(cacheReadInputTokens + cacheWriteInputTokens, audioInputTokens + imageInputTokens);
  put("input_tokens", atLeast(parts, inputTokens));
  put("output_tokens", atLeast(audioOutputTokens, outputTokens));
  put("cache_read_tokens", usage.cacheReadInputTokens);
  put("cache_write_tokens", usage.cacheWriteInputTokens);
  put("input_audio_tokens", usage.audioInputTokens);
  put("input_image_tokens", usage.imageInputTokens);
  put("output_audio_tokens", usage.audioOutputTokens);
  put("output_image_tokens", usage.imageOutputTokens);
  put("cache_audio_read_tokens", extra(usage, "cached_tokens_details.audio_tokens"));
  put("cache_image_read_tokens", extra(usage, "cached_tokens_details.image_tokens"));
  put("audio_seconds", secondsOf(usage));
  put("input_audio_seconds", secondsOf(usage));
  put("web_searches", usage.webSearchCalls);
  put("storage_searches", usage.fileSearchCalls);
  return units;
}

/** A total is never less than its parts, of which the library makes an error: what is left besides them then is nothing. */
function atLeast(parts: number, total: number | undefined): number | undefined {
  return total !== undefined && total >= 0 && total < parts ? parts : total;
}

/** Of a transcription that is paid for by its length: `usage: { type: "duration", seconds }`. */
function secondsOf(usage: Usage): number | undefined {
  return extra(usage, "seconds");
}

function extra({ extra = {} }: Usage, path: string): number | undefined {
  const name = Object.keys(extra).find((each) => each === path || each.endsWith(`.${path}`));
  return name === undefined ? undefined : extra[name];
}

/**
 * What was used and has no price, or has a price and was not counted, in words. The library would take it for free, or
 * for text.
 */
export function missingPart(usage: Usage, price: UnitPrices): string | undefined {
  const has = (...keys: string[]): boolean => keys.some((key) => price[key] !== undefined);
  const { inputTokens, outputTokens, audioInputTokens = 0, audioOutputTokens = 0 } = usage;
  const seconds = secondsOf(usage);
  if (inputTokens === undefined && has("input_mtok")) return "its input tokens are not known";
  if (outputTokens === undefined && has("output_mtok")) return "its output tokens are not known";
  if (seconds === undefined && has("audio_hours")) return "its seconds of audio are not known";
  if ((inputTokens ?? 0) > 0 && !has("input_mtok")) return "input tokens";
  if ((outputTokens ?? 0) > 0 && !has("output_mtok")) return "output tokens";
  if (audioInputTokens > 0 && !has("input_audio_mtok")) return "audio input";
  if (audioOutputTokens > 0 && !has("output_audio_mtok")) return "audio output";
  if ((seconds ?? 0) > 0 && !has("audio_hours", "input_audio_hours")) return "seconds of audio";
  return undefined;
}

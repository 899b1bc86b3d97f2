import type { Usage } from "./record.ts";

type Count = Exclude<keyof Usage, "extra">;

/** Canonical path (snake case, `in.` and `out.` for the detail objects of any spelling) to the name of the count. */
const COUNTS: ReadonlyMap<string, Count> = new Map(
  Object.entries<Count>({
    prompt_tokens: "inputTokens",
    input_tokens: "inputTokens",
    input: "inputTokens",
    completion_tokens: "outputTokens",
    output_tokens: "outputTokens",
    output: "outputTokens",
    total_tokens: "totalTokens",
    total: "totalTokens",
    "in.cached_tokens": "cacheReadInputTokens",
    cached_input_tokens: "cacheReadInputTokens",
    // DeepSeek; within prompt_tokens, as everywhere.
    prompt_cache_hit_tokens: "cacheReadInputTokens",
    cache_read_input_tokens: "cacheReadInputTokens",
    "in.cache_write_tokens": "cacheWriteInputTokens",
    cache_write_input_tokens: "cacheWriteInputTokens",
    cache_creation_input_tokens: "cacheWriteInputTokens",
    "out.reasoning_tokens": "reasoningOutputTokens",
    reasoning_output_tokens: "reasoningOutputTokens",
    "in.audio_tokens": "audioInputTokens",
    audio_input_tokens: "audioInputTokens",
    "out.audio_tokens": "audioOutputTokens",
    audio_output_tokens: "audioOutputTokens",
    "in.image_tokens": "imageInputTokens",
    image_input_tokens: "imageInputTokens",
    "out.image_tokens": "imageOutputTokens",
    image_output_tokens: "imageOutputTokens",
    "in.text_tokens": "textInputTokens",
    text_input_tokens: "textInputTokens",
    "out.text_tokens": "textOutputTokens",
    text_output_tokens: "textOutputTokens",
    web_search_calls: "webSearchCalls",
    file_search_calls: "fileSearchCalls",
    code_interpreter_sessions: "codeInterpreterSessions",
  }),
);

/** The deepest path of any known shape has three parts (Realtime's cached tokens by modality). */
const MAX_DEPTH = 4;
/** Values looked at. The largest known shape has some 20, an agent's list of details a few for each request. */
const MAX_VISITS = 1000;

/**
 * Token counts in one shape, from whatever a provider calls them: chat completions, Responses, Assistants runs and steps,
 * Realtime, embeddings, agents (details as arrays are summed), Foundry's camelCase, Langfuse's `{ input, output, total }`,
 * Anthropic, or a `Usage` that is normal already.
 *
 * A count that is not given stays absent: missing is not zero. A missing total is the sum where both parts are known; a
 * total that the provider states is kept even when it differs. Where it shows that reasoning was counted beside the output
 * (xAI), the output includes it. Other numbers are kept in `extra` by their own path.
 * Returns `undefined` when there is no count at all. Never throws.
 *
 * @example
 * normalizeUsage({ prompt_tokens: 381, completion_tokens: 88, prompt_token_details: { cached_tokens: 128 } });
 * // { inputTokens: 381, outputTokens: 88, cacheReadInputTokens: 128, totalTokens: 469 }
 */
export function normalizeUsage(raw: unknown): Usage | undefined {
  if (typeof raw !== "object" || raw === null) return undefined;
  try {
    return Array.isArray(raw) ? undefined : usageOf(numericLeaves(raw));
  } catch {
    // A getter or a proxy that throws.
    return undefined;
  }
}

function usageOf(leaves: ReadonlyMap<string, number>): Usage | undefined {
  if (leaves.size === 0) return undefined;
  const usage: { -readonly [K in keyof Usage]: Usage[K] } = {};
  const extra: [name: string, value: number][] = [];
  for (const [path, value] of leaves) {
    const count = COUNTS.get(canonical(path));
    if (count !== undefined) usage[count] ??= value;
    else extra.push([path.replace(/^extra\./, ""), value]);
  }
  // Anthropic counts cached tokens beside input_tokens, everybody else within; only Anthropic has this key.
  if (leaves.has("cache_creation_input_tokens") && usage.inputTokens !== undefined) {
    usage.inputTokens = add(usage.inputTokens, usage.cacheWriteInputTokens! + (usage.cacheReadInputTokens ?? 0));
  }
  const reasoning = reasoningBesideOutput(usage);
  if (reasoning > 0) usage.outputTokens = add(usage.outputTokens!, reasoning);
  if (usage.totalTokens === undefined && usage.inputTokens !== undefined && usage.outputTokens !== undefined) {
    usage.totalTokens = add(usage.inputTokens, usage.outputTokens);
  }
  // Not by assignment, which takes `__proto__` for something else.
  if (extra.length > 0) usage.extra = Object.fromEntries(extra);
  return usage;
}

/** Outputs include their reasoning, but some providers count it on top of them: their total gives it away. */
function reasoningBesideOutput({ inputTokens, outputTokens, totalTokens, reasoningOutputTokens = 0 }: Usage): number {
  if (inputTokens === undefined || outputTokens === undefined || totalTokens === undefined) return 0;
  return totalTokens === inputTokens + outputTokens + reasoningOutputTokens ? reasoningOutputTokens : 0;
}

/** Every number of 0 and more, and small enough to be a count, in `raw` by its dotted path; the elements of an array add up under the array's path. */
function numericLeaves(raw: object): Map<string, number> {
  const leaves = new Map<string, number>();
  let visits = 0;
  const visit = (value: unknown, path: string, depth: number): void => {
    if (++visits > MAX_VISITS) return;
    if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
      leaves.set(path, add(leaves.get(path) ?? 0, value));
    }
    if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return;
    if (Array.isArray(value)) {
      for (const element of value.slice(0, MAX_VISITS)) visit(element, path, depth + 1);
    } else {
      for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key], `${path}.${key}`, depth + 1);
    }
  };
  for (const key of Object.keys(raw)) visit((raw as Record<string, unknown>)[key], key, 1);
  return leaves;
}

/** What is no count any more stays a number that JSON and sums can hold. */
function add(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

function canonical(path: string): string {
  return path
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replace(/^(?:prompt|input)_tokens?_details\./, "in.")
    .replace(/^(?:completion|output)_tokens?_details\./, "out.");
}

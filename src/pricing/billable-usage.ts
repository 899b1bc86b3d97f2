import type { Usage } from "../core/record.ts";
import type { PriceRequest } from "./price-book.ts";

/** They count what the model thinks in the total alone where they speak as OpenAI does, and bill it as output. */
const THINK_BESIDE: ReadonlySet<string | undefined> = new Set(["google", "gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"]);

/** The counts to be priced; `undefined`, and why, when the stated total says that there is more than they say. */
export function billableUsage(
  { usage, provider }: PriceRequest,
  why: ((reason: string) => void) | undefined,
): Usage | undefined {
  const { inputTokens, outputTokens = 0, totalTokens } = usage;
  if (inputTokens === undefined || totalTokens === undefined) return usage;
  const beside = totalTokens - inputTokens - outputTokens;
  if (!(beside > 0)) return usage;
  if (THINK_BESIDE.has(provider)) return { ...usage, outputTokens: outputTokens + beside };
  why?.(`${beside} tokens of its total are neither input nor output`);
  return undefined;
}

import type { RateLimit } from "../../core/record.ts";
import { parseRetryAfter } from "../../core/retry-after.ts";

/** What the headers of an answer say. */
export interface HeaderFacts {
  /** OpenAI's, Azure's or a compatible host's. */
  readonly requestId?: string;
  readonly processingMs?: number;
  readonly rateLimit?: RateLimit;
  /** How long the server asks to wait before another attempt. */
  readonly retryAfterMs?: number;
  /** What the server says about another attempt, whatever the status. */
  readonly shouldRetry?: boolean;
  /** In USD; LiteLLM's. */
  readonly statedCost?: number;
}

const REQUEST_IDS = ["x-request-id", "apim-request-id", "request-id"];

/**
 * Reads the headers of an answer. `get` gives a header by its lower-case name; what is absent or unreadable is left out.
 *
 * @example
 * readHeaders((name) => response.headers.get(name), Date.now());
 */
export function readHeaders(get: (name: string) => string | null | undefined, nowMs: number): HeaderFacts {
  const facts: { -readonly [K in keyof HeaderFacts]: HeaderFacts[K] } = {};
  for (const name of REQUEST_IDS) {
    const id = get(name);
    if (id) {
      facts.requestId = id;
      break;
    }
  }
  const processingMs = count(get("openai-processing-ms"));
  if (processingMs !== undefined) facts.processingMs = processingMs;
  const rateLimit = rateLimitOf(get);
  if (rateLimit !== undefined) facts.rateLimit = rateLimit;
  const retryAfterMs = count(get("retry-after-ms")) ?? parseRetryAfter(get("retry-after"), nowMs);
  if (retryAfterMs !== undefined) facts.retryAfterMs = retryAfterMs;
  const shouldRetry = get("x-should-retry");
  if (shouldRetry === "true" || shouldRetry === "false") facts.shouldRetry = shouldRetry === "true";
  const statedCost = count(get("x-litellm-response-cost"));
  if (statedCost !== undefined) facts.statedCost = statedCost;
  return facts;
}

function rateLimitOf(get: (name: string) => string | null | undefined): RateLimit | undefined {
  const limit: { -readonly [K in keyof RateLimit]: RateLimit[K] } = {};
  const set = (key: keyof RateLimit, value: number | undefined): void => {
    if (value !== undefined) limit[key] = value;
  };
  set("limitRequests", count(get("x-ratelimit-limit-requests")));
  set("remainingRequests", count(get("x-ratelimit-remaining-requests")));
  set("resetRequestsMs", durationMs(get("x-ratelimit-reset-requests")));
  set("limitTokens", count(get("x-ratelimit-limit-tokens")));
  set("remainingTokens", count(get("x-ratelimit-remaining-tokens")));
  set("resetTokensMs", durationMs(get("x-ratelimit-reset-tokens")));
  for (const _ in limit) return limit;
  return undefined;
}

/** A number that is not below zero: Azure says -1 for what it does not know. */
function count(value: string | null | undefined): number | undefined {
  if (value === null || value === undefined || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isFinite(number) && number >= 0 ? number : undefined;
}

const UNIT_MS: { readonly [unit: string]: number } = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ns: 1e-6,
};

/**
 * Milliseconds of a duration as Go writes it (`2ms`, `1.5s`, `6m0s`, `1h2m3.5s`); a plain number is seconds, as some
 * hosts have it. `undefined` for what is negative or no duration.
 */
export function durationMs(value: string | null | undefined): number | undefined {
  const text = value?.trim() ?? "";
  const seconds = count(text);
  if (seconds !== undefined) return seconds * 1000;
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s|us|µs|μs|ns))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)([a-zµμ]+)/g)) ms += Number(number) * UNIT_MS[unit!]!;
  // Nanoseconds are the finest that Go has; more digits are those of binary fractions.
  return Math.round(ms * 1e6) / 1e6;
}

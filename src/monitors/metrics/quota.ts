import type { RateLimit } from "../../core/record.ts";

/** Shares of a provider's limits that are used. */
export interface QuotaUse {
  readonly tokens: number | undefined;
  readonly requests: number | undefined;
}

/** The rate-limit headers of the newest answer that had any, as they came: what they mean is worked out when it is asked. */
export interface Told {
  limit: RateLimit;
  ms: number;
}

/** Providers reset within a minute; Azure and others do not say when. */
const DEFAULT_RESET_MS = 60_000;
const ABSURD = 1e15;
const LONGEST_RESET_MS = 86_400_000;

export function isQuota({ limitTokens, remainingTokens, limitRequests, remainingRequests }: RateLimit): boolean {
  return isLimit(limitTokens, remainingTokens) || isLimit(limitRequests, remainingRequests);
}

/**
 * At its reset nothing of a limit is used any more, by the provider's own definition; what has not been heard of for a
 * whole window after that is not known.
 */
export function quotaUse({ limit, ms }: Told, nowMs: number, windowMs: number): QuotaUse {
  const ageMs = nowMs - ms;
  const share = (most?: number, remaining?: number, reset?: number): number | undefined => {
    const resetMs = isAmount(reset) ? Math.min(reset, LONGEST_RESET_MS) : DEFAULT_RESET_MS;
    if (!isLimit(most, remaining) || ageMs > resetMs + windowMs) return undefined;
    return ageMs < resetMs ? Math.min(Math.max((most! - remaining!) / most!, 0), 1) : 0;
  };
  return {
    tokens: share(limit.limitTokens, limit.remainingTokens, limit.resetTokensMs),
    requests: share(limit.limitRequests, limit.remainingRequests, limit.resetRequestsMs),
  };
}

function isLimit(limit: unknown, remaining: unknown): boolean {
  return isAmount(limit) && isAmount(remaining) && limit > 0;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < ABSURD;
}

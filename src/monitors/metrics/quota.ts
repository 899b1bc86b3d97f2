import type { RateLimit } from "../../core/record.ts";
import { nameOf } from "./groups.ts";

/** Shares of a provider's limits that are used. */
export interface QuotaUse {
  readonly tokens: number | undefined;
  readonly requests: number | undefined;
}

/** What the rate-limit headers of the newest answer of each model said. */
export interface Quotas {
  note(model: string, limit: RateLimit, nowMs: number): void;
  of(model: string, nowMs: number, windowMs: number): QuotaUse | undefined;
  models(): Iterable<string>;
}

/** One for each model, kept and changed: it comes with every call. */
interface Told {
  ms: number;
  readonly tokens: Used;
  readonly requests: Used;
}

interface Used {
  /** -1: not told. */
  share: number;
  resetMs: number;
}

/** Providers reset within a minute; Azure and others do not say when. */
const DEFAULT_RESET_MS = 60_000;
const ABSURD = 1e15;
const LONGEST_RESET_MS = 86_400_000;

/**
 * The newest word wins. At its reset nothing of a limit is used any more, by the provider's own definition; what has not
 * been heard of for a whole window after that is not known.
 */
export function newQuotas(maxModels: number): Quotas {
  const told = new Map<string, Told>();
  return {
    note(model, limit, nowMs) {
      const { limitTokens, remainingTokens, limitRequests, remainingRequests } = limit;
      if (!isLimit(limitTokens, remainingTokens) && !isLimit(limitRequests, remainingRequests)) return;
      const name = nameOf(model);
      let known = told.get(name);
      if (known === undefined) {
        if (told.size >= maxModels) told.delete(silentest(told));
        known = { ms: nowMs, tokens: { share: -1, resetMs: 0 }, requests: { share: -1, resetMs: 0 } };
        told.set(name, known);
      }
      known.ms = nowMs;
      put(known.tokens, limitTokens, remainingTokens, limit.resetTokensMs);
      put(known.requests, limitRequests, remainingRequests, limit.resetRequestsMs);
    },
    of(model, nowMs, windowMs) {
      const known = told.get(nameOf(model));
      if (known === undefined) return undefined;
      const ageMs = nowMs - known.ms;
      const share = (of: Used): number | undefined => {
        if (of.share < 0 || ageMs > of.resetMs + windowMs) return undefined;
        return ageMs < of.resetMs ? of.share : 0;
      };
      return { tokens: share(known.tokens), requests: share(known.requests) };
    },
    models: () => told.keys(),
  };
}

function put(used: Used, limit: number | undefined, remaining: number | undefined, reset: number | undefined): void {
  const isTold = isLimit(limit, remaining);
  used.share = isTold ? Math.min(Math.max((limit! - remaining!) / limit!, 0), 1) : -1;
  used.resetMs = isAmount(reset) ? Math.min(reset, LONGEST_RESET_MS) : DEFAULT_RESET_MS;
}

function isLimit(limit: unknown, remaining: unknown): boolean {
  return isAmount(limit) && isAmount(remaining) && limit > 0;
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value < ABSURD;
}

/** The model that nothing has been heard of for the longest time. */
function silentest(told: ReadonlyMap<string, Told>): string {
  let found = "";
  let leastMs = Number.POSITIVE_INFINITY;
  for (const [model, { ms }] of told) {
    if (ms >= leastMs) continue;
    leastMs = ms;
    found = model;
  }
  return found;
}

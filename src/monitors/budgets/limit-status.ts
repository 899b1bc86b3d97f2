import { usdText } from "./amount.ts";
import type { BudgetStatus } from "./budget-status.ts";
import type { Period } from "./calendar.ts";

/** Below it, one call would be multiplied by more than ten. */
const MIN_KNOWN_SHARE = 0.1;

/** Linear: as it has been spent since it is known, so it goes on. */
export function forecast(
  spentUsd: number,
  { startMs, endMs }: Period,
  sinceMs: number,
  nowMs: number,
): number | undefined {
  const knownMs = nowMs - Math.max(sinceMs, startMs);
  if (knownMs < (endMs - startMs) * MIN_KNOWN_SHARE) return undefined;
  return roundUsd(spentUsd + (spentUsd / knownMs) * (endMs - nowMs));
}

/** Estimates are divided and multiplied; people are told what a price can be. */
export function roundUsd(usd: number): number {
  return Math.round(usd * 1e12) / 1e12;
}

/** What is told when a threshold has been passed. */
export function passedMessage({ budget, group, level, ...status }: BudgetStatus): string {
  const { spentUsd, limitUsd = 0, share = 0, period, until } = status;
  const whose = Object.entries(group ?? {}).map(([by, value]) => ` of ${by} "${value}"`);
  const state = level === "used_up" ? "is used up" : `has passed its ${level} threshold`;
  const amounts = `${usdText(spentUsd)} of ${usdText(limitUsd)} USD (${Math.floor(share * 100 + 1e-9)} %)`;
  const spent = `${amounts} spent in ${period}${estimateText(status)}`;
  return `Budget "${budget}"${whose.join("")} ${state}: ${spent}, which ends at ${until}.`;
}

/** What the caller is told of a call that is not made. */
export function refusedMessage(status: BudgetStatus): string {
  const { budget, group, spentUsd, estimatedUsd, limitUsd = 0, reservedUsd, inFlight, period, until } = status;
  // A user's id is nothing for the message of an error.
  const whose = Object.entries(group ?? {}).map(([by, value]) =>
    by === "user" ? " of this user" : ` of ${by} "${value}"`,
  );
  const name = `Budget "${budget}"${whose.join("")}`;
  const amounts = `${usdText(spentUsd)} of ${usdText(limitUsd)} USD spent in ${period}${estimateText(status)}`;
  if (roundUsd(spentUsd + estimatedUsd) >= limitUsd) {
    const way = "Until then: raise its usd, or give it a function as hard that picks a cheaper model.";
    return `${name} is used up: ${amounts}. It opens again at ${until}. ${way}`;
  }
  const held = `${usdText(reservedUsd)} USD held back for ${inFlight} calls under way`;
  const way = `What they do not use is free when they have ended, all of it at ${until}.`;
  return `${name} has nothing left to begin with: ${amounts}, ${held}. ${way}`;
}

function estimateText({ estimatedUsd, unpriced }: Pick<BudgetStatus, "estimatedUsd" | "unpriced">): string {
  if (estimatedUsd === 0) return "";
  const calls = unpriced === 1 ? "1 call" : `${unpriced} calls`;
  return ` (and an estimated ${usdText(estimatedUsd)} USD for ${calls} without a known cost)`;
}

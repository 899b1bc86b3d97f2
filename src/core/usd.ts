import type { Cost } from "./gen-ai.ts";

/** Amounts are whole multiples of this many parts of a dollar: the cheapest token is priced at some 10,000 of them. */
const PARTS = 1e12;

/** The amount in whole 10⁻¹² USD, so that no sum of prices reads 0.0015925000000000002. */
export function usd(amount: number): number {
  return Number.isFinite(amount) ? Math.round(amount * PARTS) / PARTS : 0;
}

/** What a cost comes to: its total, or the sum of its parts. `undefined` when it says nothing. */
export function totalUsd(cost: Cost | undefined): number | undefined {
  if (cost === undefined || cost.total !== undefined) return cost?.total;
  const { input, output, tools } = cost;
  if (input === undefined && output === undefined && tools === undefined) return undefined;
  return usd((input ?? 0) + (output ?? 0) + (tools ?? 0));
}

/**
 * The sum in USD, exact to 10⁻¹² up to some 9,000 USD and to 10⁻⁹ far beyond, however many there are. What has no known cost counts nothing.
 *
 * @example
 * sumUsd([0.1, 0.2, { currency: "USD", total: 0.0015925, source: "computed" }]); // 0.3015925
 */
export function sumUsd(costs: Iterable<Cost | number | undefined>): number {
  // Two integers instead of a bigint for each: whole dollars, and parts of one.
  let dollars = 0;
  let parts = 0;
  for (const cost of costs) {
    const amount = typeof cost === "number" ? cost : totalUsd(cost);
    if (amount === undefined || !Number.isFinite(amount)) continue;
    const whole = Math.trunc(amount);
    dollars += whole;
    parts += Math.round((amount - whole) * PARTS);
    if (Math.abs(parts) >= PARTS) {
      const carried = Math.trunc(parts / PARTS);
      dollars += carried;
      parts -= carried * PARTS;
    }
  }
  const digits = Math.abs(dollars) < Number.MAX_SAFE_INTEGER / PARTS;
  return digits ? (dollars * PARTS + parts) / PARTS : dollars + parts / PARTS;
}

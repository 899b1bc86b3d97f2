import { isUnpriced } from "../../../store/unpriced.ts";
import { type SpanTree, startNs } from "./tree.ts";

/** Sums over each span and all that is below it, by index. Usage stands once in a trace, so sums are plain sums. */
export interface Rollups {
  readonly costUsd: Float64Array;
  /** Spans that used tokens and have no price: more was spent than `costUsd`. */
  readonly unpriced: Int32Array;
  readonly tokens: Float64Array;
  readonly errors: Int32Array;
  /** What the span's time is without the time in which one of its children ran. Nanoseconds. */
  readonly selfNs: Float64Array;
  /** The highest cost of a single span: what a heat scale ends at. */
  readonly highestCost: number;
  readonly hasCost: boolean;
  readonly hasTokens: boolean;
}

export function rollups(tree: SpanTree): Rollups {
  const { rows, parent, end } = tree;
  const count = rows.length;
  const costUsd = new Float64Array(count);
  const unpriced = new Int32Array(count);
  const tokens = new Float64Array(count);
  const errors = new Int32Array(count);
  const selfNs = new Float64Array(count);
  let highestCost = 0;
  for (let i = count - 1; i >= 0; i--) {
    const row = rows[i]!;
    costUsd[i]! += row.costUsd ?? 0;
    if (isUnpriced(row)) unpriced[i]!++;
    tokens[i]! += (row.inputTokens ?? 0) + (row.outputTokens ?? 0);
    if (row.status === "error") errors[i]!++;
    highestCost = Math.max(highestCost, row.costUsd ?? 0);
    const above = parent[i]!;
    if (above >= 0) {
      costUsd[above]! += costUsd[i]!;
      unpriced[above]! += unpriced[i]!;
      tokens[above]! += tokens[i]!;
      errors[above]! += errors[i]!;
    }
    const from = startNs(tree, i);
    const to = from + row.durationNs;
    let covered = 0;
    let reached = from;
    for (let child = i + 1; child < end[i]!; child = end[child]!) {
      const begin = Math.max(reached, startNs(tree, child));
      const stop = Math.min(to, startNs(tree, child) + rows[child]!.durationNs);
      if (stop > begin) {
        covered += stop - begin;
        reached = stop;
      }
    }
    selfNs[i] = Math.max(0, row.durationNs - covered);
  }
  const roots = (sums: Float64Array) => rows.some((_, i) => parent[i] === -1 && sums[i]! > 0);
  const [hasCost, hasTokens] = [roots(costUsd), roots(tokens)];
  return { costUsd, unpriced, tokens, errors, selfNs, highestCost, hasCost, hasTokens };
}

/** What the span and all below it cost. */
export function costAt(sums: Rollups, index: number): { readonly costUsd: number; readonly unpriced: number } {
  return { costUsd: sums.costUsd[index]!, unpriced: sums.unpriced[index]! };
}

import type { SpanRow } from "../../../store/trace-store.ts";
import type { SpanTree } from "./tree.ts";

/**
 * Failed spans that tell something: where it began, and where it became another error on its way up. Those that pass on
 * what failed below them are left out.
 *
 * @param failed indexes of the tree's failed spans, in its order, which is that of the answer too
 */
export function ownErrors({ rows, end }: SpanTree, failed: readonly number[]): number[] {
  const silent = new Set<number>();
  /** Failed spans around the one that is looked at, the innermost last. */
  const around: number[] = [];
  for (const index of failed) {
    while (around.length > 0 && end[around.at(-1)!]! <= index) around.pop();
    const above = around.at(-1);
    if (above !== undefined) {
      const text = errorText(rows[above]!);
      if (text === undefined || text === errorText(rows[index]!)) silent.add(above);
    }
    around.push(index);
  }
  return failed.filter((index) => !silent.has(index));
}

export function errorText({ errorMessage, errorType }: SpanRow): string | undefined {
  return errorMessage ?? errorType;
}

import type { SpanTree } from "./tree.ts";

/**
 * Finds spans by what a list knows of them: name, type, model, what came in and out (its beginning), error and id. All
 * words must be there, in any order, whatever their case. Small enough to run on every key.
 */
export function searcher(tree: SpanTree): (query: string) => number[] {
  let texts: string[] | undefined;
  return (query) => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return [];
    texts ??= tree.rows.map((row) =>
      [
        row.name,
        row.type,
        row.model,
        row.inputPreview,
        row.outputPreview,
        row.errorType,
        row.errorMessage,
        row.httpStatus,
        row.spanId,
      ]
        .filter((part) => part !== undefined)
        .join("\n")
        .toLowerCase(),
    );
    const found: number[] = [];
    for (let i = 0; i < texts.length; i++) if (words.every((word) => texts![i]!.includes(word))) found.push(i);
    return found;
  };
}

/** The first of the ordered `indices` after `from` (before it, when `step` is -1); round the end when there is none. */
export function nextOf(indices: readonly number[], from: number, step: 1 | -1): number | undefined {
  if (indices.length === 0) return undefined;
  if (step === 1) return indices.find((index) => index > from) ?? indices[0];
  return indices.findLast((index) => index < from) ?? indices.at(-1);
}

import { type SpanTree, startNs } from "./tree.ts";

/** When a span is what the trace waits for. Nanoseconds since the trace's beginning. */
export interface CriticalPart {
  readonly index: number;
  readonly fromNs: number;
  readonly toNs: number;
}

/**
 * What would have had to be faster for the trace to be faster: from the end of the longest root backwards, always the
 * child that ended last before. The parts follow each other without a gap, latest first.
 */
export function criticalPath(tree: SpanTree): CriticalPart[] {
  const { rows, end } = tree;
  const endNs = (i: number) => startNs(tree, i) + rows[i]!.durationNs;
  let root = -1;
  for (let i = 0; i < rows.length; i = end[i]!) if (root < 0 || endNs(i) > endNs(root)) root = i;
  if (root < 0) return [];

  const parts: CriticalPart[] = [];
  const frame = (index: number, untilNs: number) => {
    const children: number[] = [];
    for (let child = index + 1; child < end[index]!; child = end[child]!) children.push(child);
    // The one that ends last is taken first.
    children.sort((a, b) => endNs(a) - endNs(b) || startNs(tree, a) - startNs(tree, b));
    return { index, children, cursor: untilNs };
  };
  const stack = [frame(root, endNs(root))];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const from = startNs(tree, top.index);
    const child = top.children.pop();
    if (child === undefined || top.cursor <= from) {
      if (top.cursor > from) parts.push({ index: top.index, fromNs: from, toNs: top.cursor });
      stack.pop();
      continue;
    }
    const begin = Math.max(from, startNs(tree, child));
    const stop = endNs(child);
    const until = Math.min(stop, top.cursor);
    if (until <= begin) continue;
    if (until < top.cursor) parts.push({ index: top.index, fromNs: until, toNs: top.cursor });
    top.cursor = begin;
    stack.push(frame(child, until));
  }
  return parts;
}

/** The parts by span. */
export function partsByIndex(parts: readonly CriticalPart[]): Map<number, CriticalPart[]> {
  const byIndex = new Map<number, CriticalPart[]>();
  for (const part of parts) {
    const known = byIndex.get(part.index);
    if (known) known.push(part);
    else byIndex.set(part.index, [part]);
  }
  return byIndex;
}

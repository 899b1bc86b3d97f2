import type { SpanRow } from "../../../store/trace-store.ts";

/**
 * The spans of a trace in the order in which a tree shows them, parents before children, earlier before later. Everything
 * about a span is found by its index; what hangs below it are the indices after it, up to `end`.
 */
export interface SpanTree {
  readonly rows: readonly SpanRow[];
  /** Index of the parent, -1 for a root. */
  readonly parent: Int32Array;
  readonly depth: Int32Array;
  /** The index after the last span below. `end[i] === i + 1`: nothing is. */
  readonly end: Int32Array;
  readonly indexOf: ReadonlyMap<string, number>;
  /** Roots that name a parent which is not there: it was not received, is of another service, or is in a ring. */
  readonly orphans: readonly number[];
  /** From the first start to the last end. */
  readonly startUs: number;
  readonly durationNs: number;
}

/** Builds the tree. A hundred thousand spans below each other are no problem; rings are cut at their earliest span. */
export function buildTree(spans: Iterable<SpanRow>): SpanTree {
  const ordered = [...spans].sort((a, b) => a.startUs - b.startUs || (a.spanId < b.spanId ? -1 : 1));
  const count = ordered.length;
  const place = new Map<string, number>();
  for (let i = 0; i < count; i++) place.set(ordered[i]!.spanId, i);

  const parents = new Int32Array(count).fill(-1);
  const firstChild = new Int32Array(count).fill(-1);
  const nextSibling = new Int32Array(count).fill(-1);
  // Children are hung in from the back, so that each list is in order.
  for (let i = count - 1; i >= 0; i--) {
    const { parentSpanId } = ordered[i]!;
    const parent = parentSpanId === undefined ? undefined : place.get(parentSpanId);
    if (parent === undefined || parent === i) continue;
    parents[i] = parent;
    nextSibling[i] = firstChild[parent]!;
    firstChild[parent] = i;
  }

  const rows: SpanRow[] = new Array(count);
  const parent = new Int32Array(count);
  const depth = new Int32Array(count);
  const end = new Int32Array(count);
  const indexOf = new Map<string, number>();
  const seen = new Uint8Array(count);
  const open: number[] = []; // Where the spans that are being walked stand in the result.
  let filled = 0;

  const walk = (root: number) => {
    let at = root;
    let above = -1;
    for (;;) {
      seen[at] = 1;
      const index = filled++;
      const row = ordered[at]!;
      rows[index] = row;
      parent[index] = above;
      depth[index] = open.length;
      indexOf.set(row.spanId, index);
      open.push(index);
      let next = unseen(firstChild[at]!);
      if (next >= 0) {
        above = index;
        at = next;
        continue;
      }
      for (;;) {
        const done = open.pop()!;
        end[done] = filled;
        if (open.length === 0) return;
        next = unseen(nextSibling[at]!);
        above = open.at(-1)!;
        if (next >= 0) break;
        at = place.get(rows[above]!.spanId)!;
      }
      at = next;
    }
  };
  const unseen = (from: number) => {
    let at = from;
    while (at >= 0 && seen[at]) at = nextSibling[at]!;
    return at;
  };

  for (let i = 0; i < count; i++) if (parents[i] === -1) walk(i);
  for (let i = 0; i < count; i++) if (!seen[i]) walk(i);

  const orphans: number[] = [];
  let startUs = Number.POSITIVE_INFINITY;
  let endNs = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    if (parent[i] === -1 && row.parentSpanId !== undefined) orphans.push(i);
    if (row.startUs < startUs) startUs = row.startUs;
  }
  if (count === 0) startUs = 0;
  for (const row of rows) endNs = Math.max(endNs, (row.startUs - startUs) * 1_000 + row.durationNs);
  return { rows, parent, depth, end, indexOf, orphans, startUs, durationNs: endNs };
}

/** Nanoseconds from the beginning of the trace to that of the span. */
export function startNs(tree: SpanTree, index: number): number {
  return (tree.rows[index]!.startUs - tree.startUs) * 1_000;
}

/** The indices that are shown while the spans of `collapsed` hide what is below them. */
export function visibleRows(tree: SpanTree, collapsed: ReadonlySet<string>): Int32Array {
  const { rows, end } = tree;
  const shown = new Int32Array(rows.length);
  let count = 0;
  for (let i = 0; i < rows.length; ) {
    shown[count++] = i;
    i = collapsed.size > 0 && collapsed.has(rows[i]!.spanId) ? end[i]! : i + 1;
  }
  return shown.subarray(0, count);
}

/** Where an index stands among the visible ones; -1 when it is hidden. */
export function positionOf(visible: Int32Array, index: number): number {
  let low = 0;
  let high = visible.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const value = visible[middle]!;
    if (value === index) return middle;
    if (value < index) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The spans to collapse so that nothing deeper than `depth` is seen; 0 leaves the roots. */
export function collapsedBelow(tree: SpanTree, depth: number): Set<string> {
  const collapsed = new Set<string>();
  for (let i = 0; i < tree.rows.length; i++) {
    if (tree.depth[i]! >= depth && tree.end[i]! > i + 1) collapsed.add(tree.rows[i]!.spanId);
  }
  return collapsed;
}

/** The spans above an index, nearest first. */
export function* ancestors(tree: SpanTree, index: number): Generator<number> {
  for (let at = tree.parent[index]!; at >= 0; at = tree.parent[at]!) yield at;
}

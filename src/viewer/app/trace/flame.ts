import type { ObservationType } from "../../../core/record.ts";
import type { SpanRow } from "../../../store/trace-store.ts";
import { isUnpriced } from "../../../store/unpriced.ts";
import { plural } from "../format.ts";
import type { Rollups } from "./rollups.ts";
import type { SpanTree } from "./tree.ts";

/** Spans of one name below one frame, together. Places and widths are shares of the whole. */
export interface Frame {
  readonly name: string;
  readonly type: ObservationType;
  readonly depth: number;
  readonly from: number;
  readonly width: number;
  /** Nanoseconds of work, or USD. */
  readonly value: number;
  /** What of it is the frame's own. */
  readonly own: number;
  readonly spans: number;
  readonly errors: number;
  /** The one that has most of it: what a click leads to. */
  readonly index: number;
}

export interface FlameLayout {
  readonly frames: readonly Frame[];
  readonly total: number;
  readonly depth: number;
}

/** Deeper than anybody reads; what is below counts in the frame above. */
const DEEPEST = 128;
/** Narrower than a pixel. */
const NARROWEST = 0.0005;

interface Node {
  name: string;
  type: ObservationType;
  depth: number;
  value: number;
  own: number;
  spans: number;
  errors: number;
  index: number;
  best: number;
  children: Map<string, Node>;
}

/**
 * Where time or money went: frames of equal names merged, as wide as what they and all below them took. Time is work,
 * self times added up: two calls at once count twice.
 */
export function flameLayout(tree: SpanTree, sums: Rollups, by: "time" | "cost"): FlameLayout {
  const { rows, parent } = tree;
  const top = node("", "span", -1);
  const nodes: Node[] = new Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    const above = parent[i]! < 0 ? top : nodes[parent[i]!]!;
    let here = above;
    if (above.depth + 1 < DEEPEST) {
      const key = `${row.type} ${row.name}`;
      here = above.children.get(key) ?? node(row.name, row.type, above.depth + 1);
      above.children.set(key, here);
    }
    nodes[i] = here;
    const own = by === "time" ? sums.selfNs[i]! : (row.costUsd ?? 0);
    here.own += own;
    here.spans++;
    if (row.status === "error") here.errors++;
    const share = by === "time" ? row.durationNs : sums.costUsd[i]!;
    if (share > here.best) {
      here.best = share;
      here.index = i;
    }
  }
  // Children come after their parents in the order of the walk; backwards, they are done before them.
  const walk: Node[] = [top];
  for (let i = 0; i < walk.length; i++) walk.push(...walk[i]!.children.values());
  for (let i = walk.length - 1; i >= 0; i--) {
    const at = walk[i]!;
    at.value = at.own;
    for (const child of at.children.values()) at.value += child.value;
  }
  const total = top.value;
  const frames: Frame[] = [];
  let depth = 0;
  const stack: { at: Node; from: number }[] = [{ at: top, from: 0 }];
  for (let next = stack.pop(); next && total > 0; next = stack.pop()) {
    const { at, from } = next;
    if (at !== top) {
      const { name, type, value, own, spans, errors, index } = at;
      frames.push({ name, type, depth: at.depth, from, width: value / total, value, own, spans, errors, index });
      depth = Math.max(depth, at.depth + 1);
    }
    let place = from;
    for (const child of [...at.children.values()].sort((a, b) => b.value - a.value)) {
      if (child.value / total < NARROWEST) break;
      stack.push({ at: child, from: place });
      place += child.value / total;
    }
  }
  return { frames, total, depth };
}

/** What is said where no money went anywhere: it cost nothing, or nobody knows what it cost. */
export function whyNoCost(rows: readonly SpanRow[]): string {
  if (!rows.some(({ costUsd }) => costUsd !== undefined)) {
    return "No span of this trace has a price: the models are unknown to the price book, or there are none.";
  }
  const unpriced = rows.filter(isUnpriced).length;
  if (unpriced === 0) return "It cost nothing: the price is known, and it is $0.";
  return `What has a price cost $0; ${plural(unpriced, "call")} used tokens whose price is not known.`;
}

function node(name: string, type: ObservationType, depth: number): Node {
  return { name, type, depth, value: 0, own: 0, spans: 0, errors: 0, index: -1, best: -1, children: new Map() };
}

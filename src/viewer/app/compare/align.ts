import type { SpanRow } from "../../../store/trace-store.ts";
import { common } from "../parts/common.ts";
import { type Branch, branches } from "./branches.ts";

/** The figures of a span, or of it and all below it. */
export interface Figures {
  readonly durationNs: number;
  readonly tokens: number;
  /** Undefined where something of it has tokens and no price: what is not known is not zero. */
  readonly costUsd: number | undefined;
  readonly errors: number;
}

export type Figure = keyof Figures;

/** In what two aligned spans differ, apart from their figures. */
export type Change = "name" | "model" | "status" | "place";

/** One line of the comparison: a span of the left trace, of the right one, or one of both that belong together. */
export interface AlignedRow {
  readonly key: string;
  readonly depth: number;
  readonly left?: Branch;
  readonly right?: Branch;
  /** `same`: in both; its figures may differ. */
  readonly kind: "same" | "changed" | "removed" | "added";
  readonly changes: readonly Change[];
  /** Right minus left, with all below; of a span that is on one side only, all of it. */
  readonly delta: Figures;
  /** The same of the span alone: duration without that of its children. */
  readonly ownDelta: Figures;
  /** How many rows follow that belong below this one. */
  readonly below: number;
}

/** Names of these often tell the model: `chat gpt-4.1` and `chat gpt-4.1-mini` are the same step. */
const STEPS_BY_TYPE: ReadonlySet<string> = new Set(["generation", "embedding", "agent"]);
const NOTHING: Figures = { durationNs: 0, tokens: 0, costUsd: 0, errors: 0 };

/**
 * Two traces side by side. Children are paired by name and type, in order where possible; then those that stand elsewhere
 * among their siblings; then model calls whose name has changed. Rows come as in a tree: parents first.
 */
export function align(left: readonly SpanRow[], right: readonly SpanRow[]): AlignedRow[] {
  const rows: Building[] = [];
  const stack: Task[] = pairUp(branches(left), branches(right), 0).reverse();
  /** Places of the rows whose end has not come yet: a row, the one above it, and so on. */
  const open: number[] = [];
  const closeTo = (depth: number): void => {
    while (open.length > depth) {
      const place = open.pop() as number;
      (rows[place] as Building).below = rows.length - place - 1;
    }
  };
  for (let task = stack.pop(); task !== undefined; task = stack.pop()) {
    closeTo(task.depth);
    open.push(rows.length);
    rows.push(rowOf(task));
    const tasks = pairUp(task.left?.children ?? [], task.right?.children ?? [], task.depth + 1);
    for (let index = tasks.length - 1; index >= 0; index--) stack.push(tasks[index] as Task);
  }
  closeTo(0);
  return rows;
}

type Building = { -readonly [key in keyof AlignedRow]: AlignedRow[key] };

interface Task {
  readonly left?: Branch;
  readonly right?: Branch;
  readonly depth: number;
  readonly isMoved?: boolean;
}

function pairUp(left: readonly Branch[], right: readonly Branch[], depth: number): Task[] {
  // Whatever they are called: two traces that are compared begin with their roots.
  if (depth === 0 && left.length === 1 && right.length === 1) return [{ left: left[0]!, right: right[0]!, depth }];
  const partner = new Map<Branch, Branch>();
  const moved = new Set<Branch>();
  const inOrder = common(left.map(keyOf), right.map(keyOf));
  for (const [x, y] of inOrder) join(left[x] as Branch, right[y] as Branch, partner);
  const [restA, restB] = [left, right].map((side) => side.filter((each) => !partner.has(each))) as [Branch[], Branch[]];
  const waiting = new Map<string, Branch[]>();
  for (const each of restB.reverse()) {
    const known = waiting.get(keyOf(each));
    if (known === undefined) waiting.set(keyOf(each), [each]);
    else known.push(each);
  }
  for (const each of restA) {
    const other = waiting.get(keyOf(each))?.pop();
    if (other === undefined) continue;
    join(each, other, partner);
    moved.add(each);
  }
  renamed(left, right, partner);
  return inSequence(left, right, partner, moved, depth);
}

/** Model calls that are left over between the same neighbours. */
function renamed(left: readonly Branch[], right: readonly Branch[], partner: Map<Branch, Branch>): void {
  const gapsB = gaps(right, partner);
  const places = new Map(right.map((each, index) => [each, index]));
  gaps(left, partner).forEach((gap, before) => {
    const neighbour = before === undefined ? undefined : partner.get(before);
    if (before !== undefined && (neighbour === undefined || !places.has(neighbour))) return;
    const other = gapsB.get(neighbour) ?? [];
    const [a, b] = [gap, other].map((side) => side.filter(({ span }) => STEPS_BY_TYPE.has(span.type)));
    const types = (side: readonly Branch[]) => side.map(({ span }) => span.type);
    for (const [x, y] of common(types(a!), types(b!))) join(a![x]!, b![y]!, partner);
  });
}

/** Those without a partner, by the last one before them that has one. */
function gaps(side: readonly Branch[], partner: ReadonlyMap<Branch, Branch>): Map<Branch | undefined, Branch[]> {
  const found = new Map<Branch | undefined, Branch[]>();
  let before: Branch | undefined;
  for (const each of side) {
    if (partner.has(each)) before = each;
    else found.set(before, [...(found.get(before) ?? []), each]);
  }
  return found;
}

/** The order of the right side, what only the left side has where it was. */
function inSequence(
  left: readonly Branch[],
  right: readonly Branch[],
  partner: ReadonlyMap<Branch, Branch>,
  moved: ReadonlySet<Branch>,
  depth: number,
): Task[] {
  const tasks: Task[] = [];
  let x = 0;
  for (const each of [...right, undefined]) {
    // Up to the next that stands at the same place on both sides.
    for (; x < left.length; x++) {
      const own = left[x] as Branch;
      if (partner.has(own) && !moved.has(own)) break;
      if (!partner.has(own)) tasks.push({ left: own, depth });
    }
    if (each === undefined) break;
    const other = partner.get(each);
    if (other === undefined) tasks.push({ right: each, depth });
    else if (moved.has(other)) tasks.push({ left: other, right: each, depth, isMoved: true });
    else {
      tasks.push({ left: other, right: each, depth });
      x++;
    }
  }
  return tasks;
}

function join(one: Branch, other: Branch, partner: Map<Branch, Branch>): void {
  partner.set(one, other);
  partner.set(other, one);
}

function keyOf({ span }: Branch): string {
  return `${span.type} ${span.name}`;
}

function rowOf({ left, right, depth, isMoved = false }: Task): Building {
  const changes: Change[] = [];
  if (left !== undefined && right !== undefined) {
    const [a, b] = [left.span, right.span];
    if (a.name !== b.name) changes.push("name");
    if (a.model !== b.model) changes.push("model");
    if (isError(a) !== isError(b) || a.unfinished !== b.unfinished) changes.push("status");
    if (isMoved) changes.push("place");
  }
  const kind = left === undefined ? "added" : right === undefined ? "removed" : changes.length > 0 ? "changed" : "same";
  return {
    key: `${left?.span.spanId ?? ""}:${right?.span.spanId ?? ""}`,
    depth,
    ...(left && { left }),
    ...(right && { right }),
    kind,
    changes,
    delta: minus(right?.total, left?.total),
    ownDelta: minus(right?.own, left?.own),
    below: 0,
  };
}

function isError({ status }: SpanRow): boolean {
  return status === "error";
}

export function minus(one: Figures = NOTHING, other: Figures = NOTHING): Figures {
  return {
    durationNs: one.durationNs - other.durationNs,
    tokens: one.tokens - other.tokens,
    costUsd: one.costUsd === undefined || other.costUsd === undefined ? undefined : one.costUsd - other.costUsd,
    errors: one.errors - other.errors,
  };
}

/** The rows whose own figure differs, the largest difference first, whatever its sign; last those of which nobody knows. */
export function byDifference(rows: readonly AlignedRow[], figure: Figure): AlignedRow[] {
  return rows
    .filter(({ ownDelta }) => ownDelta[figure] !== 0)
    .sort((one, other) => Math.abs(other.ownDelta[figure] ?? 0) - Math.abs(one.ownDelta[figure] ?? 0));
}

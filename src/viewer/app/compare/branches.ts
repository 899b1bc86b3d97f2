import type { SpanRow } from "../../../store/trace-store.ts";
import { isUnpriced } from "../../../store/unpriced.ts";
import type { Figures } from "./align.ts";

/** A span with what is below it. */
export interface Branch {
  readonly span: SpanRow;
  /** By start. */
  readonly children: readonly Branch[];
  /** Of the span alone; its duration is the time in which none of its children ran. */
  readonly own: Figures;
  /** Of the span and all below it; its duration is the span's. */
  readonly total: Figures;
}

type Building = { -readonly [key in keyof Branch]: Branch[key] } & { children: Building[] };

const NOTHING: Figures = { durationNs: 0, tokens: 0, costUsd: 0, errors: 0 };

/** The roots of a trace by start: spans without a parent that is there. One of a circle of parents is a root too. */
export function branches(spans: readonly SpanRow[]): Branch[] {
  const sorted = [...spans].sort((one, other) => one.startUs - other.startUs);
  const byId = new Map<string, Building>();
  for (const span of sorted) byId.set(span.spanId, { span, children: [], own: NOTHING, total: NOTHING });
  const parentOf = parents(byId);
  const roots: Building[] = [];
  for (const branch of byId.values()) (parentOf.get(branch)?.children ?? roots).push(branch);
  addUp(roots);
  return roots;
}

function parents(byId: ReadonlyMap<string, Building>): Map<Building, Building> {
  const parentOf = new Map<Building, Building>();
  const known = new Set<Building>();
  for (const branch of byId.values()) {
    const path = new Set<Building>();
    for (let each = branch; !known.has(each); ) {
      known.add(each);
      path.add(each);
      const parent = byId.get(each.span.parentSpanId ?? "");
      if (parent === undefined || path.has(parent)) break;
      parentOf.set(each, parent);
      each = parent;
    }
  }
  return parentOf;
}

/** Children before parents, without recursion: a chain may be as long as the trace. */
function addUp(roots: readonly Building[]): void {
  const order = [...roots];
  for (let index = 0; index < order.length; index++) {
    for (const child of (order[index] as Building).children) order.push(child);
  }
  for (const branch of order.reverse()) {
    const { span, children } = branch;
    const { durationNs } = span;
    const own: Figures = {
      durationNs: Math.max(0, durationNs - coveredNs(branch)),
      tokens: (span.inputTokens ?? 0) + (span.outputTokens ?? 0),
      costUsd: span.costUsd ?? (isUnpriced(span) ? undefined : 0),
      errors: span.status === "error" ? 1 : 0,
    };
    let { tokens, costUsd, errors } = own;
    for (const { total } of children) {
      tokens += total.tokens;
      costUsd = costUsd === undefined || total.costUsd === undefined ? undefined : costUsd + total.costUsd;
      errors += total.errors;
    }
    branch.own = own;
    branch.total = { durationNs, tokens, costUsd, errors };
  }
}

/** How long at least one of its children ran while it did. */
function coveredNs({ span, children }: Building): number {
  const endUs = span.startUs + span.durationNs / 1_000;
  let [coveredUs, reachedUs] = [0, span.startUs];
  for (const { span: child } of children) {
    const from = Math.max(reachedUs, child.startUs);
    const to = Math.min(endUs, child.startUs + child.durationNs / 1_000);
    if (to <= from) continue;
    coveredUs += to - from;
    reachedUs = to;
  }
  return Math.round(coveredUs * 1_000);
}

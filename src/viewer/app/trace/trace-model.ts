import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { TraceAnswer } from "../../../collector/api.ts";
import type { FindingRecord, ObservationType, ScoreRecord } from "../../../core/record.ts";
import { route } from "../router.ts";
import { type CriticalPart, criticalPath, partsByIndex } from "./critical-path.ts";
import { type Rollups, rollups } from "./rollups.ts";
import { type Gap, idleGaps, idleShare, makeScale, panned, type Scale, type Window, zoomed } from "./scale.ts";
import { nextOf, searcher } from "./search.ts";
import { keepAddress, readWindow } from "./trace-address.ts";
import { traceLoader } from "./trace-loader.ts";
import { ancestors, buildTree, collapsedBelow, positionOf, type SpanTree, startNs, visibleRows } from "./tree.ts";

/** A trace that nothing was heard of for so long is not running any more, whatever its root says. */
const SILENCE_US = 5 * 60e6;
const TICK_MS = 500;

export type View = "waterfall" | "flame-time" | "flame-cost";

/** Everything that the trace page knows and can do; what is drawn follows its signals. */
export interface TraceModel {
  readonly traceId: string;
  readonly answer: ReadonlySignal<TraceAnswer | undefined>;
  readonly error: ReadonlySignal<Error | undefined>;
  /** Spans received so far, and whether that is all. */
  readonly loading: ReadonlySignal<{ readonly spans: number; readonly isDone: boolean }>;
  readonly tree: ReadonlySignal<SpanTree>;
  readonly sums: ReadonlySignal<Rollups>;
  readonly visible: ReadonlySignal<Int32Array>;
  readonly collapsed: ReadonlySignal<ReadonlySet<string>>;
  readonly scale: ReadonlySignal<Scale>;
  readonly gaps: ReadonlySignal<readonly Gap[]>;
  readonly idle: ReadonlySignal<number>;
  readonly window: Signal<Window>;
  readonly isCompressed: Signal<boolean>;
  readonly showsCritical: Signal<boolean>;
  readonly critical: ReadonlySignal<ReadonlyMap<number, readonly CriticalPart[]> | undefined>;
  readonly view: Signal<View>;
  readonly query: Signal<string>;
  readonly matches: ReadonlySignal<readonly number[]>;
  readonly matchSet: ReadonlySignal<ReadonlySet<number>>;
  readonly errors: ReadonlySignal<readonly number[]>;
  /** The types that there are, most frequent first. */
  readonly types: ReadonlySignal<readonly ObservationType[]>;
  readonly findings: ReadonlySignal<ReadonlyMap<string, readonly FindingRecord[]>>;
  readonly scores: ReadonlySignal<ReadonlyMap<string, readonly ScoreRecord[]>>;
  /** Nanoseconds since the trace's beginning at which open spans end for now. */
  readonly nowNs: ReadonlySignal<number>;
  readonly selectedId: ReadonlySignal<string | undefined>;
  /** Of the selected span; -1 when there is none. */
  readonly selected: ReadonlySignal<number>;
  readonly pinnedId: Signal<string | undefined>;
  /** Index that the list should bring into view; a new object each time. */
  readonly reveal: ReadonlySignal<{ readonly index: number; readonly where: "nearest" | "center" } | undefined>;

  reload(): void;
  dispose(): void;
  select(index: number, options?: { readonly where?: "nearest" | "center" }): void;
  deselect(): void;
  /** To the visible row that is so many further down. */
  move(by: number): void;
  toggle(index: number, isCollapsed?: boolean): void;
  collapseTo(depth: number): void;
  nextError(step: 1 | -1): void;
  nextMatch(step: 1 | -1): void;
  zoom(factor: number, around?: number): void;
  pan(by: number): void;
  /** Shows the span's time from end to end. */
  zoomToSpan(index: number): void;
  durationOf(index: number): number;
}

export function traceModel(traceId: string): TraceModel {
  const tree = signal<SpanTree>(buildTree([]));
  const collapsed = signal<ReadonlySet<string>>(new Set());
  const { params } = route.peek();
  const window = signal<Window>(readWindow(params.get("zoom")));
  const isCompressed = signal(params.get("gaps") === "short");
  const showsCritical = signal(false);
  const view = signal<View>((params.get("view") as View | null) ?? "waterfall");
  const query = signal(params.get("find") ?? "");
  const pinnedId = signal<string | undefined>(undefined);
  const selectedId = signal<string | undefined>(params.get("span") ?? undefined);
  const reveal = signal<{ index: number; where: "nearest" | "center" } | undefined>(undefined);
  const nowUs = signal(Date.now() * 1_000);

  const { answer, error, loading, reload, stop } = traceLoader(traceId, (spans) => {
    tree.value = buildTree(spans);
    const index = selected.peek();
    if (isRevealed || index < 0) return;
    isRevealed = true;
    bring(index, "center");
  });
  const sums = computed(() => rollups(tree.value));
  const visible = computed(() => visibleRows(tree.value, collapsed.value));
  const hasOpen = computed(() => tree.value.rows.some((row) => row.unfinished));
  const nowNs = computed(() => {
    const { startUs, durationNs } = tree.value;
    if (!hasOpen.value) return durationNs;
    const since = nowUs.value - (startUs + durationNs / 1_000);
    return since >= 0 && since < SILENCE_US ? (nowUs.value - startUs) * 1_000 : durationNs;
  });
  const totalNs = computed(() => {
    const told = answer.value?.summary.durationNs ?? 0;
    return Math.max(nowNs.value, loading.value.isDone ? 0 : told);
  });
  const gaps = computed(() => idleGaps(tree.value));
  const idle = computed(() => idleShare(gaps.value, totalNs.value));
  const scale = computed(() => makeScale(totalNs.value, isCompressed.value ? gaps.value : []));
  const critical = computed(() => (showsCritical.value ? partsByIndex(criticalPath(tree.value)) : undefined));
  const search = computed(() => searcher(tree.value));
  const matches = computed(() => search.value(query.value));
  const matchSet = computed(() => new Set(matches.value));
  const errors = computed(() => {
    const failed: number[] = [];
    tree.value.rows.forEach((row, i) => row.status === "error" && failed.push(i));
    return failed;
  });
  const types = computed(() => {
    const counts = new Map<ObservationType, number>();
    for (const { type } of tree.value.rows) counts.set(type, (counts.get(type) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([type]) => type);
  });
  const findings = computed(() => bySpan(answer.value?.findings ?? []));
  const scores = computed(() => bySpan(answer.value?.scores ?? []));
  const selected = computed(() => tree.value.indexOf.get(selectedId.value ?? "") ?? -1);

  let isRevealed = false;
  const ticking = setInterval(() => {
    if (hasOpen.peek() && !document.hidden) nowUs.value = Date.now() * 1_000;
  }, TICK_MS);
  const endAddress = keepAddress(traceId, { selectedId, view, query, window, isCompressed }, (spanId) => {
    const index = tree.peek().indexOf.get(spanId);
    if (index !== undefined) select(index, { where: "center" });
    else selectedId.value = spanId;
  });

  function bring(index: number, where: "nearest" | "center"): void {
    const now = collapsed.peek();
    if (now.size > 0) {
      const hiding = [...ancestors(tree.peek(), index)]
        .map((i) => tree.peek().rows[i]!.spanId)
        .filter((id) => now.has(id));
      if (hiding.length > 0) {
        const open = new Set(now);
        for (const id of hiding) open.delete(id);
        collapsed.value = open;
      }
    }
    reveal.value = { index, where };
    if (where === "center") bringTime(index);
  }

  /** Moves the window to a span that was jumped to, where it is not within. */
  function bringTime(index: number): void {
    const { from, to } = window.peek();
    const begin = startNs(tree.peek(), index);
    const { toUnit } = scale.peek();
    const [left, right] = [toUnit(begin), toUnit(begin + durationOf(index))];
    if (right >= from && left <= to) return;
    window.value = panned(window.peek(), ((left + right) / 2 - (from + to) / 2) / (to - from));
  }

  function select(index: number, { where = "nearest" }: { readonly where?: "nearest" | "center" } = {}): void {
    const row = tree.peek().rows[index];
    if (!row) return;
    selectedId.value = row.spanId;
    isRevealed = true;
    bring(index, where);
  }

  function jump(indices: readonly number[], step: 1 | -1): void {
    const next = nextOf(indices, selected.peek(), step);
    if (next !== undefined) select(next, { where: "center" });
  }

  function durationOf(index: number): number {
    const row = tree.value.rows[index]!;
    return row.unfinished ? Math.max(row.durationNs, nowNs.value - startNs(tree.value, index)) : row.durationNs;
  }

  return {
    traceId,
    answer,
    error,
    loading,
    tree,
    sums,
    visible,
    collapsed,
    scale,
    gaps,
    idle,
    window,
    isCompressed,
    showsCritical,
    critical,
    view,
    query,
    matches,
    matchSet,
    errors,
    types,
    findings,
    scores,
    nowNs,
    selectedId,
    selected,
    pinnedId,
    reveal,
    reload,
    dispose() {
      stop();
      clearInterval(ticking);
      endAddress();
    },
    select,
    deselect() {
      selectedId.value = undefined;
    },
    move(by) {
      const shown = visible.peek();
      if (shown.length === 0) return;
      const at = positionOf(shown, selected.peek());
      const to = at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by));
      select(shown[to]!);
    },
    toggle(index, isCollapsed) {
      const { rows, end } = tree.peek();
      if (end[index] === index + 1) return;
      const { spanId } = rows[index]!;
      const now = new Set(collapsed.peek());
      if (isCollapsed ?? !now.has(spanId)) now.add(spanId);
      else now.delete(spanId);
      collapsed.value = now;
      // What is selected must not vanish with what hides it.
      const at = selected.peek();
      if (now.has(spanId) && at > index && at < end[index]!) select(index);
    },
    collapseTo(depth) {
      collapsed.value = collapsedBelow(tree.peek(), depth);
      let at = selected.peek();
      if (at < 0) return;
      for (const above of ancestors(tree.peek(), at))
        if (collapsed.peek().has(tree.peek().rows[above]!.spanId)) at = above;
      select(at);
    },
    nextError: (step) => jump(errors.peek(), step),
    nextMatch: (step) => jump(matches.peek(), step),
    zoom(factor, around) {
      const now = window.peek();
      window.value = zoomed(now, factor, around ?? (now.from + now.to) / 2);
    },
    pan(by) {
      window.value = panned(window.peek(), by);
    },
    zoomToSpan(index) {
      const from = startNs(tree.peek(), index);
      const { toUnit } = scale.peek();
      const [a, b] = [toUnit(from), toUnit(from + durationOf(index))];
      const margin = Math.max(1e-7, (b - a) * 0.05);
      window.value = { from: Math.max(0, a - margin), to: Math.min(1, b + margin) };
    },
    durationOf,
  };
}

function bySpan<T extends { readonly spanId?: string }>(records: readonly T[]): Map<string, T[]> {
  const found = new Map<string, T[]>();
  for (const record of records) {
    const key = record.spanId ?? "";
    found.set(key, [...(found.get(key) ?? []), record]);
  }
  return found;
}

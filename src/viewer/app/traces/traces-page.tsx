import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { TraceSummary } from "../../../store/trace-store.ts";
import { api, project } from "../api.ts";
import { isLive } from "../live.ts";
import { Button, Empty, ErrorState, type RowsHandle, VirtualRows } from "../parts/index.ts";
import { navigate, route } from "../router.ts";
import { FilterBar } from "./filter-bar.tsx";
import { type Filters, NO_FILTERS, readFilters, traceQuery, type ValueField, writeFilters } from "./filters.ts";
import { FirstTrace } from "./first-trace.tsx";
import { useKeys } from "./keys.ts";
import { type TraceList, traceList } from "./trace-list.ts";
import { TraceRow } from "./trace-row.tsx";
import { useTail } from "./use-tail.ts";
import "./traces.css";

const ROW = 36;
const STACKED_ROW = 76;
const HEADER = 32;
const NARROW = "(max-width: 720px)";
const PICKS = 2;

/** All traces, newest first, and everything that narrows them. Its state is the address. */
export function TracesPage() {
  const query = route.value.params.toString();
  const filters = useMemo(() => readFilters(new URLSearchParams(query)), [query]);
  const list = useMemo(() => traceList((asked, signal) => api.traces(asked, { signal })), []);
  const menu = useSignal(false);
  const isFollowing = useSignal(true);
  const rows = useRef<RowsHandle>(null);
  const ask = () => traceQuery(filters, Date.now() * 1_000);
  const change = (next: Filters) => navigate("/traces", Object.fromEntries(writeFilters(next)));

  useEffect(() => {
    list.reset(ask());
  }, [query, project.value]);
  useEffect(() => list.stop, []);
  useTail(["changed", "reading"], () => {
    const isAtTop = (rows.current?.element.scrollTop ?? 0) < ROW / 2;
    void list.refresh(ask(), isFollowing.peek() && isAtTop);
  });

  return (
    <div class="page-traces">
      <h1 class="visually-hidden">Traces</h1>
      <FilterBar filters={filters} onChange={change} open={menu}>
        <LiveButton isFollowing={isFollowing} list={list} />
      </FilterBar>
      <List list={list} filters={filters} onChange={change} menu={menu} rows={rows} />
    </div>
  );
}

function LiveButton({ isFollowing, list }: { isFollowing: Signal<boolean>; list: TraceList }) {
  const isOn = isFollowing.value && isLive.value;
  const tip = !isLive.value
    ? "The server tells of no changes at the moment"
    : isOn
      ? "New traces appear at the top"
      : "New traces wait until they are asked for";
  return (
    <button
      type="button"
      class={isOn ? "button live on" : "button live"}
      aria-pressed={isFollowing.value}
      data-tip={tip}
      onClick={() => {
        isFollowing.value = !isFollowing.value;
        if (isFollowing.value) list.showWaiting();
      }}
    >
      <span class={isOn ? "dot open" : "dot"} />
      Live
    </button>
  );
}

interface ListProps {
  list: TraceList;
  filters: Filters;
  onChange: (filters: Filters) => void;
  menu: Signal<boolean>;
  rows: { current: RowsHandle | null };
}

function List({ list, filters, onChange, menu, rows }: ListProps) {
  const { items, next, loading, error } = list.state.value;
  const active = useSignal<string | undefined>(undefined);
  const picked = useSignal<readonly TraceSummary[]>([]);
  const isNarrow = useMedia(NARROW);
  const at = items.findIndex(({ traceId }) => traceId === active.value);
  const longestNs = useMemo(() => items.reduce((most, { durationNs }) => Math.max(most, durationNs), 0), [items]);

  // Keys may come faster than the page is drawn.
  const position = () => items.findIndex(({ traceId }) => traceId === active.peek());
  const move = (to: number) => {
    const index = Math.max(0, Math.min(items.length - 1, to));
    active.value = items[index]?.traceId;
    rows.current?.scrollTo(index);
    rows.current?.element.focus({ preventScroll: true });
    if (index > items.length - 10) list.more();
  };
  const pick = (trace: TraceSummary | undefined) => {
    if (trace === undefined) return;
    const others = picked.peek().filter(({ traceId }) => traceId !== trace.traceId);
    // The one that was picked first makes room.
    picked.value = others.length < picked.peek().length ? others : [...others, trace].slice(-PICKS);
  };
  const compare = () => {
    const [one, other] = [...picked.peek()].sort((a, b) => a.startUs - b.startUs);
    if (one && other) navigate(`/compare/${one.traceId}/${other.traceId}`);
  };
  const open = () => {
    const trace = items[position()];
    if (trace) navigate(`/trace/${encodeURIComponent(trace.traceId)}`);
  };
  useKeys({
    j: () => move(position() + 1),
    k: () => move(position() - 1),
    ArrowDown: () => move(position() + 1),
    ArrowUp: () => move(position() - 1),
    Home: () => move(0),
    End: () => move(items.length - 1),
    Enter: open,
    o: open,
    x: () => pick(items[position()]),
    " ": () => pick(items[position()]),
    c: compare,
    "/": () => document.getElementById("trace-search")?.focus(),
    f: () => {
      menu.value = true;
    },
    Escape: () => {
      if (picked.value.length > 0) picked.value = [];
      else active.value = undefined;
    },
  });

  if (items.length === 0) {
    if (error) return <ErrorState error={error} onRetry={list.retry} />;
    if (loading !== undefined) return <Skeleton />;
    const isPlain = writeFilters(filters).toString() === "";
    return isPlain ? <FirstTrace /> : <NoneFits filters={filters} onChange={onChange} />;
  }

  const filterBy = (field: ValueField, value: string) =>
    onChange({ ...filters, values: { ...filters.values, [field]: value } });
  const hasEnd = next !== undefined || error !== undefined;
  return (
    <div class={loading === "first" ? "trace-list stale" : "trace-list"}>
      <VirtualRows
        class="trace-table"
        count={items.length + (hasEnd ? 1 : 0)}
        rowHeight={isNarrow ? STACKED_ROW : ROW}
        headerHeight={isNarrow ? 0 : HEADER}
        header={<Header />}
        handle={rows}
        attributes={{
          role: "grid",
          tabIndex: 0,
          "aria-label": "Traces",
          "aria-rowcount": next === undefined ? items.length + 1 : -1,
          "aria-busy": loading !== undefined,
          ...(at >= 0 && { "aria-activedescendant": `trace-${at}` }),
        }}
        onRange={(_, last) => {
          if (last >= items.length - 5) list.more();
        }}
        row={(index) => {
          const trace = items[index];
          if (trace === undefined) return <End error={error} onRetry={list.retry} />;
          return (
            <TraceRow
              trace={trace}
              index={index}
              isActive={index === at}
              isPicked={picked.value.some(({ traceId }) => traceId === trace.traceId)}
              longestNs={longestNs}
              onPick={() => pick(trace)}
              onFilter={filterBy}
            />
          );
        }}
      />
      <Waiting list={list} rows={rows} />
      {picked.value.length > 0 && (
        <div class="pick-bar" role="status">
          <span>{picked.value.length === 1 ? "Pick another trace to compare with" : "Two traces picked"}</span>
          <Button look="primary" icon="diff" disabled={picked.value.length < PICKS} onClick={compare}>
            Compare
          </Button>
          <Button
            look="quiet"
            icon="close"
            label="Pick none"
            onClick={() => {
              picked.value = [];
            }}
          />
        </div>
      )}
    </div>
  );
}

function Waiting({ list, rows }: { list: TraceList; rows: ListProps["rows"] }) {
  const count = list.waiting.value;
  if (count === 0) return null;
  const show = () => {
    list.showWaiting();
    rows.current?.scrollTo(0);
  };
  return (
    <button type="button" class="waiting-pill" onClick={show}>
      ↑ {count >= 50 ? "50+" : count} new
    </button>
  );
}

const COLUMNS = [
  ["c-pick", ""],
  ["c-time", "Time"],
  ["c-name", "Name"],
  ["c-input", "Input"],
  ["c-duration num", "Duration"],
  ["c-tokens num", "Tokens"],
  ["c-cost num", "Cost"],
  ["c-model", "Model"],
  ["c-user", "User"],
  ["c-session", "Session"],
  ["c-feature", "Feature, team"],
] as const;

function Header() {
  return (
    <div class="trace-row trace-head" role="row" aria-rowindex={1}>
      {COLUMNS.map(([name, label]) => (
        <div key={name} class={name} role="columnheader">
          {label ? <span>{label}</span> : <span class="visually-hidden">Compare</span>}
        </div>
      ))}
    </div>
  );
}

function End({ error, onRetry }: { error: Error | undefined; onRetry: () => void }) {
  if (error === undefined) return <div class="trace-end faint">Loading more…</div>;
  return (
    <div class="trace-end" role="alert">
      <span class="ellipsis">{error.message}</span>
      <Button icon="refresh" onClick={onRetry}>
        Try again
      </Button>
    </div>
  );
}

function NoneFits({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const { range, ...others } = filters;
  const isNarrowed = writeFilters({ ...others, range: {} }).toString() !== "";
  const isTimed = range.last !== undefined || range.fromUs !== undefined || range.toUs !== undefined;
  return (
    <Empty
      icon="filter"
      title="No trace fits"
      actions={
        <>
          {isTimed && <Button onClick={() => onChange({ ...filters, range: {} })}>Look at all time</Button>}
          {isNarrowed && <Button onClick={() => onChange({ ...NO_FILTERS, range })}>Clear all filters</Button>}
        </>
      }
    >
      {filters.text !== undefined
        ? "Text is looked for as whole words, all of them within one span."
        : "Filters must all hold; those on spans hold when one span of the trace fulfils them."}
    </Empty>
  );
}

function Skeleton() {
  return (
    <div class="trace-skeleton" role="status">
      <span class="visually-hidden">Loading traces…</span>
      {Array.from({ length: 14 }, (_, index) => (
        <div key={index} class="skeleton-row">
          <div class="skeleton" />
          <div class="skeleton" />
          <div class="skeleton" />
          <div class="skeleton" />
        </div>
      ))}
    </div>
  );
}

function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const matches = useSignal(media.matches);
  useEffect(() => {
    const changed = () => {
      matches.value = media.matches;
    };
    media.addEventListener("change", changed);
    return () => media.removeEventListener("change", changed);
  }, [media]);
  return matches.value;
}

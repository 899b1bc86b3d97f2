import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { project } from "../api.ts";
import { Button, ErrorState, Loading, type RowsHandle, VirtualRows } from "../parts/index.ts";
import { href, route, setParams } from "../router.ts";
import { useKeys } from "../traces/keys.ts";
import { useData } from "../use-data.ts";
import { type AlignedRow, align, byDifference, type Figure } from "./align.ts";
import { CompareHead } from "./compare-head.tsx";
import { CompareRow } from "./compare-row.tsx";
import { loadTrace } from "./load-trace.ts";
import { PairPanel } from "./pair-panel.tsx";
import { Picker } from "./picker.tsx";
import { pathOf, readSides } from "./sides.ts";
import "./compare.css";

const ROW = 30;
const HEADER = 30;

/** `#/compare/<a>/<b>`: two traces side by side. A side that is missing is picked here. */
export function ComparePage() {
  const [left, right] = readSides(route.value.parts);
  return (
    <div class="page-compare">
      <h1 class="visually-hidden">Compare two traces</h1>
      {left === undefined || right === undefined ? (
        <Picker key={`${left} ${right}`} left={left} right={right} />
      ) : (
        <Both key={`${left} ${right}`} left={left} right={right} />
      )}
    </div>
  );
}

function Both({ left, right }: { left: string; right: string }) {
  const a = useData(`${project.value} ${left}`, (signal) => loadTrace(left, signal));
  const b = useData(`${project.value} ${right}`, (signal) => loadTrace(right, signal));
  const [one, other] = [a.state.value, b.state.value];
  const rows = useMemo(
    () => (one.value && other.value ? align(one.value.spans, other.value.spans) : undefined),
    [one.value, other.value],
  );
  const error = one.error ?? other.error;
  return (
    <>
      <CompareHead
        left={{ traceId: left, loaded: one.value, error: one.error, change: href(pathOf(undefined, right)) }}
        right={{ traceId: right, loaded: other.value, error: other.error, change: href(pathOf(left, undefined)) }}
      />
      {error ? (
        <ErrorState
          error={error}
          onRetry={() => {
            a.reload();
            b.reload();
          }}
        />
      ) : rows === undefined ? (
        <Loading what="Aligning" />
      ) : (
        <Table rows={rows} left={left} right={right} isCut={one.value?.isCut || other.value?.isCut || false} />
      )}
    </>
  );
}

type Order = "tree" | Figure;

const ORDERS: readonly (readonly [Order, string])[] = [
  ["tree", "Tree"],
  ["durationNs", "Time"],
  ["costUsd", "Cost"],
  ["tokens", "Tokens"],
  ["errors", "Errors"],
];

interface TableProps {
  rows: readonly AlignedRow[];
  left: string;
  right: string;
  isCut: boolean;
}

function Table({ rows, left, right, isCut }: TableProps) {
  const params = route.value.params;
  const order = ORDERS.find(([id]) => id === params.get("sort"))?.[0] ?? "tree";
  const isShort = params.get("only") === "changes";
  const selected = params.get("pair") ?? undefined;
  const handle = useRef<RowsHandle>(null);
  const table = useRef<HTMLDivElement>(null);
  const active = useSignal(-1);
  const shown = useMemo(() => {
    const sorted = order === "tree" ? rows : byDifference(rows, order);
    return isShort && order === "tree" ? withChanges(sorted) : sorted;
  }, [rows, order, isShort]);
  const most = useMemo(() => {
    const figures = shown.map((row) => Math.abs((order === "tree" ? row.delta : row.ownDelta).durationNs));
    return figures.reduce((largest, each) => Math.max(largest, each), 0);
  }, [shown, order]);
  const at = selected === undefined ? active.value : shown.findIndex(({ key }) => key === selected);
  const row = selected === undefined ? undefined : rows.find(({ key }) => key === selected);
  const counts = useMemo(() => {
    const count = (kind: AlignedRow["kind"]) => rows.filter((each) => each.kind === kind).length;
    return { changed: count("changed"), removed: count("removed"), added: count("added"), same: count("same") };
  }, [rows]);

  // Keys may come faster than the page is drawn.
  const position = () => {
    const pair = route.peek().params.get("pair");
    return pair === null ? active.peek() : shown.findIndex(({ key }) => key === pair);
  };
  const move = (to: number) => {
    const index = Math.max(0, Math.min(shown.length - 1, to));
    active.value = index;
    if (route.peek().params.has("pair")) setParams({ pair: shown[index]?.key });
    handle.current?.scrollTo(index);
    handle.current?.element.focus({ preventScroll: true });
  };
  const open = () => setParams({ pair: shown[position()]?.key });
  const close = () => {
    active.value = position();
    setParams({ pair: undefined });
    table.current?.querySelector<HTMLElement>(".rows")?.focus();
  };
  useKeys({
    j: () => move(position() + 1),
    k: () => move(position() - 1),
    ArrowDown: () => move(position() + 1),
    ArrowUp: () => move(position() - 1),
    Enter: open,
    o: open,
    Escape: close,
    n: () => {
      const next = shown.findIndex(({ kind }, index) => index > position() && kind !== "same");
      if (next >= 0) move(next);
    },
  });

  return (
    <div class={row ? "compare-body split" : "compare-body"}>
      <div class="compare-tools">
        <div class="segments" role="group" aria-label="Order">
          {ORDERS.map(([id, label]) => (
            <button
              type="button"
              key={id}
              class="segment"
              aria-pressed={id === order}
              data-tip={
                id === "tree" ? "As the spans are nested" : `Largest difference of ${label.toLowerCase()} first`
              }
              onClick={() => setParams({ sort: id === "tree" ? undefined : id })}
            >
              {label}
            </button>
          ))}
        </div>
        {order === "tree" && (
          <button
            type="button"
            class="button"
            aria-pressed={isShort}
            onClick={() => setParams({ only: isShort ? undefined : "changes" })}
          >
            Only changes
          </button>
        )}
        <span class="faint compare-counts">
          {counts.same + counts.changed} in both, {counts.changed} changed, {counts.removed} only in A, {counts.added}{" "}
          only in B{isCut && " · only the first 20,000 spans"}
        </span>
        <span class="grow" />
        <Button icon="diff" look="quiet" href={href(pathOf(right, left))}>
          Swap
        </Button>
      </div>
      <div class="compare-table" ref={table}>
        {shown.length === 0 ? (
          <p class="faint pair-none">
            {order === "tree" ? "Nothing has changed." : "There is no difference of this kind."}
          </p>
        ) : (
          <VirtualRows
            count={shown.length}
            rowHeight={ROW}
            headerHeight={HEADER}
            header={<Header isOwn={order !== "tree"} />}
            handle={handle}
            attributes={{
              role: order === "tree" ? "treegrid" : "grid",
              tabIndex: 0,
              "aria-label": "Spans of both traces",
              "aria-rowcount": shown.length + 1,
              ...(at >= 0 && { "aria-activedescendant": `compare-${at}` }),
            }}
            row={(index) => {
              const each = shown[index] as AlignedRow;
              return (
                <CompareRow
                  row={each}
                  index={index}
                  isActive={index === at}
                  isOwn={order !== "tree"}
                  most={most}
                  onSelect={() => setParams({ pair: each.key === selected ? undefined : each.key })}
                />
              );
            }}
          />
        )}
      </div>
      {row && <PairPanel key={row.key} row={row} leftId={left} rightId={right} onClose={close} />}
    </div>
  );
}

function Header({ isOwn }: { isOwn: boolean }) {
  return (
    <div class="compare-row compare-row-head" role="row" aria-rowindex={1}>
      <div class="k-sign" role="columnheader">
        <span class="visually-hidden">Kind</span>
      </div>
      <div class="k-name" role="columnheader">
        Span
      </div>
      <div class="k-a num" role="columnheader">
        A
      </div>
      <div class="k-b num" role="columnheader">
        B
      </div>
      <div class="k-delta" role="columnheader" data-tip={isOwn ? "Without its children" : "With its children"}>
        <span class="num delta-cell">Time</span>
      </div>
      <div class="k-tokens num" role="columnheader">
        Tokens
      </div>
      <div class="k-cost num" role="columnheader">
        Cost
      </div>
      <div class="k-errors num" role="columnheader">
        Errors
      </div>
    </div>
  );
}

/** Rows that have changed, and those above them. */
function withChanges(rows: readonly AlignedRow[]): AlignedRow[] {
  // Of the rows from the end on: whether a change is below one that is not so deep.
  const kept: AlignedRow[] = [];
  let needed = -1;
  for (const row of [...rows].reverse()) {
    if (row.kind === "same" && row.depth >= needed) continue;
    kept.push(row);
    needed = row.depth;
  }
  return kept.reverse();
}

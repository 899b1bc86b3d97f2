import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { duration, plural, tokens, usd } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Icon } from "../parts/icon.tsx";
import { type RowsHandle, VirtualRows } from "../parts/virtual-rows.tsx";
import { Minimap } from "./minimap.tsx";
import { ticks, WHOLE } from "./scale.ts";
import type { TraceModel } from "./trace-model.ts";
import { positionOf, startNs } from "./tree.ts";

const ROW = 26;
const STACKED_ROW = 40;
const INDENT = 14;
/** Deeper spans are not moved in further: the name would have no room. */
const DEEPEST = 16;
const LEAST_BAR = 2;
const LABEL = 64;
const TOKENS_CELL = 56;
const COST_CELL = 64;

const NAMES_KEY = "sightline.names";
const names = signal(stored(NAMES_KEY, 400));
/** Pixels that the bars have. */
const barsWidth = signal(600);
const scrollbar = signal(0);

/** The tree of spans beside the times at which they ran. */
export function Waterfall({ model, isNarrow }: { model: TraceModel; isNarrow: boolean }) {
  const handle = useRef<RowsHandle>(null);
  const axis = useRef<HTMLDivElement>(null);
  const visible = model.visible.value;
  const revealed = model.reveal.value;

  useLayoutEffect(() => {
    const measure = () => {
      barsWidth.value = Math.max(1, axis.current!.clientWidth);
      const { offsetWidth, clientWidth } = handle.current!.element;
      scrollbar.value = offsetWidth - clientWidth;
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(axis.current!);
    observer.observe(handle.current!.element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!revealed) return;
    const at = positionOf(model.visible.peek(), revealed.index);
    if (at >= 0) handle.current?.scrollTo(at, revealed.where);
  }, [revealed]);

  const onWheel = (event: WheelEvent) => {
    // With a key it zooms at the pointer, sideways it pans; alone it scrolls, as everywhere.
    const box = axis.current!.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const { from, to } = model.window.peek();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      model.zoom(1.0025 ** event.deltaY, from + share * (to - from));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      model.pan(event.deltaX / box.width);
    }
  };
  const selected = model.selectedId.value;
  const { hasTokens, hasCost } = model.sums.value;
  const cells = (hasTokens ? TOKENS_CELL : 0) + (hasCost ? COST_CELL : 0);
  return (
    <div
      class={isNarrow ? "waterfall narrow" : "waterfall"}
      style={{ "--names": `${names.value}px`, "--cells": `${cells}px`, "--scrollbar": `${scrollbar.value}px` }}
      onWheel={onWheel}
    >
      <div class="waterfall-head">
        <div class="waterfall-corner">
          <Corner model={model} />
          <div class="waterfall-columns">
            <span class="grow">Span</span>
            {hasTokens && <span class="cell-tokens">Tokens</span>}
            {hasCost && <span class="cell-cost">Cost</span>}
          </div>
        </div>
        {!isNarrow && <Divider />}
        <div class="waterfall-times">
          <Minimap model={model} width={barsWidth.value} />
          <div class="axis" ref={axis}>
            <Axis model={model} />
          </div>
        </div>
      </div>
      <VirtualRows
        class="waterfall-rows"
        handle={handle}
        count={visible.length}
        isUnordered
        rowHeight={isNarrow ? STACKED_ROW : ROW}
        row={(position) => <Row model={model} position={position} />}
        attributes={{
          role: "tree",
          tabIndex: 0,
          "aria-label": "Spans of the trace",
          "aria-activedescendant": selected === undefined ? undefined : `span-${selected}`,
        }}
      />
    </div>
  );
}

/** Beside the map: which colour is what, or, while a part is shown, which. */
function Corner({ model }: { model: TraceModel }) {
  const { from, to } = model.window.value;
  const scale = model.scale.value;
  if (to - from < 0.999) {
    const [begin, end] = [scale.toNs(from), scale.toNs(to)];
    return (
      <div class="corner">
        <span class="grow ellipsis">{`${duration(begin)} to ${duration(end)}, ${duration(end - begin)} in all`}</span>
        <Button look="quiet" label="Show everything (0)" onClick={() => (model.window.value = WHOLE)}>
          Reset
        </Button>
      </div>
    );
  }
  return (
    <div class="corner legend-types">
      {model.types.value.map((type) => (
        <span class={`legend-type type-${type}`} key={type}>
          <span class="dot square" />
          {type}
        </span>
      ))}
    </div>
  );
}

function Axis({ model }: { model: TraceModel }) {
  const scale = model.scale.value;
  const window = model.window.value;
  const { from, to } = window;
  const marks = ticks(scale, window, Math.max(2, Math.floor(barsWidth.value / 90)));
  return (
    <>
      {marks.map(({ at, ns }) => (
        <span class={at > 0.94 ? "tick last" : "tick"} key={ns} style={{ left: `${at * 100}%` }}>
          {duration(ns).replace(/ 00 [sm]$/, "")}
        </span>
      ))}
      {scale.gaps.map(({ fromNs, toNs }) => {
        const left = (scale.toUnit(fromNs) - from) / (to - from);
        const right = (scale.toUnit(toNs) - from) / (to - from);
        if (right < 0 || left > 1) return null;
        return (
          <span
            class="axis-gap"
            key={fromNs}
            style={{ left: `${left * 100}%`, width: `${(right - left) * 100}%` }}
            data-tip={`${duration(toNs - fromNs)} without work, drawn short`}
          />
        );
      })}
    </>
  );
}

/** Moves the border between names and bars. */
function Divider() {
  const onPointerDown = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    const [x, width] = [event.clientX, names.peek()];
    bar.setPointerCapture(event.pointerId);
    const move = ({ clientX }: PointerEvent) => set(width + clientX - x);
    const up = () => {
      bar.removeEventListener("pointermove", move);
      bar.removeEventListener("pointerup", up);
    };
    bar.addEventListener("pointermove", move);
    bar.addEventListener("pointerup", up);
  };
  const set = (width: number) => {
    names.value = Math.min(900, Math.max(160, width));
    localStorage.setItem(NAMES_KEY, String(names.peek()));
  };
  return (
    <div
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the names"
      aria-valuenow={names.value}
      aria-valuemin={160}
      aria-valuemax={900}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onDblClick={() => set(400)}
      onKeyDown={(event) => {
        const by = event.key === "ArrowLeft" ? -16 : event.key === "ArrowRight" ? 16 : 0;
        if (by === 0) return;
        event.preventDefault();
        event.stopPropagation();
        set(names.peek() + by);
      }}
    />
  );
}

function Row({ model, position }: { model: TraceModel; position: number }) {
  const index = model.visible.value[position];
  if (index === undefined) return null;
  const tree = model.tree.value;
  const sums = model.sums.value;
  const row = tree.rows[index]!;
  const { spanId } = row;
  const level = tree.depth[index]!;
  const below = tree.end[index]! - index - 1;
  const isCollapsed = below > 0 && model.collapsed.value.has(spanId);
  const isSelected = model.selectedId.value === spanId;
  const failed = row.status === "error";
  const hiddenErrors = isCollapsed ? sums.errors[index]! - (failed ? 1 : 0) : 0;
  const found = model.findings.value.get(spanId);
  const isMatch = model.query.value !== "" && model.matchSet.value.has(index);
  const isDimmed = model.query.value !== "" && !isMatch;
  // With what is hidden, where something is; otherwise its own, so that a column never counts twice.
  const cost = isCollapsed ? sums.costUsd[index]! : (row.costUsd ?? 0);
  const used = isCollapsed ? sums.tokens[index]! : (row.inputTokens ?? 0) + (row.outputTokens ?? 0);
  const isBelow = !isCollapsed && below > 0;
  const subtreeCost = isBelow ? sums.costUsd[index]! : 0;
  const subtreeTokens = isBelow ? sums.tokens[index]! : 0;
  const classes = [
    "span-row",
    `type-${row.type}`,
    isSelected && "selected",
    failed && "failed",
    isDimmed && "dimmed",
    model.pinnedId.value === spanId && "pinned",
  ];
  return (
    <div
      class={classes.filter(Boolean).join(" ")}
      id={`span-${spanId}`}
      role="treeitem"
      aria-level={level + 1}
      aria-expanded={below > 0 ? !isCollapsed : undefined}
      aria-selected={isSelected}
      aria-description={failed ? `${row.type}, failed` : row.type}
      onClick={() => model.select(index)}
      onDblClick={() => model.zoomToSpan(index)}
    >
      <div class="span-name">
        {level > 0 && <span class="indent" style={{ width: `${Math.min(level, DEEPEST) * INDENT}px` }} />}
        {below > 0 ? (
          <span
            class={isCollapsed ? "twisty folded" : "twisty open"}
            onClick={(event) => {
              event.stopPropagation();
              if (event.altKey) model.collapseTo(isCollapsed ? Number.POSITIVE_INFINITY : level);
              else model.toggle(index);
            }}
          />
        ) : (
          <span class="twisty" />
        )}
        <span class="dot square" />
        <span class={isMatch ? "span-label match" : "span-label"}>{row.name || "(no name)"}</span>
        {isCollapsed && <span class="span-count">{below}</span>}
        {failed && (
          <span class="span-mark error" data-tip={row.errorMessage ?? row.errorType ?? "failed"}>
            <Icon name="error" size={13} />
            {row.httpStatus}
          </span>
        )}
        {hiddenErrors > 0 && <span class="span-mark error">{plural(hiddenErrors, "error")}</span>}
        {found && (
          <span class={`span-mark ${worst(found)}`} data-tip={found.map(({ message }) => message).join("\n")}>
            <span class="finding-mark" />
          </span>
        )}
        {row.model !== undefined && !row.name.includes(family(row.model)) && (
          <span class="span-model">{row.model}</span>
        )}
      </div>
      {sums.hasTokens && (
        <span class={subtreeTokens > 0 ? "cell-tokens sum" : "cell-tokens"}>
          {used > 0 || subtreeTokens > 0 ? tokens(subtreeTokens || used) : ""}
        </span>
      )}
      {sums.hasCost && (
        <span class={subtreeCost > 0 ? "cell-cost sum" : "cell-cost"}>
          {cost > 0 || subtreeCost > 0 ? usd(subtreeCost || cost) : ""}
        </span>
      )}
      <Bar model={model} index={index} />
    </div>
  );
}

function Bar({ model, index }: { model: TraceModel; index: number }) {
  const row = model.tree.value.rows[index]!;
  const scale = model.scale.value;
  const { from, to } = model.window.value;
  const width = barsWidth.value;
  const begin = startNs(model.tree.value, index);
  const length = model.durationOf(index);
  const x = (ns: number) => ((scale.toUnit(ns) - from) / (to - from)) * width;
  const end = x(begin + length);
  // At the very end of the axis there is room for it too.
  const left = end <= width + 0.5 ? Math.min(x(begin), width - LEAST_BAR) : x(begin);
  const right = Math.max(end, left + LEAST_BAR);
  const told = duration(length);
  if (right < 0) return <div class="span-bars off-left" />;
  if (left > width) return <div class="span-bars off-right" />;
  const [a, b] = [Math.max(left, 0), Math.min(right, width)];
  const isCause = model.sums.value.errors[index] === 1;
  const looks = row.unfinished
    ? "span-bar open"
    : row.status !== "error"
      ? "span-bar"
      : isCause
        ? "span-bar failed"
        : "span-bar failed passed";
  const first = row.firstChunkNs === undefined ? undefined : x(begin + row.firstChunkNs);
  const wait = first !== undefined && first > a && first < b ? `${round(first - a)}px` : undefined;
  const room = width - b > LABEL ? "after" : a > LABEL ? "before" : "inside";
  return (
    <div class="span-bars">
      <div
        class={wait === undefined ? looks : `${looks} waited`}
        style={{ left: `${round(a)}px`, width: `${round(b - a)}px`, "--wait": wait }}
      >
        <span class={`span-bar-label ${room}`}>{told}</span>
      </div>
      {model.critical.value?.get(index)?.map((part) => {
        const [start, stop] = [Math.max(x(part.fromNs), 0), Math.min(x(part.toNs), width)];
        if (stop <= start) return null;
        return (
          <div
            class="span-bar-critical"
            key={part.fromNs}
            style={{ left: `${start}px`, width: `${Math.max(1, stop - start)}px` }}
          />
        );
      })}
    </div>
  );
}

/** To a quarter of a pixel: finer is not seen, and takes longer to write and to read. */
function round(pixels: number): number {
  return Math.round(pixels * 4) / 4;
}

/** Without the date of its version: `gpt-4.1-2025-04-14` → `gpt-4.1`. */
function family(model: string): string {
  return model.replace(/-\d{4}-?\d{2}-?\d{2}$/, "");
}

function worst(found: readonly { readonly severity: string }[]): string {
  for (const severity of ["error", "warning"]) if (found.some((one) => one.severity === severity)) return severity;
  return "info";
}

function stored(key: string, otherwise: number): number {
  const value = Number(globalThis.localStorage?.getItem(key));
  return value > 0 ? value : otherwise;
}

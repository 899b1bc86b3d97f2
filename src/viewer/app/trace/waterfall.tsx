import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { duration } from "../format.ts";
import { Button } from "../parts/button.tsx";
import { Divider, keptWidth } from "../parts/divider.tsx";
import { type RowsHandle, VirtualRows } from "../parts/virtual-rows.tsx";
import { Axis } from "./axis.tsx";
import { Minimap } from "./minimap.tsx";
import { WHOLE } from "./scale.ts";
import { SpanRow } from "./span-row.tsx";
import type { TraceModel } from "./trace-model.ts";
import { positionOf } from "./tree.ts";

const ROW = 26;
const STACKED_ROW = 40;
const TOKENS_CELL = 56;
const COST_CELL = 64;

const NAMES_KEY = "sightline.names";
const NAMES_WIDTH = 400;
const names = signal(keptWidth(NAMES_KEY, NAMES_WIDTH));
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
        {!isNarrow && (
          <Divider
            label="Width of the names"
            width={names}
            storageKey={NAMES_KEY}
            usual={NAMES_WIDTH}
            least={160}
            most={() => 900}
          />
        )}
        <div class="waterfall-times">
          <Minimap model={model} width={barsWidth.value} />
          <div class="axis" ref={axis}>
            <Axis model={model} width={barsWidth.value} />
          </div>
        </div>
      </div>
      <VirtualRows
        class="waterfall-rows"
        handle={handle}
        count={visible.length}
        isUnordered
        rowHeight={isNarrow ? STACKED_ROW : ROW}
        row={(position) => <SpanRow model={model} position={position} width={barsWidth} />}
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

import type { ReadonlySignal } from "@preact/signals";
import { duration } from "../format.ts";
import type { TraceModel } from "./trace-model.ts";
import { startNs } from "./tree.ts";

const LEAST_BAR = 2;
const LABEL = 64;

interface SpanBarProps {
  model: TraceModel;
  index: number;
  /** Pixels that the bars have. */
  width: ReadonlySignal<number>;
}

/** When a span ran; with what it waited for, its first chunk, and its part of the critical path. */
export function SpanBar({ model, index, width: { value: width } }: SpanBarProps) {
  const row = model.tree.value.rows[index]!;
  const scale = model.scale.value;
  const { from, to } = model.window.value;
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
        class={`${looks} type-${row.type}${wait === undefined ? "" : " waited"}`}
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

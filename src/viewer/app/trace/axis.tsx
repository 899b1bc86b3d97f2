import { duration } from "../format.ts";
import { ticks } from "./scale.ts";
import type { TraceModel } from "./trace-model.ts";

/** Pixels that a time takes, and what is between it and the next. */
const TICK = 90;

/** The times under the map, and where idle ones are drawn short. `width` in pixels. */
export function Axis({ model, width }: { model: TraceModel; width: number }) {
  const scale = model.scale.value;
  const window = model.window.value;
  const { from, to } = window;
  const marks = ticks(scale, window, Math.max(2, Math.floor(width / TICK)));
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

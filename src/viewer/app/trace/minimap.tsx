import { useEffect, useRef } from "preact/hooks";
import { OBSERVATION_TYPES } from "../../../core/record.ts";
import { themeChanges, tokenColor } from "../theme.ts";
import { FAILED, FIRST_TYPE, minimapCells, NOTHING } from "./minimap.ts";
import { WHOLE } from "./scale.ts";
import type { TraceModel } from "./trace-model.ts";

const HEIGHT = 40;
const LANE = 2;
const TALLEST = 6;
/** A drag shorter than this is a click. Pixels. */
const CLICK = 4;

/** The whole trace in a strip. Dragging across it chooses the window, dragging the window moves it, the wheel zooms. */
export function Minimap({ model, width }: { model: TraceModel; width: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tree = model.tree.value;
  const scale = model.scale.value;
  const nowNs = model.nowNs.value;
  const colours = themeChanges.value;

  useEffect(() => {
    const columns = Math.max(1, Math.floor(width));
    const lanes = HEIGHT / LANE;
    const cells = minimapCells(tree, scale, columns, lanes, nowNs);
    const box = canvas.current!;
    box.width = columns;
    box.height = HEIGHT;
    const image = box.getContext("2d")!.createImageData(columns, HEIGHT);
    const pixels = new Uint32Array(image.data.buffer);
    const palette = new Uint32Array(FIRST_TYPE + OBSERVATION_TYPES.length);
    palette[FAILED] = abgr("--error-fill", 255);
    OBSERVATION_TYPES.forEach(
      (type, i) => (palette[FIRST_TYPE + i] = abgr(`--type-${type}`, type === "span" ? 130 : 215)),
    );
    // Few spans get wider lanes, with space between them.
    const used = Math.min(lanes, Math.max(1, tree.rows.length));
    const tall = Math.min(TALLEST, Math.max(1, Math.floor(HEIGHT / used)));
    for (let y = 0; y < HEIGHT; y++) {
      const lane = Math.floor(y / tall);
      if (lane >= used || (tall > 2 && y % tall === tall - 1)) continue;
      for (let x = 0; x < columns; x++) {
        const cell = cells[lane * columns + x]!;
        if (cell !== NOTHING) pixels[y * columns + x] = palette[cell]!;
      }
    }
    box.getContext("2d")!.putImageData(image, 0, 0);
  }, [tree, scale, nowNs, width, colours]);

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const box = event.currentTarget as HTMLElement;
    const { left, width } = box.getBoundingClientRect();
    const place = (x: number) => Math.min(1, Math.max(0, (x - left) / width));
    const first = place(event.clientX);
    const before = model.window.peek();
    const isZoomed = before.to - before.from < 0.999;
    const moves = isZoomed && first > before.from && first < before.to && !event.shiftKey;
    box.setPointerCapture(event.pointerId);
    const move = ({ clientX }: PointerEvent) => {
      if (Math.abs(clientX - event.clientX) < CLICK) return;
      const now = place(clientX);
      if (moves) {
        const size = before.to - before.from;
        const from = Math.min(1 - size, Math.max(0, before.from + now - first));
        model.window.value = { from, to: from + size };
      } else model.window.value = { from: Math.min(first, now), to: Math.max(first, now) };
    };
    const up = () => {
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerup", up);
      box.removeEventListener("pointercancel", up);
    };
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerup", up);
    box.addEventListener("pointercancel", up);
  };
  const onWheel = (event: WheelEvent) => {
    event.preventDefault();
    const { left, width } = (event.currentTarget as HTMLElement).getBoundingClientRect();
    model.zoom(1.0015 ** event.deltaY, (event.clientX - left) / width);
  };
  const { from, to } = model.window.value;
  return (
    <div
      class="minimap"
      onPointerDown={onPointerDown}
      onWheel={onWheel}
      onDblClick={() => (model.window.value = WHOLE)}
      role="img"
      aria-label="The whole trace. Drag to zoom into a part of it, double-click for all."
    >
      <canvas ref={canvas} />
      <div class="minimap-veil" style={{ width: `${from * 100}%` }} />
      <div class="minimap-veil right" style={{ width: `${(1 - to) * 100}%` }} />
      {to - from < 0.999 && (
        <div class="minimap-window" style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }} />
      )}
    </div>
  );
}

/** A token as a pixel of little-endian RGBA. */
function abgr(token: string, alpha: number): number {
  const [r = 0, g = 0, b = 0] =
    tokenColor(token)
      .match(/[\d.]+/g)
      ?.map(Number) ?? [];
  return ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
}

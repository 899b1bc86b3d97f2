import type uPlot from "uplot";
import { tokenColor } from "../theme.ts";
import { dayText, timeText } from "../traces/time-text.ts";

/** uPlot is loaded with the first chart: no other page needs it. */
export const loadPlot: () => Promise<typeof uPlot> = once(async () => (await import("uplot")).default);

export interface PlotLine {
  readonly label: string;
  readonly color: string;
  readonly points: readonly (number | null)[];
  /** Filled down to the line below. */
  readonly isArea?: boolean;
  readonly isDashed?: boolean;
}

export interface PlotOptions {
  readonly width: number;
  readonly height: number;
  readonly times: readonly number[];
  readonly lines: readonly PlotLine[];
  readonly format: (value: number) => string;
  /** The upper end of the y axis, where it is known. */
  readonly max?: number | undefined;
  onHover(index: number | undefined, left: number): void;
  /** A stretch was dragged over: epoch seconds. */
  onBrush(fromS: number, toS: number): void;
}

/** Charts of a page show the same moment. */
const SYNC = "dashboards";
/** A drag of less is a click. */
const MIN_DRAG = 6;

export function plotOptions(options: PlotOptions): uPlot.Options {
  const { width, height, times, lines, format, onHover, onBrush, max } = options;
  const bucketS = times.length > 1 ? (times[1] as number) - (times[0] as number) : 60;
  const isDays = (times.at(-1) ?? 0) - (times[0] ?? 0) > 2 * 86_400;
  const axis = { stroke: tokenColor("--text-3"), font: "11px system-ui, sans-serif", ticks: { show: false } } as const;
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: true, y: false, setScale: false, dist: MIN_DRAG },
      sync: { key: SYNC, setSeries: false },
    },
    scales: {
      x: { time: true, range: [times[0] ?? 0, (times.at(-1) ?? 1) + (lines.length > 0 ? 0 : bucketS)] },
      y: { range: (_, __, dataMax) => [0, max ?? (dataMax > 0 ? dataMax * 1.08 : 1)] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        gap: 4,
        space: 72,
        grid: { show: false },
        values: (_, splits) => splits.map((each) => tickText(each, isDays)),
      },
      {
        ...axis,
        size: 56,
        gap: 8,
        space: 36,
        grid: { stroke: tokenColor("--border"), width: 1 },
        values: (_, splits) => splits.map((each) => format(each)),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, color, isArea, isDashed }) => ({
        label,
        stroke: color,
        width: 1.5,
        ...(isArea && { fill: faded(color) }),
        ...(isDashed && { dash: [4, 3] }),
        spanGaps: false,
        points: { show: lonely, size: 4, fill: color, filter: lonelyPoints },
      })),
    ],
    // On top of one another: each fills down to the next.
    ...(lines.some(({ isArea }) => isArea) && {
      bands: lines.slice(1).map((line, index) => {
        return { series: [index + 1, index + 2] as uPlot.Band.Bounds, fill: faded(lines[index]?.color ?? line.color) };
      }),
    }),
    hooks: {
      setCursor: [(plot) => onHover(plot.cursor.idx ?? undefined, plot.cursor.left ?? -1)],
      setSelect: [
        (plot) => {
          const { left, width: dragged } = plot.select;
          if (dragged < MIN_DRAG) return;
          const from = plot.posToVal(left, "x");
          const to = plot.posToVal(left + dragged, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onBrush(from, to + bucketS);
        },
      ],
    },
  };
}

/** `14:30`; `22 Nov` at midnight, and where the stretch is of days. */
export function tickText(seconds: number, isDays: boolean): string {
  const us = seconds * 1e6;
  const time = timeText(us);
  if (time === "00:00") return dayText(us);
  return isDays ? `${dayText(us)} ${time}` : time;
}

/** A point between two gaps is on no line: it is drawn as a dot. */
const lonely = (): boolean => true;

function lonelyPoints(plot: uPlot, series: number, isShown: boolean): number[] | null {
  if (!isShown) return null;
  const points = plot.data[series] as (number | null)[];
  return points.flatMap((point, index) => {
    const isAlone = point !== null && (points[index - 1] ?? null) === null && (points[index + 1] ?? null) === null;
    return isAlone ? [index] : [];
  });
}

/** `rgb(1, 2, 3)` at a sixth. */
function faded(color: string): string {
  return color.replace(/^rgb\((.*)\)$/, "rgba($1, 0.24)");
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

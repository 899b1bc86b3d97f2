import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { themeChanges } from "../theme.ts";
import { momentText } from "../traces/time-text.ts";
import { ChartTable } from "./chart-table.tsx";
import { loadPlot, type PlotLine, plotOptions } from "./plot.ts";
import type { Line } from "./shape.ts";

export interface ChartLine extends Line {
  readonly color: string;
  readonly isDashed?: boolean;
  /** Where its points are drawn, if not at their value: on top of others. */
  readonly drawn?: readonly (number | null)[];
}

interface Props {
  title: string;
  /** What it shows, in a few words. */
  note?: string | undefined;
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number) => string;
  isStacked?: boolean;
  /** Its figures can be added up: the legend has the sums. */
  isSum?: boolean;
  max?: number | undefined;
  /** Opens the traces of a stretch. */
  onBrush: (fromS: number, toS: number) => void;
  /** A line's name was clicked. */
  onLine?: ((line: ChartLine) => void) | undefined;
  /** In the head, at its end. */
  children?: ComponentChildren;
}

const HEIGHT = 180;

/** Lines over time. Dragging over a stretch opens its traces; the same figures are in the table. */
export function Chart(props: Props) {
  const { title, note, times, lines, format, isSum, onLine, children } = props;
  const isTable = useSignal(false);
  const hovered = useSignal<number | undefined>(undefined);
  const isEmpty = lines.every(({ points }) => points.every((point) => point === null || point === 0));
  const index = hovered.value;
  const time = index === undefined ? undefined : times[index];
  // Sums can be added up, percentiles and means cannot.
  const inAll = ({ total }: ChartLine): string => (isSum ? format(total) : "");
  return (
    <figure class="card chart" aria-label={title}>
      <figcaption class="chart-head">
        <h2>{title}</h2>
        <span class="faint ellipsis">{time === undefined ? note : momentText(time * 1e6)}</span>
        <span class="grow" />
        {children}
        <button
          type="button"
          class="button quiet chart-switch"
          aria-pressed={isTable.value}
          aria-label={`${title} as a table`}
          onClick={() => {
            isTable.value = !isTable.value;
          }}
        >
          Table
        </button>
      </figcaption>
      {isTable.value ? (
        <ChartTable {...props} />
      ) : isEmpty ? (
        <div class="chart-none faint">Nothing in this time</div>
      ) : (
        <Plot {...props} hovered={hovered} />
      )}
      {!isTable.value && !isEmpty && (
        <ul class="legend" aria-label={`Lines of ${title}`}>
          {lines.map((line) => {
            const value = index === undefined ? undefined : line.points[index];
            const text =
              index === undefined ? inAll(line) : value === null || value === undefined ? "–" : format(value);
            const inside = (
              <>
                <Swatch color={line.color} isDashed={line.isDashed} />
                <span class="ellipsis">{line.label}</span>
                <span class="legend-value">{text}</span>
              </>
            );
            return (
              <li key={`${line.isOther} ${line.value} ${line.label}`}>
                {onLine && !line.isOther && line.value !== "" ? (
                  <button
                    type="button"
                    class="legend-line"
                    data-tip={`Only ${line.value}`}
                    onClick={() => onLine(line)}
                  >
                    {inside}
                  </button>
                ) : (
                  <span class="legend-line">{inside}</span>
                )}
              </li>
            );
          })}
        </ul>
      )}
    </figure>
  );
}

export function Swatch({ color, isDashed }: { color: string; isDashed?: boolean | undefined }) {
  return <span class={isDashed ? "swatch dashed" : "swatch"} style={{ color }} aria-hidden="true" />;
}

function Plot({
  times,
  lines,
  format,
  isStacked = false,
  max,
  onBrush,
  hovered,
}: Props & { hovered: { value: number | undefined } }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const latest = useRef({ onBrush, format });
  latest.current = { onBrush, format };
  const theme = themeChanges.value;

  useEffect(() => {
    let isGone = false;
    const element = box.current as HTMLElement;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    void loadPlot().then((UPlot) => {
      if (isGone) return;
      const drawn: PlotLine[] = lines.map(({ label, color, points, drawn: at, isDashed }) => {
        return { label, color, points: at ?? points, isArea: isStacked, ...(isDashed && { isDashed }) };
      });
      const options = plotOptions({
        width: element.clientWidth,
        height: HEIGHT,
        times,
        lines: drawn,
        format: (value) => latest.current.format(value),
        max,
        onHover: (index, left) => {
          const next = left < 0 ? undefined : index;
          if (hovered.value !== next) hovered.value = next;
        },
        onBrush: (fromS, toS) => latest.current.onBrush(fromS, toS),
      });
      plot.current = new UPlot(options, [times, ...drawn.map(({ points }) => points)] as uPlot.AlignedData, element);
      observer.observe(element);
    });
    return () => {
      isGone = true;
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
      hovered.value = undefined;
    };
  }, [times, lines, theme, isStacked, max]);

  // The table behind it says the same to those who do not see it.
  return <div class="plot" ref={box} aria-hidden="true" />;
}

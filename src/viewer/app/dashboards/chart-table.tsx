import { momentText } from "../traces/time-text.ts";
import type { ChartLine } from "./chart.tsx";

interface Props {
  title: string;
  times: readonly number[];
  lines: readonly ChartLine[];
  format: (value: number) => string;
  onBrush: (fromS: number, toS: number) => void;
}

/** A chart's figures, newest first; each opens the traces behind it. Times without any figure are left out. */
export function ChartTable({ title, times, lines, format, onBrush }: Props) {
  const bucketS = times.length > 1 ? (times[1] as number) - (times[0] as number) : 60;
  const known = times
    .map((time, index) => ({ time, index }))
    .filter(({ index }) => lines.some(({ points }) => points[index]))
    .reverse();
  return (
    <div class="chart-table" tabIndex={0} role="region" aria-label={`${title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {lines.map((line) => (
              <th scope="col" class="num" key={`${line.isOther} ${line.value} ${line.label}`}>
                {line.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {known.map(({ time, index }) => (
            <tr key={time}>
              <th scope="row">
                <button type="button" class="cell-value" onClick={() => onBrush(time, time + bucketS)}>
                  {momentText(time * 1e6)}
                </button>
              </th>
              {lines.map((line) => {
                const value = line.points[index] ?? null;
                return (
                  <td class="num" key={`${line.isOther} ${line.value} ${line.label}`}>
                    {value === null ? "–" : format(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {known.length === 0 && <p class="faint chart-none">Nothing in this time</p>}
    </div>
  );
}

import type { AggregateField, AggregateRow } from "../../../store/trace-store.ts";

/** A figure of a row: what a line of a chart shows. `undefined`: not known, the line has a gap. */
export type Measure = (row: AggregateRow) => number | undefined;

export interface Line {
  /** The group's value; `""` for what lacks the field. */
  readonly value: string;
  readonly label: string;
  readonly isOther: boolean;
  /** A figure for each of the chart's times; `null` where nothing is known. */
  readonly points: readonly (number | null)[];
  /** The sum of the points that are known. */
  readonly total: number;
}

export interface Chart {
  /** Beginnings of the buckets, epoch seconds. */
  readonly times: readonly number[];
  /** Largest total first, the rest last. */
  readonly lines: readonly Line[];
}

export interface ShapeOptions {
  readonly fromUs: number;
  readonly toUs: number;
  readonly bucketUs: number;
  /** Without it, one line. */
  readonly by?: AggregateField;
  readonly measure: Measure;
  /** What a bucket without any row has: 0 for what is counted, `null` for what is measured. */
  readonly empty: 0 | null;
  /** Lines beyond so many are added up. Only with `empty: 0`; else they are left out. Default 8. */
  readonly maxLines?: number;
}

const MAX_BUCKETS = 2_000;

/** Rows with times as the columns that uPlot draws: every bucket of the stretch has a place, also those without a row. */
export function shape(rows: readonly AggregateRow[], options: ShapeOptions): Chart {
  const { bucketUs, by, measure, empty, maxLines = 8 } = options;
  const times = bucketTimes(options.fromUs, options.toUs, bucketUs);
  const places = new Map(times.map((timeUs, index) => [timeUs, index]));
  const groups = new Map<string, { value: string; isOther: boolean; points: (number | null)[]; total: number }>();
  for (const row of rows) {
    const place = places.get(row.timeUs ?? Number.NaN);
    if (place === undefined) continue;
    const isOther = row.other === true;
    const value = by === undefined ? "" : (row.group[by] ?? "");
    const key = isOther ? "other" : `=${value}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { value, isOther, points: new Array(times.length).fill(empty), total: 0 };
      groups.set(key, group);
    }
    const figure = measure(row);
    if (figure === undefined) continue;
    group.points[place] = (group.points[place] ?? 0) + figure;
    group.total += figure;
  }
  const lines = [...groups.values()]
    .map((group) => ({ ...group, label: group.isOther ? "other" : groupLabel(by, group.value) }))
    .sort((one, other) => Number(one.isOther) - Number(other.isOther) || other.total - one.total);
  return { times: times.map((timeUs) => timeUs / 1e6), lines: cut(lines, maxLines, empty) };
}

/** What a chart calls the spans that lack the field. */
export function groupLabel(by: AggregateField | undefined, value: string): string {
  if (by === undefined) return "all";
  return value === "" ? "(none)" : value;
}

function bucketTimes(fromUs: number, toUs: number, bucketUs: number): number[] {
  const first = Math.floor(fromUs / bucketUs) * bucketUs;
  const count = Math.min(MAX_BUCKETS, Math.max(1, Math.ceil((toUs - first) / bucketUs)));
  return Array.from({ length: count }, (_, index) => first + index * bucketUs);
}

function cut(lines: readonly Line[], maxLines: number, empty: 0 | null): Line[] {
  if (lines.length <= maxLines) return [...lines];
  const kept = lines.slice(0, maxLines - 1);
  const rest = lines.slice(maxLines - 1);
  if (empty === null) return lines.filter(({ isOther }) => !isOther).slice(0, maxLines);
  const points = (rest[0] as Line).points.map((_, index) =>
    rest.reduce((sum, line) => sum + (line.points[index] ?? 0), 0),
  );
  const total = rest.reduce((sum, line) => sum + line.total, 0);
  // One of them may stand for any number: the rows beyond the query's limit.
  const label = rest.some(({ isOther }) => isOther) ? "all others" : `${rest.length} others`;
  return [...kept, { value: "", label, isOther: true, points, total }];
}

/** The lines on top of one another: each is the sum of itself and those after it. For charts whose parts make a whole. */
export function stacked(chart: Chart): Chart {
  const lines: Line[] = [];
  for (const line of [...chart.lines].reverse()) {
    const below = lines.at(-1)?.points;
    lines.push({ ...line, points: line.points.map((point, index) => (point ?? 0) + (below?.[index] ?? 0)) });
  }
  return { times: chart.times, lines: lines.reverse() };
}

/** A row of a top list, and its share of the whole. */
export interface Share {
  readonly row: AggregateRow;
  readonly value: string;
  readonly label: string;
  readonly isOther: boolean;
  readonly figure: number;
  /** 0 to 1, of the sum over all rows. */
  readonly share: number;
}

export function shares(rows: readonly AggregateRow[], by: AggregateField, measure: Measure): Share[] {
  const sum = rows.reduce((total, row) => total + (measure(row) ?? 0), 0);
  return rows
    .map((row) => {
      const value = row.group[by] ?? "";
      const isOther = row.other === true;
      const figure = measure(row) ?? 0;
      const label = isOther ? "other" : groupLabel(by, value);
      return { row, value, label, isOther, figure, share: sum > 0 ? figure / sum : 0 };
    })
    .sort((one, other) => Number(one.isOther) - Number(other.isOther) || other.figure - one.figure);
}

import { columns as columnsOf, count } from "../../sinks/console-text.ts";
import { type Brush, brush, type Color, cell, type PanelOptions } from "../panel.ts";
import { formatReading, type Metric } from "../reading.ts";
import { METRICS } from "./metric-list.ts";
import type { Metrics } from "./metrics.ts";
import type { Figures, MetricsSnapshot } from "./snapshot.ts";
import { sparkline } from "./sparkline.ts";

/** Above these a figure is yellow, and red; the first ones of the default rules. */
const LIMITS: { readonly [metric: string]: readonly [warn: number, bad: number] } = {
  error_rate: [0.01, 0.05],
  timeout_rate: [0.01, 0.05],
  rate_limit_rate: [0.01, 0.1],
  server_error_rate: [0.01, 0.05],
  token_quota_used: [0.8, 0.95],
  request_quota_used: [0.8, 0.95],
  circuit_open: [0, 0],
  unpriced_rate: [0, 0.5],
};
const LABEL = 9;
const NOTHING = "–";
const ROWS = 4;
/** From so many columns on the two tables stand side by side. */
const WIDE = 110;
const GAP = "   ";

/** A piece of a line; pieces go to the next line whole. */
interface Piece {
  readonly text: string;
  readonly color: Color | undefined;
  /** Stands before it, dim. */
  readonly label: string;
}

/**
 * A panel for a terminal: latency, failures, rates against quota, money, what is under way, the last five minutes as a
 * line of bars, and the models and features with the most calls. Lines end in `\n` and are no wider than `columns`.
 *
 * @example
 * import { metrics, metricsDashboard } from "sightline/monitors";
 * const panel = metricsDashboard(metrics(), { columns: 80 });
 */
export function metricsDashboard(metrics: Pick<Metrics, "snapshot">, options: PanelOptions = {}): string {
  const drawn = brush(options);
  const snapshot = metrics.snapshot();
  const figures = figuresOf(snapshot);
  const lines = [
    title(snapshot, drawn),
    ...row("Latency", drawn, [
      figures("latency_p50", "p50"),
      figures("latency_p95", "p95"),
      figures("latency_p99", "p99"),
      figures("first_chunk_p50", "1st chunk"),
      figures("first_chunk_p95", "p95"),
    ]),
    ...row("Failures", drawn, [
      figures("error_rate", "errors"),
      figures("timeout_rate", "timeouts"),
      figures("rate_limit_rate", "429"),
      figures("server_error_rate", "5xx"),
    ]),
    ...row("Rate", drawn, [
      figures("calls_per_minute", "calls"),
      ...quotaOf(figures("request_quota_used", "of quota")),
      figures("tokens_per_minute", "tokens"),
      ...quotaOf(figures("token_quota_used", "of quota")),
    ]),
    ...row("Money", drawn, [figures("usd_per_hour", "last hour"), figures("unpriced_rate", "unpriced calls")]),
    ...row("Now", drawn, nowOf(snapshot, figures)),
    ...timeline(snapshot, drawn),
    ...tables(snapshot, drawn),
  ];
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

type Read = (metric: string, label: string) => Piece;

const UNITS: ReadonlyMap<string, Metric["unit"]> = new Map(METRICS.map(({ name, unit }) => [name, unit]));

function figuresOf({ all: { metrics } }: MetricsSnapshot): Read {
  return (metric, label) => {
    const value = metrics[metric];
    return { label, text: shown(metric, value), color: value === undefined ? "dim" : colorOf(metric, value) };
  };
}

function shown(metric: string, value: number | undefined): string {
  if (value === undefined) return NOTHING;
  const unit = UNITS.get(metric)!;
  if (unit === "share") return percent(value);
  if (unit === "per_minute") return `${rounded(value)}/min`;
  return unit === "count" ? count(value) : formatReading(unit, value);
}

function percent(share: number): string {
  const digits = share === 0 || share >= 0.1 ? 0 : share >= 0.001 ? 1 : 2;
  return `${(share * 100).toFixed(digits)} %`;
}

function rounded(value: number): string {
  return value >= 100 || Number.isInteger(value) ? count(Math.round(value)) : value.toPrecision(2);
}

function colorOf(metric: string, value: number): Color | undefined {
  const [warn, bad] = LIMITS[metric] ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  return value > bad ? "red" : value > warn ? "yellow" : undefined;
}

function quotaOf(piece: Piece): Piece[] {
  return piece.text === NOTHING ? [] : [{ ...piece, label: "", text: `${piece.text} ${piece.label}` }];
}

function nowOf({ all, circuit }: MetricsSnapshot, figures: Read): Piece[] {
  const pieces = [figures("in_flight", "in flight")];
  if (all.metrics["queued"] !== undefined) pieces.push(figures("queued", "queued"));
  if (circuit !== undefined) {
    const color = circuit === "open" ? "red" : circuit === "half_open" ? "yellow" : "green";
    pieces.push({ label: "circuit", text: circuit.replace("_", " "), color });
  }
  return pieces;
}

function title({ all, windowMs, observedMs }: MetricsSnapshot, { width, paint }: Brush): string {
  const seconds = Math.round(Math.min(windowMs, observedMs) / 1000);
  const window = seconds >= 120 ? `last ${Math.round(seconds / 60)} min` : `last ${seconds} s`;
  const name = "Model calls";
  const left = width - name.length - window.length - 4;
  const calls = `${count(all.calls)} calls`;
  const both = `${calls}, ${count(all.failed)} failed`;
  const said = both.length <= left ? both : cell(calls, left, true).trimStart();
  const room = " ".repeat(left - said.length + 2);
  return `${paint(name, "bold")}  ${paint(window, "dim")}${room}${said}`;
}

function row(name: string, { width, paint }: Brush, pieces: readonly Piece[]): string[] {
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const { label, text, color } of pieces) {
    const length = columnsOf(label === "" ? text : `${label} ${text}`);
    if (used > 0 && used + GAP.length + length > width - LABEL - 1) {
      lines.push(line);
      line = "";
      used = 0;
    }
    const value = color === undefined ? text : paint(text, color);
    line += `${used === 0 ? "" : GAP}${label === "" ? value : `${paint(label, "dim")} ${value}`}`;
    used += (used === 0 ? 0 : GAP.length) + length;
  }
  lines.push(line);
  return lines.map((each, i) => `${paint(cell(i === 0 ? name : "", LABEL), "cyan")} ${each}`);
}

/** Calls and the time that 95 of 100 took, over five minutes; a character stands for ten seconds, or two do. */
function timeline({ timeline: { calls, failed, latencyP95 } }: MetricsSnapshot, { width, paint }: Brush): string[] {
  const room = Math.min(calls.length, width - LABEL - 1);
  const stretch = width >= WIDE ? 2 : 1;
  const line = (name: string, values: readonly (number | null)[], note: string, color: Color): string => {
    const bars = sparkline(values.slice(-room).flatMap((value) => Array(stretch).fill(value)));
    const fits = LABEL + 1 + room * stretch + 2 + note.length <= width;
    return `${paint(cell(name, LABEL), "cyan")} ${paint(bars, color)}${fits ? `  ${paint(note, "dim")}` : ""}`;
  };
  const slowest = Math.max(...latencyP95.map((value) => value ?? 0));
  const most = Math.max(...calls);
  const hasFailed = failed.some((value) => value > 0);
  return [
    line("Calls", calls, `up to ${count(most)} in 10 s, 5 min`, "green"),
    ...(hasFailed ? [line("Failed", failed, `up to ${count(Math.max(...failed))} in 10 s`, "red")] : []),
    ...(slowest > 0 ? [line("p95", latencyP95, `up to ${formatReading("seconds", slowest)}`, "cyan")] : []),
  ];
}

function tables(snapshot: MetricsSnapshot, drawn: Brush): string[] {
  const { width } = drawn;
  const isWide = width >= WIDE;
  const each = isWide ? Math.floor((width - GAP.length) / 2) : width;
  const models = table("Model", snapshot.model, each, drawn);
  const features = table("Feature", snapshot.feature, each, drawn);
  if (!isWide) return [...models, ...features].map(({ text }) => text);
  const lines = Math.max(models.length, features.length);
  return Array.from({ length: lines }, (_, i) => {
    const left = models[i] ?? { text: "", length: 0 };
    return `${left.text}${" ".repeat(each - left.length)}${GAP}${features[i]?.text ?? ""}`;
  });
}

/** Those with the most calls. `length` is in columns, without colours. */
function table(
  name: string,
  groups: { readonly [value: string]: Figures },
  width: number,
  { paint }: Brush,
): { text: string; length: number }[] {
  const all = Object.entries(groups).filter(([, { calls }]) => calls > 0);
  if (all.length === 0) return [];
  const rows = all.sort(([, a], [, b]) => b.calls - a.calls).slice(0, ROWS);
  const shownColumns = COLUMNS.filter(({ from }) => width >= from);
  const first = width - shownColumns.reduce((sum, { size }) => sum + size, 0);
  const heads = shownColumns.map(({ head, size }) => cell(head, size, true)).join("");
  const more = all.length > ROWS ? `${name} (${ROWS} of ${all.length})` : name;
  return [
    { text: "", length: 0 },
    { text: paint(`${cell(more, first)}${heads}`, "dim"), length: width },
    ...rows.map(([value, figures]) => ({
      text: `${cell(value, first)}${shownColumns.map((column) => cellOf(column, figures, paint)).join("")}`,
      length: width,
    })),
  ];
}

/** `from`: the columns that a table must have. */
const COLUMNS = [
  { head: "calls", size: 8, from: 0, metric: undefined },
  { head: "errors", size: 8, from: 48, metric: "error_rate" },
  { head: "p95", size: 9, from: 0, metric: "latency_p95" },
  { head: "USD/h", size: 9, from: 56, metric: "usd_per_hour" },
] as const;

function cellOf(
  { metric, size }: (typeof COLUMNS)[number],
  { calls, metrics }: Figures,
  paint: Brush["paint"],
): string {
  if (metric === undefined) return cell(count(calls), size, true);
  const value = metrics[metric];
  const text = cell(shown(metric, value).replace(" USD/h", ""), size, true);
  const color = value === undefined ? "dim" : colorOf(metric, value);
  return color === undefined ? text : paint(text, color);
}

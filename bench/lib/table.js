import { CONTENDERS } from "./contenders.js";
import { pairedRatios, summary } from "./statistics.js";
import { WORKLOADS } from "./workloads.js";

/** How a figure is shown: nanoseconds are shown as such below 10 µs. */
export const FIGURES = {
  path: { title: "caller's path", unit: "time" },
  rate: { title: "delivered", unit: "rate" },
  cpu: { title: "CPU, delivered", unit: "time" },
  loss: { title: "lost", unit: "percent" },
  delay: { title: "loop delay p99", unit: "ms" },
  rssWarm: { title: "RSS warm", unit: "MiB" },
  rssLast: { title: "RSS at the end", unit: "MiB" },
  rss: { title: "RSS at most", unit: "MiB" },
  bytes: { title: "bytes a span", unit: "count" },
  importWall: { title: "import", unit: "ms" },
  importCpu: { title: "import, CPU", unit: "ms" },
  startWall: { title: "start", unit: "ms" },
  chunk: { title: "CPU a chunk of a stream of 1,000", unit: "time" },
  call: { title: "CPU a plain call", unit: "time" },
  firstChunk: { title: "time to the first chunk", unit: "ms" },
  heap: { title: "heap, 200,000 chunks", unit: "MiB" },
  packages: { title: "packages", unit: "count" },
  size: { title: "installed", unit: "MiB" },
  whole: { title: "min + gzip", unit: "KiB" },
  core: { title: "used by a small program", unit: "KiB" },
};

/** @param {number} value nanoseconds */
export function time(value) {
  if (value < 10) return `${value.toFixed(1)} ns`;
  return value < 10_000 ? `${value.toFixed(0)} ns` : `${(value / 1_000).toFixed(1)} µs`;
}

const UNITS = {
  time,
  ms: (value) => `${value.toFixed(1)} ms`,
  MiB: (value) => `${value.toFixed(1)} MiB`,
  KiB: (value) => `${value.toFixed(1)} KiB`,
  rate: (value) => `${(value / 1_000).toFixed(1)} k/s`,
  percent: (value) => `${value.toFixed(1)} %`,
  count: (value) => value.toFixed(0),
};

export function show(figure, value) {
  return UNITS[FIGURES[figure].unit](value);
}

/** Cells of a workload: a row a contender, a column a figure, with the ratio to the floor of the same rounds. */
export function rowsOf(workload, rounds) {
  const names = Object.keys(CONTENDERS).filter((name) => rounds.some((round) => round[name] !== undefined));
  const figures = Object.keys(FIGURES).filter((figure) =>
    rounds.some((round) => names.some((name) => figure in (round[name] ?? {}))),
  );
  const head = [WORKLOADS[workload].title, ...figures.map((figure) => FIGURES[figure].title)];
  const rows = names.map((name) => [CONTENDERS[name].title, ...figures.map((figure) => cell(rounds, name, figure))]);
  return [head, ...rows];
}

function cell(rounds, name, figure) {
  const values = rounds.map((round) => round[name]?.[figure]).filter((value) => value !== undefined);
  if (values.length === 0) return "–";
  const { median, min, max } = summary(values);
  const spread = values.length > 1 && min !== max ? ` (${show(figure, min)}–${show(figure, max)})` : "";
  const ratios = FIGURES[figure].unit === "time" && name !== "floor" ? pairedRatios(rounds, name, "floor", figure) : [];
  const ratio = ratios.length > 0 ? `, ${summary(ratios).median.toFixed(2)} ×` : "";
  return show(figure, median) + spread + ratio;
}

/** @param {string[][]} rows */
export function textTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i]))
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}

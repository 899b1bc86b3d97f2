/** What we allow ourselves, and whether it holds. `least`: the value must not be below the limit. */
import { median } from "./statistics.js";
import { CORE, WORKLOADS } from "./workloads.js";

const PEERS = ["otel", "langfuse", "langsmith"];
const ratio = (base, figure) => (round) => round.sightline[figure] / round[base][figure];
const over = (base, figure) => (round) => round.sightline[figure] - round[base][figure];
const value = (figure) => (round) => round.sightline[figure];

export const BUDGETS = [
  ...CORE.flatMap((workload) => [
    { workload, what: "caller's path, × floor", limit: 1.6, of: ratio("floor", "path") },
    { workload, what: "caller's path, × OpenTelemetry", limit: 0.5, of: ratio("otel", "path") },
    { workload, what: "all CPU to a file, × OpenTelemetry", limit: 0.7, of: ratio("otel", "cpu") },
  ]),
  { workload: "capture", what: "caller's path, µs", limit: 12, of: (round) => round.sightline.path / 1_000 },
  { workload: "capture", what: "caller's path, × best peer", limit: 0.5, of: bestPeer },
  { workload: "capture", what: "all CPU to a file, µs", limit: 60, of: (round) => round.sightline.cpu / 1_000 },
  { workload: "file", what: "rate, × pino", limit: 1, least: true, of: ratio("pino", "rate") },
  { workload: "file", what: "rate, × OpenTelemetry", limit: 1.4, least: true, of: ratio("otel", "rate") },
  { workload: "file", what: "lost, %", limit: 0, of: value("loss") },
  { workload: "file", what: "event-loop delay p99, ms", limit: 15, of: value("delay") },
  ...["json", "protobuf"].flatMap((workload) => [
    { workload, what: "rate, × OpenTelemetry", limit: 1.6, least: true, of: ratio("otel", "rate") },
    { workload, what: "CPU a span, × OpenTelemetry", limit: 0.7, of: ratio("otel", "cpu") },
    { workload, what: "lost, %", limit: 0, of: value("loss") },
  ]),
  ...["burst", "bursts"].flatMap((workload) => [
    { workload, what: "lost, %", limit: 0, of: value("loss") },
    { workload, what: "event-loop delay p99 over the floor's, ms", limit: 20, of: over("floor", "delay") },
  ]),
  { workload: "off", what: "over the bare call, ns", limit: 10, of: over("bare", "path") },
  { workload: "unsampled", what: "over the bare call, ns", limit: 60, of: over("bare", "path") },
  { workload: "import", what: "import over an empty module, ms", limit: 15, of: over("bare", "importWall") },
  { workload: "install", what: "packages", limit: 3, of: value("packages") },
  { workload: "install", what: "installed, MB", limit: 3, of: (round) => round.sightline.size * 1.048576 },
  {
    workload: "install",
    what: "core entry minified and gzipped, KB",
    limit: 15,
    of: (round) => round.sightline.core * 1.024,
  },
  {
    workload: "memory",
    what: "RSS at the end, × RSS after warm-up",
    limit: 1.1,
    of: (round) => round.sightline.rssLast / round.sightline.rssWarm,
  },
];

function bestPeer(round) {
  return round.sightline.path / Math.min(...PEERS.flatMap((name) => round[name]?.path ?? []));
}

/**
 * @param {object} workloads the rounds of one Node
 * @returns the median of what the rounds say, and whether the budget is met; nothing where it was not measured
 */
export function judge({ workload, of, limit, least }, workloads) {
  const values = (workloads[workload] ?? []).map(attempt(of)).filter(Number.isFinite);
  if (values.length === 0) return undefined;
  const measured = median(values);
  return { measured, met: least ? measured >= limit : measured <= limit };
}

/** A contender that did not take part has no figure. */
function attempt(of) {
  return (round) => {
    try {
      return of(round);
    } catch {
      return Number.NaN;
    }
  };
}

/** @returns {string[][]} a row a budget: workload, what, budget, and what each Node measured */
export function budgetRows(runs) {
  const head = ["workload", "figure", "budget", ...runs.map(({ node }) => `Node ${node}`)];
  const rows = BUDGETS.map((budget) => [
    WORKLOADS[budget.workload].title,
    budget.what,
    `${budget.least ? "≥" : "≤"} ${budget.limit}`,
    ...runs.map(({ workloads }) => verdict(judge(budget, workloads))),
  ]);
  return [head, ...rows.filter((row) => row.slice(3).some((cell) => cell !== "–"))];
}

function verdict(judged) {
  if (judged === undefined) return "–";
  const { measured, met } = judged;
  return `${Math.abs(measured) < 100 ? measured.toFixed(2) : measured.toFixed(0)} ${met ? "✓" : "✗"}`;
}

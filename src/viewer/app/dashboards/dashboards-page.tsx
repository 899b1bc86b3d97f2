import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { AggregateRow } from "../../../store/trace-store.ts";
import { api, project } from "../api.ts";
import { compact, duration, percent, usd } from "../format.ts";
import { about, Empty, ErrorState, Loading } from "../parts/index.ts";
import { navigate, route } from "../router.ts";
import { themeChanges, tokenColor } from "../theme.ts";
import { FilterChip } from "../traces/filter-bar.tsx";
import { writeFilters } from "../traces/filters.ts";
import { TimePicker } from "../traces/time-picker.tsx";
import { useTail } from "../traces/use-tail.ts";
import { useData } from "../use-data.ts";
import { brushFilters } from "./brush.ts";
import { Budgets } from "./budgets.tsx";
import { Chart, type ChartLine } from "./chart.tsx";
import { HUES, hue } from "./chart-colors.ts";
import { DriftCard } from "./drift.tsx";
import { type Figures, loadFigures, readView, SPLIT_LABELS, SPLITS, type View, writeView } from "./queries.ts";
import { type Line, type Measure, shape, shares, stacked } from "./shape.ts";
import { Tiles } from "./tiles.tsx";
import { RANKINGS, type Ranking, TopTable } from "./top-table.tsx";
import "uplot/dist/uPlot.min.css";
import "./dashboards.css";

/** So often at most; figures of minutes do not change every second. */
const REFRESH_MS = 10_000;

/** How the calls were: latency, errors, money, quality. */
export function DashboardsPage() {
  const params = route.value.params.toString();
  const view = useMemo(() => readView(new URLSearchParams(params)), [params]);
  const key = `${project.value} ${params}`;
  const { state, reload } = useData(key, (signal) => loadFigures(view, signal));
  const refreshed = useSignal(0);
  useTail(["changed"], () => {
    if (view.range.last === undefined || Date.now() - refreshed.peek() < REFRESH_MS) return;
    refreshed.value = Date.now();
    reload();
  });
  const show = (next: View) => navigate("/dashboards", Object.fromEntries(writeView(next)));
  const { value, error, isLoading } = state.value;
  return (
    <div class={isLoading && value ? "page-dashboards stale" : "page-dashboards"}>
      <h1 class="visually-hidden">Dashboards</h1>
      <Bar view={view} onChange={show} />
      {error ? (
        <ErrorState error={error} onRetry={reload} />
      ) : value === undefined ? (
        <Loading what="Counting" />
      ) : value.total === undefined || value.total.count === 0 ? (
        <Nothing view={view} onChange={show} figures={value} />
      ) : (
        <Board figures={value} view={view} onChange={show} />
      )}
    </div>
  );
}

function Bar({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  const { where, ...others } = view;
  return (
    <div class="dashboard-bar">
      <TimePicker range={view.range} onChange={(range) => onChange({ ...view, range })} />
      <div class="segments" role="group" aria-label="Split by">
        {SPLITS.map((by) => (
          <button
            type="button"
            key={by}
            class="segment"
            aria-pressed={by === view.by}
            onClick={() => onChange({ ...view, by })}
          >
            {SPLIT_LABELS[by]}
          </button>
        ))}
      </div>
      {Object.entries(where).map(([field, value]) => (
        <FilterChip
          key={field}
          label={field === "userId" ? "user" : field}
          value={value}
          onRemove={() => {
            const left = Object.fromEntries(Object.entries(where).filter(([name]) => name !== field));
            onChange({ ...others, where: left });
          }}
        />
      ))}
    </div>
  );
}

interface BoardProps {
  figures: Figures;
  view: View;
  onChange: (view: View) => void;
}

function Nothing({ view, onChange }: BoardProps) {
  const isNarrowed = view.range.last !== undefined || Object.keys(view.where).length > 0 || view.range.fromUs;
  return (
    <>
      <Empty
        icon="clock"
        title="No model calls in this time"
        actions={
          isNarrowed && (
            <button type="button" class="button" onClick={() => onChange({ ...view, range: {}, where: {} })}>
              Look at all time and everything
            </button>
          )
        }
      >
        Charts count generations and embeddings.
      </Empty>
      <MonitorCards />
    </>
  );
}

function Board({ figures, view, onChange }: BoardProps) {
  const ranking = useSignal<Ranking>("costUsd");
  const { fromUs, toUs, bucketUs, overTime, byGroup, scores } = figures;
  const theme = themeChanges.value;
  const charts = useMemo(() => {
    const common = { fromUs, toUs, bucketUs };
    const one = (measure: Measure, empty: 0 | null, label: string, color: string, isDashed = false): ChartLine => {
      const line = shape(overTime, { ...common, measure, empty }).lines[0];
      const points = line?.points ?? [];
      return { value: "", isOther: false, points, total: line?.total ?? 0, label, color, isDashed };
    };
    const split = (rows: readonly AggregateRow[], measure: Measure): ChartLine[] => {
      const chart = shape(rows, { ...common, by: view.by, measure, empty: 0 });
      const tops = stacked(chart).lines;
      return colored(chart.lines, places).map((line, index) => ({
        ...line,
        drawn: tops[index]?.points ?? line.points,
      }));
    };
    // A group has one hue, in whatever chart it is.
    const places = new Map(
      shares(figures.groups, view.by, ({ costUsd }) => costUsd).map(({ value }, index) => [value, index]),
    );
    const strong = tokenColor("--hue-1");
    return {
      times: shape(overTime, { ...common, measure: ({ count }) => count, empty: 0 }).times,
      latency: [
        one(({ p99 }) => p99, null, "p99", tokenColor("--text-3"), true),
        one(({ p95 }) => p95, null, "p95", strong),
        one(({ p50 }) => p50, null, "p50", tokenColor("--hue-2")),
      ],
      failures: [
        one(({ errors }) => errors, 0, "errors", tokenColor("--error-fill")),
        one(({ rateLimited }) => rateLimited, 0, "429", tokenColor("--warning-fill"), true),
      ],
      tokens: [
        one(({ inputTokens }) => inputTokens, 0, "input", strong),
        one(({ outputTokens }) => outputTokens, 0, "output", tokenColor("--hue-2")),
      ],
      cost: split(byGroup, ({ costUsd }) => costUsd),
      calls: split(byGroup, ({ count }) => count),
      scores: colored(
        shape(scores, {
          ...common,
          by: "name",
          measure: ({ sum, count }) => (count > 0 ? sum / count : undefined),
          empty: null,
        }).lines,
      ),
    };
  }, [figures, view.by, theme]);

  const brush = (fromS: number, toS: number) => {
    const filters = brushFilters({ fromS, toS, where: view.where });
    navigate("/traces", Object.fromEntries(writeFilters(filters)));
  };
  const only = (value: string) => onChange({ ...view, where: { ...view.where, [view.by]: value } });
  const by = SPLIT_LABELS[view.by].toLowerCase();
  const { times } = charts;
  const highest = Math.max(0, ...charts.scores.flatMap(({ points }) => points.map((point) => point ?? 0)));
  return (
    <div class="board">
      <Tiles total={figures.total} before={figures.before} />
      <div class="charts">
        <Chart
          title={`Cost by ${by}`}
          note={`${usd(figures.total?.costUsd)} in all`}
          times={times}
          lines={charts.cost}
          format={usd}
          isStacked
          isSum
          onBrush={brush}
          onLine={({ value }) => only(value)}
        />
        <Chart
          title={`Calls by ${by}`}
          times={times}
          lines={charts.calls}
          format={compact}
          isStacked
          isSum
          onBrush={brush}
          onLine={({ value }) => only(value)}
        />
        <Chart title="Latency" note="of calls" times={times} lines={charts.latency} format={duration} onBrush={brush} />
        <Chart
          title="Errors and 429"
          note={percent((figures.total?.errors ?? 0) / (figures.total?.count ?? 1))}
          times={times}
          lines={charts.failures}
          format={compact}
          isSum
          onBrush={brush}
        />
        <Chart title="Tokens" times={times} lines={charts.tokens} format={compact} isSum onBrush={brush} />
        <Chart
          title="Quality scores"
          note="mean"
          times={times}
          lines={charts.scores}
          format={(value) => String(Math.round(value * 1_000) / 1_000)}
          max={highest > 0 && highest <= 1 ? 1 : undefined}
          onBrush={brush}
        />
      </div>
      <TopTable
        rows={figures.groups}
        by={view.by}
        ranking={ranking.value}
        view={view}
        fromUs={fromUs}
        toUs={toUs}
        onRank={(next) => {
          ranking.value = next;
        }}
        onOnly={only}
      />
      <MonitorCards />
      <p class="faint board-note">
        Drag over a chart to open the traces of that time. {RANKINGS.costUsd.label} is a lower bound where calls have no
        known price.
      </p>
    </div>
  );
}

function MonitorCards() {
  if (!about.value?.monitors) return null;
  return <LiveCards />;
}

function LiveCards() {
  const { state, reload } = useData(`monitors ${project.value}`, (signal) => api.monitors({ signal }));
  useTail(["monitors"], reload);
  const { budgets = [], drift = [] } = state.value.value ?? {};
  return (
    <>
      {drift.length > 0 && <DriftCard drift={drift} />}
      {budgets.length > 0 && <Budgets budgets={budgets} nowMs={Date.now()} />}
    </>
  );
}

/** What is left over is grey. Of two lines that would have one hue, the lesser takes another that is free. */
function colored(lines: readonly Line[], places?: ReadonlyMap<string, number>): ChartLine[] {
  const taken = new Set<number>();
  return lines.map((line, index) => {
    if (line.isOther) return { ...line, color: tokenColor("--text-3") };
    let place = (places?.get(line.value) ?? index) % HUES;
    if (taken.size < HUES) while (taken.has(place)) place = (place + 1) % HUES;
    taken.add(place);
    return { ...line, color: hue(place) };
  });
}

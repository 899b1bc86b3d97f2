import type { AggregateField, AggregateQuery, AggregateRow } from "../../../store/trace-store.ts";
import { api } from "../api.ts";
import { momentsOf, readTimeRange, type TimeRange, writeTimeRange } from "../traces/time-range.ts";
import { bucketWidthUs } from "./buckets.ts";

/** What the figures can be split by. */
export const SPLITS = ["feature", "team", "model", "userId"] as const;

export type Split = (typeof SPLITS)[number];

export const SPLIT_LABELS: { readonly [split in Split]: string } = {
  feature: "Feature",
  team: "Team",
  model: "Model",
  userId: "User",
};

/** Fields that a dashboard can be narrowed to. */
const NARROWED: readonly AggregateField[] = ["feature", "team", "model", "userId", "environment"];

/** What the page shows; its whole state is in the URL. */
export interface View {
  readonly range: TimeRange;
  readonly by: Split;
  readonly where: { readonly [field in AggregateField]?: string };
}

export function readView(params: URLSearchParams): View {
  const range = readTimeRange(params);
  const where: { [field in AggregateField]?: string } = {};
  for (const field of NARROWED) {
    const value = params.get(field);
    if (value) where[field] = value;
  }
  const by = SPLITS.find((each) => each === params.get("by")) ?? "feature";
  return { range, by, where };
}

export function writeView({ range, by, where }: View): URLSearchParams {
  const params = new URLSearchParams();
  writeTimeRange(range, params);
  if (by !== "feature") params.set("by", by);
  for (const field of NARROWED) {
    const value = where[field];
    if (value) params.set(field, value);
  }
  return params;
}

export interface Figures {
  readonly fromUs: number;
  readonly toUs: number;
  readonly bucketUs: number;
  readonly total: AggregateRow | undefined;
  /** The same length of time before. */
  readonly before: AggregateRow | undefined;
  readonly overTime: readonly AggregateRow[];
  readonly byGroup: readonly AggregateRow[];
  readonly groups: readonly AggregateRow[];
  readonly scores: readonly AggregateRow[];
}

const GROUPS = 12;

export async function loadFigures(view: View, signal: AbortSignal): Promise<Figures> {
  const { fromUs, toUs } = await stretch(view.range, signal);
  const bucketUs = bucketWidthUs(fromUs, toUs);
  const where = view.where;
  const query: AggregateQuery = { fromUs, toUs, where };
  const ask = (more: AggregateQuery) => api.aggregate({ ...query, ...more }, { signal });
  const [total, before, overTime, byGroup, groups, scores] = await Promise.all([
    ask({ percentiles: true }),
    view.range.last === undefined ? [] : ask({ fromUs: 2 * fromUs - toUs, toUs: fromUs, percentiles: true }),
    ask({ bucketUs, percentiles: true }),
    ask({ bucketUs, groupBy: [view.by], limit: GROUPS }),
    ask({ groupBy: [view.by], limit: 50, percentiles: true }),
    ask({ of: "scores", bucketUs, groupBy: ["name"], limit: 8, where: withoutModel(where) }),
  ]);
  return { fromUs, toUs, bucketUs, total: total[0], before: before[0], overTime, byGroup, groups, scores };
}

/** Scores belong to traces: no model gave them. */
function withoutModel(where: View["where"]): View["where"] {
  const { model: _, ...others } = where;
  return others;
}

/** All time is what there is. */
async function stretch(range: TimeRange, signal: AbortSignal): Promise<{ fromUs: number; toUs: number }> {
  const nowUs = Date.now() * 1_000;
  const { fromUs, toUs } = momentsOf(range, nowUs);
  if (fromUs !== undefined && (toUs !== undefined || range.last !== undefined)) return { fromUs, toUs: toUs ?? nowUs };
  const { stats } = await api.about({ signal });
  const from = fromUs ?? stats.oldestUs ?? nowUs - 3_600e6;
  const to = toUs ?? (stats.newestUs === undefined ? nowUs : stats.newestUs + 1);
  return { fromUs: from, toUs: Math.max(to, from + 1e6) };
}

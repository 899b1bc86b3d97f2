import type { FindingRecord, ScoreRecord } from "../core/record.ts";
import type { Counted } from "./aggregate-rows.ts";
import type { Place } from "./paging.ts";
import { compareText, plainText } from "./plain-text.ts";
import { microseconds } from "./span-row.ts";
import { newestOf, type SpanInTrace, summarize, sums } from "./summarize.ts";
import { metadataTexts, traceFacts } from "./trace-facts.ts";
import type {
  AggregateField,
  AggregateQuery,
  SessionSummary,
  TraceQuery,
  TraceSummary,
  ValuesQuery,
} from "./trace-store.ts";
import { isUnpriced } from "./unpriced.ts";
import { words } from "./words.ts";

export interface KeptSpan extends SpanInTrace {
  readonly line: string;
  readonly words: string;
}

export interface KeptTrace {
  readonly spans: Map<string, KeptSpan>;
  readonly scores: Map<string, Kept<ScoreRecord>>;
  readonly findings: Map<string, Kept<FindingRecord>>;
  /** Made when it is asked for; undefined again when a record comes. */
  summary?: TraceSummary | undefined;
}

/** A score or finding; `traceId` is where it hangs. */
export interface Kept<T> {
  readonly record: T;
  readonly line: string;
}

export interface Project {
  readonly traces: Map<string, KeptTrace>;
  readonly scores: Map<string, Kept<ScoreRecord>>;
  readonly findings: Map<string, Kept<FindingRecord>>;
}

export function summaryOf(trace: KeptTrace): TraceSummary {
  trace.summary ??= summarize(
    [...trace.spans.values()],
    [...trace.findings.values()].map(({ record }) => record),
  );
  return trace.summary;
}

export function summariesOf({ traces }: Project): TraceSummary[] {
  return [...traces.values()].filter(({ spans }) => spans.size > 0).map(summaryOf);
}

/** By time, then by id. */
export function besideOf<T extends { readonly time: string; readonly id: string }>(kept: Map<string, Kept<T>>): T[] {
  return [...kept.values()]
    .map(({ record }) => record)
    .sort((a, b) => microseconds(a.time) - microseconds(b.time) || compareText(a.id, b.id));
}

/** The last microsecond that has begun when a trace ends. */
export function endUs({ startUs, durationNs }: TraceSummary): number {
  return startUs + Math.floor(durationNs / 1_000);
}

export function newestFirst(a: Place, b: Place): number {
  return b.us - a.us || compareText(b.id, a.id);
}

export function placeOfTrace({ startUs, traceId }: TraceSummary): Place {
  return { us: startUs, id: traceId };
}

export function placeOfSession({ lastUs, sessionId }: SessionSummary): Place {
  return { us: lastUs, id: sessionId };
}

const EQUAL = ["userId", "sessionId", "feature", "team", "environment", "release", "name", "status"] as const;

/** The summaries of the traces that fulfil the query's conditions, in no order. */
export function matching({ traces }: Project, query: TraceQuery): TraceSummary[] {
  const wanted = words(query.text ?? "")
    .split(" ")
    .filter(Boolean);
  const metadata = Object.entries(query.metadata ?? {}).filter(([, value]) => value !== undefined);
  const { minDurationMs = 0, maxDurationMs = Number.POSITIVE_INFINITY } = query;
  const { fromUs = Number.NEGATIVE_INFINITY, toUs = Number.POSITIVE_INFINITY, minCostUsd, maxCostUsd } = query;

  const fits = (trace: KeptTrace): boolean => {
    const summary = summaryOf(trace);
    const spans = [...trace.spans.values()];
    const { startUs, durationNs, costUsd } = summary;
    if (startUs < fromUs || startUs >= toUs) return false;
    if (durationNs < minDurationMs * 1e6 || durationNs > maxDurationMs * 1e6) return false;
    if (minCostUsd !== undefined && !(costUsd !== undefined && costUsd >= minCostUsd)) return false;
    if (maxCostUsd !== undefined && !(costUsd !== undefined && costUsd <= maxCostUsd)) return false;
    if (EQUAL.some((key) => query[key] !== undefined && summary[key] !== plainText(query[key]))) return false;
    if (query.tag !== undefined && !summary.tags?.includes(plainText(query.tag))) return false;
    if (query.model !== undefined && !summary.models.includes(plainText(query.model))) return false;
    if (query.finding !== undefined && !hasFinding(trace, query.finding)) return false;
    if (metadata.length > 0) {
      const texts = new Map(metadataTexts(newestOf(spans).facts.metadata));
      if (metadata.some(([key, value]) => texts.get(plainText(key)) !== plainText(value))) return false;
    }
    return wanted.length === 0 || spans.some((span) => hasWords(span, wanted));
  };
  return [...traces.values()].filter((trace) => trace.spans.size > 0 && fits(trace)).map(summaryOf);
}

function hasFinding({ findings }: KeptTrace, name: string): boolean {
  if (name === "*") return findings.size > 0;
  return [...findings.values()].some(({ record }) => plainText(record.name) === plainText(name));
}

function hasWords(span: KeptSpan, wanted: readonly string[]): boolean {
  return wanted.every((word) => ` ${span.words} `.includes(` ${word} `));
}

export function sessionsOf(summaries: readonly TraceSummary[]): SessionSummary[] {
  const sessions = new Map<string, TraceSummary[]>();
  for (const summary of summaries) {
    if (summary.sessionId === undefined) continue;
    const session = sessions.get(summary.sessionId);
    if (session) session.push(summary);
    else sessions.set(summary.sessionId, [summary]);
  }
  const listed = [...sessions].map(([sessionId, traces]) => {
    traces.sort((a, b) => newestFirst(placeOfTrace(a), placeOfTrace(b)));
    const userId = traces.find((trace) => trace.userId !== undefined)?.userId;
    return {
      sessionId,
      ...(userId !== undefined && { userId }),
      traces: traces.length,
      errors: traces.filter(({ status }) => status === "error").length,
      firstUs: traces.at(-1)!.startUs,
      lastUs: traces[0]!.startUs,
      ...sums(traces),
    };
  });
  return listed.sort((a, b) => newestFirst(placeOfSession(a), placeOfSession(b)));
}

export function valuesOf(trace: KeptTrace, field: ValuesQuery["field"]): readonly string[] {
  const summary = summaryOf(trace);
  if (field === "model") return summary.models;
  if (field === "tag") return summary.tags ?? [];
  if (field === "finding")
    return [...new Set([...trace.findings.values()].map(({ record }) => plainText(record.name)))];
  return summary[field] ? [summary[field]] : [];
}

export function* countedOf(project: Project, of: NonNullable<AggregateQuery["of"]>): Generator<Counted> {
  if (of === "scores") {
    for (const { record } of project.scores.values()) {
      const value = typeof record.value === "boolean" ? Number(record.value) : record.value;
      if (typeof value !== "number") continue;
      const fields = { ...groupFacts(traceFacts(record)), name: plainText(record.name) };
      yield { us: microseconds(record.time), fields, figure: value };
    }
    return;
  }
  for (const { spans } of project.traces.values()) {
    for (const { row, facts } of spans.values()) {
      if (of === "calls" && row.type !== "generation" && row.type !== "embedding") continue;
      const { model, provider, name, type, status, errorType, inputTokens, outputTokens, costUsd } = row;
      const fields: { [field in AggregateField]?: string | undefined } = {
        ...{ model, provider, name, type, status, errorType },
        ...groupFacts(facts),
      };
      yield {
        us: row.startUs,
        fields: fields as Counted["fields"],
        isError: status === "error",
        isRateLimited: row.httpStatus === 429,
        ...{ inputTokens, outputTokens, costUsd },
        isUnpriced: isUnpriced(row),
        figure: row.durationNs,
      };
    }
  }
}

function groupFacts({ feature, team, userId, environment }: ReturnType<typeof traceFacts>): Counted["fields"] {
  return { feature, team, userId, environment } as Counted["fields"];
}

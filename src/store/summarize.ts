import type { FindingRecord, SpanRecord } from "../core/record.ts";
import { compareText } from "./plain-text.ts";
import type { TraceFacts } from "./trace-facts.ts";
import type { SpanRow, TraceStatus, TraceSummary } from "./trace-store.ts";
import { isUnpriced } from "./unpriced.ts";

/** `local`: no parent in any record. `remote`: its parent is a span of another process, which may never come. */
export type RootKind = "local" | "remote";

/** What a summary needs to know of a span. */
export interface SpanInTrace {
  readonly row: SpanRow;
  readonly facts: TraceFacts;
  readonly root?: RootKind | undefined;
}

export function rootKind(record: SpanRecord): RootKind | undefined {
  if (!record.parentSpanId || record.parentIsExternal) return "local";
  return record.parentIsRemote ? "remote" : undefined;
}

const SEVERITIES: readonly FindingRecord["severity"][] = ["info", "warning", "error"];

/** The summary of a trace that has at least one span, of the newest record of each of its spans and findings. */
export function summarize(
  spans: readonly SpanInTrace[],
  findings: readonly Pick<FindingRecord, "severity">[],
): TraceSummary {
  const ordered = [...spans].sort((a, b) => byStart(a.row, b.row));
  const roots = rootsOf(ordered);
  const lead = (roots[0] ?? ordered[0]!).row;
  const { startUs, traceId } = ordered[0]!.row;
  const { name, tags, metadata: _, ...texts } = newestOf(spans).facts;
  const models = [...new Set(spans.map(({ row }) => row.model))].filter((model) => model !== undefined);
  return {
    traceId,
    name: name ?? lead.name,
    startUs,
    durationNs: ordered.reduce(
      (longest, { row }) => Math.max(longest, (row.startUs - startUs) * 1_000 + row.durationNs),
      0,
    ),
    status: statusOf(roots, spans),
    ...(roots.length === 0 && { isRootMissing: true }),
    spans: spans.length,
    errors: spans.filter(({ row }) => row.status === "error").length,
    models: models.sort(compareText),
    ...sums(spans.map(({ row }) => (isUnpriced(row) ? { ...row, unpriced: 1 } : row))),
    ...texts,
    ...(tags && { tags }),
    ...(findings.length > 0 && { findings: { count: findings.length, worst: worstOf(findings) } }),
    ...(lead.inputPreview !== undefined && { inputPreview: lead.inputPreview }),
    ...(lead.outputPreview !== undefined && { outputPreview: lead.outputPreview }),
  };
}

/** The span whose record has the last word on its trace: the one that ends last. */
export function newestOf(spans: readonly SpanInTrace[]): SpanInTrace {
  return spans.reduce((newest, span) => (byEnd(span.row, newest.row) > 0 ? span : newest));
}

interface Sums {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly costUsd?: number;
  readonly unpriced?: number;
}

/** What is known, added up; a sum of nothing known is unknown. */
export function sums(parts: readonly Sums[]): Sums {
  const total: { -readonly [key in keyof Sums]: number } = {};
  for (const key of ["inputTokens", "outputTokens", "costUsd", "unpriced"] as const) {
    for (const { [key]: figure } of parts) if (figure !== undefined) total[key] = (total[key] ?? 0) + figure;
  }
  return total;
}

function rootsOf(spans: readonly SpanInTrace[]): SpanInTrace[] {
  const local = spans.filter(({ root }) => root === "local");
  return local.length > 0 ? local : spans.filter(({ root }) => root === "remote");
}

function statusOf(roots: readonly SpanInTrace[], spans: readonly SpanInTrace[]): TraceStatus {
  if (roots.some(({ row }) => row.unfinished)) return "open";
  const telling = roots.length > 0 ? roots : spans;
  return telling.some(({ row }) => row.status === "error") ? "error" : "ok";
}

function worstOf(findings: readonly Pick<FindingRecord, "severity">[]): FindingRecord["severity"] {
  return SEVERITIES.findLast((severity) => findings.some((finding) => finding.severity === severity)) ?? "info";
}

/** The order of a trace's spans. */
export function byStart(a: SpanRow, b: SpanRow): number {
  return a.startUs - b.startUs || compareText(a.spanId, b.spanId);
}

/** Which of two spans has the later word on their trace. */
function byEnd(a: SpanRow, b: SpanRow): number {
  const later = (a.startUs - b.startUs) * 1_000 + (a.durationNs - b.durationNs);
  return later || a.seq - b.seq || compareText(a.spanId, b.spanId);
}

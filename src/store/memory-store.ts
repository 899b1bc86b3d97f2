import { checkOptions } from "../core/check-options.ts";
import { encode, type FindingRecord, type ScoreRecord, type SpanRecord, type TraceRecord } from "../core/record.ts";
import { aggregateRows } from "./aggregate-rows.ts";
import { checkedStore } from "./checked-store.ts";
import {
  besideOf,
  countedOf,
  endUs,
  type Kept,
  type KeptSpan,
  type KeptTrace,
  matching,
  newestFirst,
  type Project,
  placeOfSession,
  placeOfTrace,
  sessionsOf,
  summariesOf,
  summaryOf,
  valuesOf,
} from "./memory-answers.ts";
import { limitOf, pageOf, placeOf } from "./paging.ts";
import { compareText, plainText } from "./plain-text.ts";
import { searchText } from "./search-text.ts";
import { microseconds, spanRow } from "./span-row.ts";
import { StoreError } from "./store-error.ts";
import { byStart, newestOf, rootKind } from "./summarize.ts";
import { traceFacts } from "./trace-facts.ts";
import type { PruneOptions, TraceStore } from "./trace-store.ts";

export interface MemoryStoreOptions {
  /** Default `memory`. */
  name?: string;
  /** Beyond this `append` throws `STORE_FULL`. Default 1,000,000. */
  maxSpans?: number;
  /** Characters of what is kept, of all projects together; beyond this `append` throws `STORE_FULL`. Default 512 Mi. */
  maxBytes?: number;
}

const emptyProject = (): Project => ({ traces: new Map(), scores: new Map(), findings: new Map() });
const emptyTrace = (): KeptTrace => ({ spans: new Map(), scores: new Map(), findings: new Map() });

/**
 * A store that lasts as long as the process, for tests and for looking at a file where there is no SQLite. It answers
 * every question by going through all there is: the other stores are compared with it.
 *
 * @throws ConfigError for an option that does not exist or makes no sense
 * @example
 * const store = memoryStore({ maxSpans: 10_000 });
 * configure({ sinks: [storeSink(store)] });
 * await tutor.answer("3x + 11 = 14");
 * await flush();
 * const { items } = await store.traces({ text: "answer" });
 */
export function memoryStore(options: MemoryStoreOptions = {}): TraceStore {
  const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) > 0;
  checkOptions("memoryStore", options, {
    name: [(value) => typeof value === "string" && value !== "", "a text"],
    maxSpans: [isCount, "a whole number above 0"],
    maxBytes: [isCount, "a whole number above 0"],
  });
  const { name = "memory", maxSpans = 1_000_000, maxBytes = 512 * 1024 * 1024 } = options;
  const projects = new Map<string, Project>();
  let spanCount = 0;
  let bytes = 0;
  let revision = 0;
  let isClosed = false;

  function projectOf(asked: { readonly project?: string } | undefined): Project {
    if (isClosed) throw new StoreError("STORE_CLOSED", `The store ${name} is closed.`);
    return projects.get(asked?.project ?? "default") ?? emptyProject();
  }

  function full(what: string, option: string): StoreError {
    const message = `The store ${name} is full: it keeps ${what}. Prune it, raise ${option}, or use sqliteStore.`;
    return new StoreError("STORE_FULL", message, { retryAfterMs: 60_000 });
  }

  /** Before anything is kept: a batch counts in whole or not at all. What replaces something counts as new here. */
  function makeSure(records: readonly TraceRecord[], project: Project): void {
    let moreBytes = 0;
    const moreSpans = new Set<string>();
    for (const record of records) {
      moreBytes += encode(record).length;
      if (record.record !== "span" || project.traces.get(record.traceId)?.spans.has(record.spanId)) continue;
      moreSpans.add(`${record.traceId} ${record.spanId}`);
    }
    if (spanCount + moreSpans.size > maxSpans) throw full(`${spanCount} spans of at most ${maxSpans}`, "maxSpans");
    if (bytes + moreBytes > maxBytes) throw full(`${bytes} characters of at most ${maxBytes}`, "maxBytes");
  }

  function keep(record: TraceRecord, project: Project): void {
    if (record.record === "span") keepSpan(record, project);
    else if (record.record === "score") keepBeside(record, project, "scores");
    else keepBeside(record, project, "findings");
  }

  function traceOf(traceId: string, project: Project): KeptTrace {
    const trace = project.traces.get(traceId) ?? emptyTrace();
    project.traces.set(traceId, trace);
    trace.summary = undefined;
    return trace;
  }

  function keepSpan(record: SpanRecord, project: Project): void {
    const { spans } = traceOf(record.traceId, project);
    const known = spans.get(record.spanId);
    if (known && known.row.seq >= record.seq) return;
    const line = encode(record);
    const own: SpanRecord = JSON.parse(line);
    const kept = {
      row: spanRow(own),
      facts: traceFacts(own),
      root: rootKind(own),
      line,
      words: searchText(own),
    };
    bytes += size(kept) - (known ? size(known) : 0);
    spanCount += known ? 0 : 1;
    spans.set(record.spanId, kept);
  }

  function keepBeside(record: ScoreRecord | FindingRecord, project: Project, kind: "scores" | "findings"): void {
    const all: Map<string, Kept<any>> = project[kind];
    const known: Kept<typeof record> | undefined = all.get(record.id);
    if (known && known.record.seq >= record.seq) return;
    const line = encode(record);
    const kept: Kept<any> = { record: JSON.parse(line), line };
    bytes += line.length - (known?.line.length ?? 0);
    all.set(record.id, kept);
    if (known?.record.traceId) traceOf(known.record.traceId, project)[kind].delete(record.id);
    if (record.traceId) (traceOf(record.traceId, project)[kind] as typeof all).set(record.id, kept);
  }

  function drop(traceId: string, trace: KeptTrace, project: Project): void {
    for (const kept of trace.spans.values()) bytes -= size(kept);
    spanCount -= trace.spans.size;
    project.traces.delete(traceId);
    for (const kind of ["scores", "findings"] as const) {
      for (const [id, { line }] of trace[kind]) {
        bytes -= line.length;
        project[kind].delete(id);
      }
    }
  }

  /** Scores and findings without a trace, and those whose trace has no span. */
  function dropOrphans(project: Project, beforeUs: number): void {
    for (const kind of ["scores", "findings"] as const) {
      for (const [id, { record, line }] of project[kind]) {
        const trace = project.traces.get(record.traceId ?? "");
        if ((trace && trace.spans.size > 0) || microseconds(record.time) >= beforeUs) continue;
        bytes -= line.length;
        project[kind].delete(id);
        trace?.[kind].delete(id);
      }
    }
  }

  function prune({ beforeUs = Number.NEGATIVE_INFINITY, maxBytes: most }: PruneOptions): {
    traces: number;
    spans: number;
  } {
    const listed = [...projects.values()].flatMap((project) =>
      summariesOf(project).map((summary) => ({ project, summary, end: endUs(summary) })),
    );
    listed.sort((a, b) => a.end - b.end || compareText(a.summary.traceId, b.summary.traceId));
    const gone = { traces: 0, spans: 0 };
    for (const { project, summary, end } of listed) {
      if (end >= beforeUs && (most === undefined || bytes <= most)) break;
      drop(summary.traceId, project.traces.get(summary.traceId)!, project);
      gone.traces += 1;
      gone.spans += summary.spans;
    }
    for (const project of projects.values()) dropOrphans(project, beforeUs);
    return gone;
  }

  return checkedStore({
    name,

    async append(records, asked) {
      const project = projectOf(asked);
      if (records.length === 0) return;
      makeSure(records, project);
      projects.set(asked?.project ?? "default", project);
      for (const record of records) keep(record, project);
      revision += 1;
    },

    async traces(query = {}) {
      const limit = limitOf(query.limit, 50, 500);
      const place = placeOf(query.after);
      const found = matching(projectOf(query), query).filter(
        (trace) => !place || newestFirst(placeOfTrace(trace), place) > 0,
      );
      return pageOf(
        found.sort((a, b) => newestFirst(placeOfTrace(a), placeOfTrace(b))),
        limit,
        placeOfTrace,
      );
    },

    async trace(traceId, asked) {
      const trace = projectOf(asked).traces.get(traceId);
      if (!trace || trace.spans.size === 0) return undefined;
      const { metadata } = newestOf([...trace.spans.values()]).facts;
      return structuredClone({
        summary: summaryOf(trace),
        ...(metadata && { metadata }),
        scores: besideOf(trace.scores),
        findings: besideOf(trace.findings),
      });
    },

    async spans(traceId, asked) {
      const limit = limitOf(asked?.limit, 1_000, 10_000);
      const place = placeOf(asked?.after);
      const trace = projectOf(asked).traces.get(traceId);
      const rows = [...(trace?.spans.values() ?? [])].map(({ row }) => row).sort(byStart);
      const rest = place
        ? rows.filter((row) => (row.startUs - place.us || compareText(row.spanId, place.id)) > 0)
        : rows;
      return pageOf(rest, limit, ({ startUs, spanId }) => ({ us: startUs, id: spanId }));
    },

    async span(traceId, spanId, asked) {
      const kept = projectOf(asked).traces.get(traceId)?.spans.get(spanId);
      return kept && JSON.parse(kept.line);
    },

    async aggregate(query) {
      return aggregateRows(countedOf(projectOf(query), query.of ?? "calls"), query);
    },

    async sessions(query = {}) {
      const limit = limitOf(query.limit, 50, 500);
      const place = placeOf(query.after);
      const found = sessionsOf(matching(projectOf(query), query));
      const rest = found.filter((session) => !place || newestFirst(placeOfSession(session), place) > 0);
      return pageOf(rest, limit, placeOfSession);
    },

    async values(query) {
      const limit = limitOf(query.limit, 20, 1_000);
      const counts = new Map<string, number>();
      const prefix = plainText(query.prefix ?? "").toLowerCase();
      for (const trace of projectOf(query).traces.values()) {
        if (trace.spans.size === 0 || summaryOf(trace).startUs < (query.fromUs ?? Number.NEGATIVE_INFINITY)) continue;
        for (const value of valuesOf(trace, query.field)) {
          if (value.toLowerCase().startsWith(prefix)) counts.set(value, (counts.get(value) ?? 0) + 1);
        }
      }
      return [...counts]
        .map(([value, traces]) => ({ value, traces }))
        .sort((a, b) => b.traces - a.traces || compareText(a.value, b.value))
        .slice(0, limit);
    },

    async revision(asked) {
      projectOf(asked);
      return String(revision);
    },

    async stats(asked) {
      const { traces, scores, findings } = projectOf(asked);
      const rows = [...traces.values()].flatMap(({ spans }) => [...spans.values()].map(({ row }) => row.startUs));
      const oldestUs = rows.reduce((oldest, us) => Math.min(oldest, us), Number.POSITIVE_INFINITY);
      const newestUs = rows.reduce((newest, us) => Math.max(newest, us), 0);
      return {
        spans: rows.length,
        traces: [...traces.values()].filter(({ spans }) => spans.size > 0).length,
        scores: scores.size,
        findings: findings.size,
        bytes,
        ...(rows.length > 0 && { oldestUs, newestUs }),
      };
    },

    async prune(asked) {
      projectOf(undefined);
      revision += 1;
      return prune(asked);
    },

    async sql() {
      projectOf(undefined);
      const way = "Import the records into sqliteStore or clickHouseStore to ask in SQL.";
      throw new StoreError("STORE_BAD_QUERY", `The store ${name} keeps records in memory and knows no SQL. ${way}`);
    },

    async close() {
      isClosed = true;
      projects.clear();
    },
  });
}

function size(kept: KeptSpan): number {
  return kept.line.length + kept.words.length;
}

import { traceFacts } from "../trace-facts.ts";
import type { ParsedSpan } from "./batch.ts";
import type { Books } from "./books.ts";
import { readPreviews, type recordReader } from "./chunk-reader.ts";
import type { Connection } from "./connection.ts";
import { removeSpan } from "./remove-span.ts";
import { SPAN_COLUMNS, spanRowOf } from "./stored-span.ts";
import {
  clearSpans,
  conclude,
  INSERT_TRACE,
  learn,
  newTrace,
  type TraceRow,
  takeIn,
  traceRow,
  traceValues,
  UPDATE_TRACE,
} from "./trace-row.ts";

/** What the index has of a trace before it changes. */
export interface Before {
  readonly startUs: number;
  readonly terms: readonly number[];
}

export function beforeOf(trace: TraceRow): Before {
  return { startUs: trace.start_us, terms: trace.terms };
}

export function findTrace({ prepare }: Connection, project: number, traceId: string): TraceRow | undefined {
  const stored = prepare("SELECT * FROM traces WHERE project = ? AND trace_id = ?").get(project, traceId);
  return stored && traceRow(stored);
}

/** @returns the trace, when some of its spans are replaced, so that it is to be read again */
export function keepTrace(
  connection: Connection,
  books: Books,
  group: readonly ParsedSpan[],
  hasFindings: boolean,
  kept: Map<ParsedSpan, TraceRow>,
): { trace: TraceRow; before: Before } | undefined {
  const [{ project: name, row: first }] = group as [ParsedSpan];
  const project = books.vocabulary.project(name);
  const stored = findTrace(connection, project, first.traceId);
  const trace = stored ?? newTrace(project, first.traceId);
  const before = beforeOf(trace);
  let isReplaced = false;
  const fresh: ParsedSpan[] = [];
  for (const span of group) {
    if (stored) {
      const sql = "SELECT id, seq FROM span_rows WHERE trace = ? AND span_id = ?";
      const known = connection.prepare(sql).get(stored.id, span.row.spanId);
      if (known && known.seq >= span.row.seq) continue;
      if (known) {
        removeSpan(connection, books, known.id);
        isReplaced = true;
      }
    }
    fresh.push(span);
    kept.set(span, trace);
  }
  if (!stored || hasFindings) books.countFindings(trace);
  if (isReplaced) return { trace, before };
  for (const span of fresh) takeIn(trace, span);
  if (stored) {
    if (fresh.length > 0 || hasFindings) updateTrace(connection, books, trace, before);
    return undefined;
  }
  conclude(trace);
  trace.terms = books.terms.of(trace);
  trace.id = Number(connection.prepare(INSERT_TRACE).run(...traceValues(trace)).lastInsertRowid);
  books.terms.put(trace.id, trace.start_us, trace.terms);
  books.peaks.add(trace);
  books.count(project, "traces", 1);
  return undefined;
}

export function updateTrace({ prepare }: Connection, { terms, peaks }: Books, trace: TraceRow, before: Before): void {
  conclude(trace);
  trace.terms = terms.of(trace);
  const isMoved = before.startUs !== trace.start_us;
  const [old, now] = [new Set(before.terms), new Set(trace.terms)];
  terms.take(trace.id, before.startUs, isMoved ? before.terms : before.terms.filter((term) => !now.has(term)));
  terms.put(trace.id, trace.start_us, isMoved ? trace.terms : trace.terms.filter((term) => !old.has(term)));
  peaks.add(trace);
  prepare(UPDATE_TRACE).run(...traceValues(trace).slice(2), trace.id);
}

/** The trace once more from all its spans: what a replaced one has added cannot be taken away. */
export function readAgain(connection: Connection, trace: TraceRow, readRecord: ReturnType<typeof recordReader>): void {
  clearSpans(trace);
  const sql = `SELECT ${SPAN_COLUMNS} FROM span_rows s JOIN dims d ON d.id = s.dim WHERE s.trace = ?`;
  let [newest, lead] = [0, 0];
  for (const stored of connection.prepare(sql).iterate(trace.id)) {
    const row = spanRowOf(stored, trace.trace_id);
    takeIn(trace, { row, root: stored.root ?? undefined });
    if (trace.last_span === row.spanId) newest = stored.id;
    if (trace.lead_span === row.spanId) lead = stored.id;
  }
  const record = readRecord(newest);
  if (record) learn(trace, traceFacts(record));
  const [input, output] = readPreviews(connection, [lead]).get(lead) ?? [null, null];
  trace.input_preview = input;
  trace.output_preview = output;
}

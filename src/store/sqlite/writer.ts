import { type Batch, type ParsedSpan, readBatch } from "./batch.ts";
import type { Books } from "./books.ts";
import { recordReader } from "./chunk-reader.ts";
import type { Connection } from "./connection.ts";
import { keepBeside } from "./keep-beside.ts";
import { keepSpans } from "./keep-spans.ts";
import { type Before, beforeOf, findTrace, keepTrace, readAgain, updateTrace } from "./keep-trace.ts";
import type { Load } from "./load.ts";
import type { TraceRow } from "./trace-row.ts";

/**
 * Keeps what is new in the loads, as one transaction.
 *
 * @returns for each load the error of a record that is none, or undefined; the others are kept
 */
export function append(connection: Connection, books: Books, loads: readonly Load[]): readonly (unknown | undefined)[] {
  // The dearest part, while others may write.
  const batch = readBatch(loads);
  if (batch.spans.size + batch.scores.size + batch.findings.size > 0) {
    books.write(() => keep(connection, books, batch));
  }
  return batch.errors;
}

function keep(connection: Connection, books: Books, batch: Batch): void {
  const touched = keepBeside(connection, books, batch);
  const groups = new Map<string, ParsedSpan[]>();
  for (const span of batch.spans.values()) {
    const key = `${span.project}\n${span.row.traceId}`;
    const group = groups.get(key);
    if (group) group.push(span);
    else groups.set(key, [span]);
  }
  const kept = new Map<ParsedSpan, TraceRow>();
  const changed: { readonly trace: TraceRow; readonly before: Before }[] = [];
  for (const [key, group] of groups) {
    const again = keepTrace(connection, books, group, touched.has(key), kept);
    if (again) changed.push(again);
  }
  const inOrder = [...kept].sort(([a], [b]) => a.place - b.place);
  keepSpans(connection, books, batch.chunks, inOrder);
  const readRecord = recordReader(connection);
  for (const { trace, before } of changed) {
    readAgain(connection, trace, readRecord);
    updateTrace(connection, books, trace, before);
  }
  for (const [key, { project, traceId }] of touched) {
    const stored = groups.has(key) ? undefined : findTrace(connection, project, traceId);
    if (!stored) continue;
    const before = beforeOf(stored);
    books.countFindings(stored);
    updateTrace(connection, books, stored, before);
  }
}

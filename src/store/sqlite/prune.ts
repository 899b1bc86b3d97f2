import type { PruneOptions } from "../trace-store.ts";
import type { Books } from "./books.ts";
import type { Connection } from "./connection.ts";
import { removeSpan } from "./remove-span.ts";

/** Spans, and traces, after which others may write again. */
const STEP = 2_000;
const TRACES = 200;

export interface Pruned {
  readonly traces: number;
  readonly spans: number;
  readonly isDone: boolean;
}

/** Deletes some of what is to go, oldest first. */
export function pruneStep(connection: Connection, books: Books, options: PruneOptions): Pruned {
  const { beforeUs = Number.NEGATIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY } = options;
  const step = books.write(() => {
    // What the store takes is known when the words of what has gone are.
    if (books.words.clearPart()) return { traces: 0, spans: 0, isDone: false };
    const quota = spansTooMany(connection, maxBytes);
    let [traces, spans] = [0, 0];
    for (const trace of oldestTraces(connection)) {
      if (spans >= STEP || !(trace.end_us < beforeUs || spans < quota)) break;
      spans += removeTrace(connection, books, trace);
      traces += 1;
    }
    if (traces === 0) {
      removeOrphans(connection, books, beforeUs);
      books.peaks.prune();
    }
    return { traces, spans, isDone: traces === 0 };
  });
  connection.db.exec("PRAGMA incremental_vacuum(2000)");
  return step;
}

function oldestTraces({ prepare }: Connection): any[] {
  return prepare(
    `SELECT id, project, trace_id, start_us, terms, start_us + duration_ns / 1000 AS end_us
      FROM traces ORDER BY end_us, trace_id LIMIT ${TRACES}`,
  ).all();
}

/** About how many spans have to go for the size; rather a few less, as the next step looks again. */
function spansTooMany(connection: Connection, maxBytes: number): number {
  const used = usedBytes(connection);
  if (used <= maxBytes) return 0;
  const { spans } = connection.prepare("SELECT sum(spans) AS spans FROM projects").get();
  return Math.max(1, Math.floor((spans * 0.8 * (used - maxBytes)) / used));
}

export function usedBytes({ prepare }: Connection): number {
  const { page_count: all } = prepare("PRAGMA page_count").get();
  const { freelist_count: free } = prepare("PRAGMA freelist_count").get();
  const { page_size: size } = prepare("PRAGMA page_size").get();
  return (all - free) * size;
}

function removeTrace(connection: Connection, books: Books, trace: any): number {
  const { prepare } = connection;
  const ids = prepare("SELECT id FROM span_rows WHERE trace = ? ORDER BY id").all(trace.id);
  for (const { id } of ids) removeSpan(connection, books, id);
  books.terms.take(trace.id, trace.start_us, JSON.parse(trace.terms));
  prepare("DELETE FROM traces WHERE id = ?").run(trace.id);
  books.count(trace.project, "traces", -1);
  for (const table of ["scores", "findings"] as const) {
    const sql = `DELETE FROM ${table} WHERE project = ? AND trace_id = ?`;
    books.count(trace.project, table, -Number(prepare(sql).run(trace.project, trace.trace_id).changes));
  }
  return ids.length;
}

/** Scores and findings that hang on no trace that is here. */
function removeOrphans({ prepare }: Connection, books: Books, beforeUs: number): void {
  if (!Number.isFinite(beforeUs)) return;
  for (const table of ["scores", "findings"] as const) {
    const orphans = `time_us < ? AND NOT EXISTS
      (SELECT 1 FROM traces t WHERE t.project = ${table}.project AND t.trace_id = ${table}.trace_id)`;
    const found = prepare(`SELECT project, count(*) AS count FROM ${table} WHERE ${orphans} GROUP BY project`).all(
      beforeUs,
    );
    for (const { project, count } of found) books.count(project, table, -count);
    prepare(`DELETE FROM ${table} WHERE ${orphans}`).run(beforeUs);
  }
}

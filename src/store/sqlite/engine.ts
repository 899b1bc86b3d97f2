import type { FindingRecord, ScoreRecord, SpanRecord } from "../../core/record.ts";
import { limitOf, pageOf, placeOf } from "../paging.ts";
import { plainText } from "../plain-text.ts";
import type {
  AggregateQuery,
  AggregateRow,
  Page,
  ProjectOption,
  PruneOptions,
  SessionSummary,
  SpanRow,
  SpansOptions,
  SqlAnswer,
  StoredTrace,
  StoreStats,
  TraceQuery,
  TraceSummary,
  ValuesQuery,
} from "../trace-store.ts";
import { aggregate } from "./aggregate.ts";
import { type Books, createBooks } from "./books.ts";
import { readPreviews, readRecord } from "./chunk-reader.ts";
import { type Connection, type ConnectionOptions, connect, storeError } from "./connection.ts";
import type { Load } from "./load.ts";
import { type Pruned, pruneStep, usedBytes } from "./prune.ts";
import { listSessions } from "./sessions.ts";
import { runSql } from "./sql.ts";
import { SPAN_COLUMNS, spanRowOf } from "./stored-span.ts";
import { listTraces } from "./trace-list.ts";
import { SUMMARY_COLUMNS, summaryOf } from "./trace-row.ts";
import { listValues } from "./values.ts";
import { append } from "./writer.ts";

/** A store on one connection, without waiting for anything: what runs in a thread. */
export interface Engine {
  append(loads: readonly Load[]): readonly (unknown | undefined)[];
  pruneStep(options: PruneOptions): Pruned;
  traces(query: TraceQuery): Page<TraceSummary>;
  trace(traceId: string, options: ProjectOption): StoredTrace | undefined;
  spans(traceId: string, options: SpansOptions): Page<SpanRow>;
  span(traceId: string, spanId: string, options: ProjectOption): SpanRecord | undefined;
  aggregate(query: AggregateQuery): AggregateRow[];
  sessions(query: TraceQuery): Page<SessionSummary>;
  values(query: ValuesQuery): { value: string; traces: number }[];
  revision(options: ProjectOption): string;
  stats(options: ProjectOption): StoreStats;
  sql(statement: string, options: { limit?: number }): SqlAnswer;
  close(): void;
}

/** Opened on first use, as a thread has to say what is wrong with the file to whoever asks. */
export function createEngine(options: ConnectionOptions): Engine {
  let opened: { connection: Connection; books: Books } | undefined;
  function open(): { connection: Connection; books: Books } {
    if (!opened) {
      const connection = connect(options);
      opened = { connection, books: createBooks(connection) };
    }
    return opened;
  }

  /** Runs it on the connection, and says of errors what they mean. */
  function using<T>(action: (connection: Connection, books: Books) => T): T {
    try {
      const { connection, books } = open();
      return action(connection, books);
    } catch (error) {
      throw storeError(error, options.path);
    }
  }

  function reading<T>(asked: ProjectOption, action: (connection: Connection, project: number | undefined) => T): T {
    return using((connection) => {
      const found = connection.prepare("SELECT id FROM projects WHERE name = ?").get(asked.project ?? "default");
      return action(connection, found?.id);
    });
  }

  return {
    append: (loads) => using((connection, books) => append(connection, books, loads)),
    pruneStep: (asked) => using((connection, books) => pruneStep(connection, books, asked)),
    traces: (query) => reading(query, (connection, project) => listTraces(connection, project, query)),
    trace: (traceId, asked) => reading(asked, (connection, project) => traceOf(connection, project, traceId)),
    spans: (traceId, asked) => reading(asked, (connection, project) => spansOf(connection, project, traceId, asked)),
    span: (traceId, spanId, asked) =>
      reading(asked, (connection, project) => {
        const trace = idOf(connection, project, traceId);
        if (trace === undefined) return undefined;
        const found = connection
          .prepare("SELECT id FROM span_rows WHERE trace = ? AND span_id = ?")
          .get(trace, plainText(spanId));
        return found && readRecord(connection, found.id);
      }),
    aggregate: (query) => reading(query, (connection, project) => aggregate(connection, project, query)),
    sessions: (query) => reading(query, (connection, project) => listSessions(connection, project, query)),
    values: (query) => reading(query, (connection, project) => listValues(connection, project, query)),
    revision: (asked) =>
      reading(asked, ({ prepare }, project) => {
        if (project === undefined) return "0";
        return String(prepare("SELECT revision FROM projects WHERE id = ?").get(project).revision);
      }),
    stats: (asked) => reading(asked, statsOf),
    sql: (statement, asked) => using((connection) => runSql(connection, statement, asked)),
    close() {
      const { connection } = opened ?? {};
      opened = undefined;
      if (!connection) return;
      try {
        if (options.use === "write" && !options.isReadOnly) connection.db.exec("PRAGMA optimize");
      } catch {
        // Better statistics are no reason to fail: another process may be writing.
      }
      connection.close();
    },
  };
}

function idOf({ prepare }: Connection, project: number | undefined, traceId: string): number | undefined {
  if (project === undefined) return undefined;
  return prepare("SELECT id FROM traces WHERE project = ? AND trace_id = ?").get(project, plainText(traceId))?.id;
}

function traceOf({ prepare }: Connection, project: number | undefined, traceId: string): StoredTrace | undefined {
  if (project === undefined) return undefined;
  const sql = `SELECT ${SUMMARY_COLUMNS}, t.metadata FROM traces t WHERE t.project = ? AND t.trace_id = ?`;
  const row = prepare(sql).get(project, plainText(traceId));
  if (!row) return undefined;
  const beside = <T>(table: "scores" | "findings"): T[] =>
    prepare(`SELECT line FROM ${table} WHERE project = ? AND trace_id = ? ORDER BY time_us, id`)
      .all(project, plainText(traceId))
      .map(({ line }) => JSON.parse(line));
  return {
    summary: summaryOf(row),
    ...(row.metadata !== null && { metadata: JSON.parse(row.metadata) }),
    scores: beside<ScoreRecord>("scores"),
    findings: beside<FindingRecord>("findings"),
  };
}

function spansOf(
  connection: Connection,
  project: number | undefined,
  traceId: string,
  asked: SpansOptions,
): Page<SpanRow> {
  const limit = limitOf(asked.limit, 1_000, 10_000);
  const place = placeOf(asked.after);
  const trace = idOf(connection, project, traceId);
  if (trace === undefined) return { items: [] };
  const sql = `SELECT ${SPAN_COLUMNS} FROM span_rows s INDEXED BY span_rows_in_order CROSS JOIN dims d ON d.id = s.dim
    WHERE s.trace = ?${place ? " AND (s.start_us, s.span_id) > (?, ?)" : ""} ORDER BY s.start_us, s.span_id LIMIT ?`;
  const rows = connection.prepare(sql).all(trace, ...(place ? [place.us, place.id] : []), limit + 1);
  const previews = readPreviews(
    connection,
    rows.map(({ id }) => id),
  );
  return pageOf(
    rows.map((row) => spanRowOf(row, plainText(traceId), previews.get(row.id))),
    limit,
    ({ startUs, spanId }) => ({ us: startUs, id: spanId }),
  );
}

function statsOf(connection: Connection, project: number | undefined): StoreStats {
  const { prepare } = connection;
  const bytes = usedBytes(connection);
  if (project === undefined) return { spans: 0, traces: 0, scores: 0, findings: 0, bytes };
  const { spans, traces, scores, findings } = prepare("SELECT * FROM projects WHERE id = ?").get(project);
  const ends = "SELECT min(oldest_us) AS oldest, max(newest_us) AS newest FROM figures WHERE project = ?";
  const { oldest, newest } = prepare(ends).get(project);
  return {
    ...{ spans, traces, scores, findings, bytes },
    ...(spans > 0 && { oldestUs: oldest, newestUs: newest }),
  };
}

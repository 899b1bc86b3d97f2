import { limitOf } from "../paging.ts";
import { StoreError } from "../store-error.ts";
import type { PruneOptions, SqlAnswer, StoreStats } from "../trace-store.ts";
import { bump } from "./append.ts";
import type { Database } from "./database.ts";
import { grouped } from "./grouped.ts";
import { portions } from "./portions.ts";
import { dayOf } from "./rows.ts";
import { onCluster, type SchemaOptions, storedTable, TABLES, type Table } from "./schema.ts";

/** Traces that are deleted by one statement. */
const AT_ONCE = 2_000;

export async function statsOf(db: Database, project: string): Promise<StoreStats> {
  const { database } = db.schema;
  const [[traces], [beside], bytes] = await Promise.all([
    db.rows(
      `SELECT count() AS traces, sum(spans) AS spans, min(start_us) AS oldest, max(newest_us) AS newest
FROM ${database}.trace_rows AS t FINAL WHERE project = {project:String} AND is_moved = 0`,
      { project },
    ),
    db.rows(
      `SELECT (SELECT count() FROM ${database}.scores FINAL WHERE project = {project:String}) AS scores,
  (SELECT count() FROM ${database}.findings FINAL WHERE project = {project:String}) AS findings`,
      { project },
    ),
    bytesOf(db),
  ]);
  return {
    ...{ spans: traces.spans, traces: traces.traces, scores: beside.scores, findings: beside.findings, bytes },
    ...(traces.traces > 0 && { oldestUs: traces.oldest, newestUs: traces.newest }),
  };
}

/** Of one copy of everything. */
async function bytesOf(db: Database): Promise<number> {
  const { database, cluster } = db.schema;
  const parts = cluster === undefined ? "system.parts" : `cluster('${cluster}', system.parts)`;
  const [row] = await db.rows(
    `SELECT sum(bytes_on_disk) AS bytes FROM ${parts} WHERE active AND database = {database:String}`,
    {
      database,
    },
  );
  return row.bytes;
}

export async function revisionOf(db: Database, project: string): Promise<string> {
  const [row] = await db.rows(
    `SELECT toString(sum(appended)) AS revision FROM ${db.schema.database}.revisions WHERE project IN ({project:String}, '')`,
    { project },
  );
  return row.revision;
}

interface Doomed {
  readonly project: string;
  readonly trace_id: string;
  readonly spans: number;
  readonly bytes: number;
}

export async function prune(db: Database, options: PruneOptions): Promise<{ traces: number; spans: number }> {
  const gone = { traces: 0, spans: 0 };
  const { beforeUs, maxBytes } = options;
  const drop = async (traces: readonly Doomed[]) => {
    for (let i = 0; i < traces.length; i += AT_ONCE) await deleteTraces(db, traces.slice(i, i + AT_ONCE));
    gone.traces += traces.length;
    for (const { spans } of traces) gone.spans += spans;
  };
  if (beforeUs !== undefined) {
    await drop(
      await oldest(db, "WHERE intDiv(start_us * 1000 + duration_ns, 1000) < {before:UInt64}", clamp(beforeUs)),
    );
    await deleteOrphans(db, clamp(beforeUs));
  }
  if (maxBytes !== undefined) await shrink(db, maxBytes, drop);
  // Of no project, which is of all.
  await bump(db, "");
  return gone;
}

function clamp(us: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.ceil(us)));
}

/** How much room something takes shows when it is gone: by shares, until it is enough. */
async function shrink(db: Database, maxBytes: number, drop: (traces: Doomed[]) => Promise<void>): Promise<void> {
  for (;;) {
    const bytes = await bytesOf(db);
    if (bytes <= maxBytes) return;
    const traces = await oldest(db, "", 0);
    if (traces.length === 0) return;
    const all = traces.reduce((sum, trace) => sum + trace.bytes, 0);
    const wanted = all * (1 - maxBytes / bytes);
    let freed = 0;
    const count = traces.findIndex((trace) => (freed += trace.bytes) >= wanted) + 1;
    await drop(traces.slice(0, Math.max(1, count)));
  }
}

/** By their end, then by id. */
async function oldest(db: Database, where: string, before: number): Promise<Doomed[]> {
  const live = where === "" ? "WHERE is_moved = 0" : `${where} AND is_moved = 0 AND day <= toDate({day:UInt16})`;
  return db.rows(
    `SELECT project, trace_id, spans, bytes FROM ${db.schema.database}.trace_rows FINAL ${live}
ORDER BY intDiv(start_us * 1000 + duration_ns, 1000), trace_id`,
    { before, day: dayOf(before) },
  );
}

export const OF_TRACES = "project = {project:String} AND trace_id IN {ids:Array(String)}";

async function deleteTraces(db: Database, traces: readonly Doomed[]): Promise<void> {
  const byProject = grouped(traces, ({ project }) => project);
  for (const [project, some] of byProject) {
    const params = { project, ids: some.map(({ trace_id }) => trace_id) };
    for (const table of ["scores", "findings"] as const) {
      // By their ids: an old record of one in another trace must not come to light.
      const rows = await db.rows(`SELECT id FROM ${db.schema.database}.${table} FINAL WHERE ${OF_TRACES}`, params);
      await deleteByIds(db, table, project, rows);
    }
    await deleteFrom(db, "payloads", OF_TRACES, params);
    await deleteFrom(db, "span_rows", OF_TRACES, params);
    // Summaries last: what fails in between is found again.
    await deleteFrom(db, "trace_rows", OF_TRACES, params);
  }
}

async function deleteOrphans(db: Database, beforeUs: number): Promise<void> {
  const { database } = db.schema;
  for (const table of ["scores", "findings"] as const) {
    const rows = await db.rows<{ project: string; id: string }>(
      `SELECT project, id FROM ${database}.${table} FINAL WHERE time_us < {before:UInt64} AND (project, trace_id) GLOBAL NOT IN (
  SELECT project, trace_id FROM ${database}.trace_rows FINAL WHERE is_moved = 0
)`,
      { before: beforeUs },
    );
    for (const [project, some] of grouped(rows, (row) => row.project)) {
      await deleteByIds(db, table, project, some);
    }
  }
}

async function deleteByIds(
  db: Database,
  table: "scores" | "findings",
  project: string,
  rows: readonly { readonly id: string }[],
): Promise<void> {
  for (const ids of portions(rows.map(({ id }) => id))) {
    await deleteFrom(db, table, "project = {project:String} AND id IN {ids:Array(String)}", { project, ids });
  }
}

/** Waits until every copy is without it. */
async function deleteFrom(
  db: Database,
  table: Table,
  where: string,
  params: { readonly project: string; readonly ids: readonly string[] },
): Promise<void> {
  await db.everywhere(() => deletion(db.schema, table, where), params);
}

export function deletion(schema: SchemaOptions, table: Table, where: string): string {
  return `ALTER TABLE ${storedTable(table, schema)}${onCluster(schema)} DELETE WHERE ${where} SETTINGS mutations_sync = 2`;
}

const READS = /^\s*(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXPLAIN|EXISTS)\b/i;
const WRITES =
  /^\s*(?:INSERT|ALTER|CREATE|DROP|TRUNCATE|RENAME|EXCHANGE|DELETE|UPDATE|OPTIMIZE|SYSTEM|SET|USE|GRANT|REVOKE|KILL|ATTACH|DETACH|BACKUP|RESTORE)\b/i;

export async function sqlOf(
  db: Database,
  name: string,
  statement: string,
  asked: { readonly limit?: number },
  timeoutMs: number,
): Promise<SqlAnswer> {
  const limit = limitOf(asked.limit, 1_000, 100_000);
  if (WRITES.test(statement)) {
    throw new StoreError(
      "STORE_READ_ONLY",
      `sql() only reads the store ${name}: SELECT, WITH, SHOW, DESCRIBE or EXPLAIN.`,
    );
  }
  if (!READS.test(statement)) {
    throw new StoreError(
      "STORE_BAD_QUERY",
      "sql() takes one statement that begins with SELECT, WITH, SHOW, DESCRIBE or EXPLAIN.",
    );
  }
  const { meta, data } = await db.raw(statement.replace(/[\s;]+$/, ""), limit + 1, timeoutMs);
  return {
    columns: meta.map((column) => column.name),
    rows: data.slice(0, limit).map((row) => row.map(cellOf)),
    ...(data.length > limit && { isCut: true }),
  };
}

function cellOf(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number") return value;
  return typeof value === "boolean" ? Number(value) : JSON.stringify(value);
}

/** Puts parts together; reading never needs it. */
export async function optimize(db: Database): Promise<void> {
  for (const table of TABLES) {
    await db.everywhere((on) => `OPTIMIZE TABLE ${storedTable(table, db.schema)}${on} FINAL`);
  }
}

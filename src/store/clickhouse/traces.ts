import type { FindingRecord, ScoreRecord, SpanRecord } from "../../core/record.ts";
import { limitOf, type Place, pageOf, placeOf } from "../paging.ts";
import { plainText } from "../plain-text.ts";
import type {
  Page,
  SessionSummary,
  SpanRow,
  SpansOptions,
  StoredTrace,
  TraceQuery,
  TraceSummary,
  ValuesQuery,
} from "../trace-store.ts";
import { afterPlace, type Conditions, conditionsOf, joined, timeConditions } from "./conditions.ts";
import type { Database } from "./database.ts";
import type { Params } from "./driver.ts";
import { dayOf, ROW_COLUMNS, spanRowOf } from "./rows.ts";
import { LINE } from "./schema.ts";
import { addSums, type FoundFindings, SUMMARY_COLUMNS, summaryOf } from "./summaries.ts";
import { recordOf } from "./text-columns.ts";
import { ALL_HITS, searchesOf, type TextSearch, wordsOf } from "./text-hits.ts";

/** How many traces are looked through at first for words that many have; then four times as many. */
const FIRST_LOOK = 100;
const LONGEST_LOOK = 2_000;

export async function tracesOf(db: Database, project: string, query: TraceQuery): Promise<Page<TraceSummary>> {
  const limit = limitOf(query.limit, 50, 500);
  const place = placeOf(query.after);
  const conditions = conditionsOf(db.schema.database, project, query);
  const wanted = wordsOf(query);
  if (wanted.length === 0) return page(db, project, await newest(db, [conditions], place, limit + 1), limit);
  const found: any[] = [];
  for await (const search of searchesOf(db, project, query, place, wanted, limit)) {
    found.push(...(await withWords(db, conditions, search, place, limit + 1 - found.length)));
    if (found.length > limit) break;
  }
  return page(db, project, found, limit);
}

/** The newest that have the words. */
async function withWords(
  db: Database,
  conditions: Conditions,
  { ofTraces, isVague, among }: TextSearch,
  place: Place | undefined,
  limit: number,
): Promise<any[]> {
  const found: any[] = [];
  let from = place;
  const first = isVague ? Math.max(FIRST_LOOK, 2 * limit) : limit;
  for (let look = first; found.length < limit; look = Math.min(look * 4, LONGEST_LOOK)) {
    const rows = await newest(db, [conditions, ofTraces], from, look);
    const hits = await among(rows.map(({ trace_id }) => trace_id));
    found.push(...rows.filter(({ trace_id }) => hits.has(trace_id)));
    if (rows.length < look) break;
    from = placeOfRow(rows.at(-1));
  }
  return found.slice(0, limit);
}

async function newest(
  db: Database,
  parts: readonly (Conditions | undefined)[],
  place: Place | undefined,
  limit: number,
): Promise<any[]> {
  const day = place && { where: "day <= toDate({placeDay:UInt16})", params: { placeDay: dayOf(place.us) } };
  const { where, params } = joined([...parts, afterPlace("start_us", "trace_id", place), day]);
  return db.rows(
    `SELECT ${SUMMARY_COLUMNS} FROM ${db.schema.database}.trace_rows FINAL
WHERE ${where}
ORDER BY start_us DESC, trace_id DESC LIMIT ${limit}`,
    params,
  );
}

async function page(db: Database, project: string, rows: readonly any[], limit: number): Promise<Page<TraceSummary>> {
  const { items, next } = pageOf(rows, limit, placeOfRow);
  const findings = await findingsOf(
    db,
    project,
    items.map(({ trace_id }) => trace_id),
  );
  const summaries = items.map((row) => summaryOf(row, findings.get(row.trace_id)));
  return { items: summaries, ...(next !== undefined && { next }) };
}

function placeOfRow(row: any): Place {
  return { us: row.start_us, id: row.trace_id };
}

async function findingsOf(
  db: Database,
  project: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, FoundFindings>> {
  if (ids.length === 0) return new Map();
  const rows = await db.rows(
    `SELECT trace_id, count() AS found, argMax(severity, indexOf(['info', 'warning', 'error'], severity)) AS worst
FROM ${db.schema.database}.findings FINAL
WHERE project = {project:String} AND trace_id IN {ids:Array(String)}
GROUP BY trace_id`,
    { project, ids },
  );
  return new Map(rows.map(({ trace_id, found, worst }) => [trace_id, { count: found, worst }]));
}

export async function traceOf(db: Database, project: string, traceId: string): Promise<StoredTrace | undefined> {
  const { database } = db.schema;
  const params = { project, id: plainText(traceId) };
  const ofTrace = "project = {project:String} AND trace_id = {id:String}";
  const [[row], scores, findings] = await Promise.all([
    db.rows(
      `SELECT ${SUMMARY_COLUMNS}, metadata FROM ${database}.trace_rows FINAL WHERE ${ofTrace} AND is_moved = 0`,
      params,
    ),
    db.rows(`SELECT line FROM ${database}.scores FINAL WHERE ${ofTrace} ORDER BY time_us, id`, params),
    db.rows(`SELECT line FROM ${database}.findings FINAL WHERE ${ofTrace} ORDER BY time_us, id`, params),
  ]);
  if (!row) return undefined;
  const found: FindingRecord[] = findings.map(({ line }) => JSON.parse(line));
  const given: ScoreRecord[] = scores.map(({ line }) => JSON.parse(line));
  return {
    summary: summaryOf(row, worstOf(found)),
    ...(row.metadata !== "" && { metadata: JSON.parse(row.metadata) }),
    scores: given,
    findings: found,
  };
}

function worstOf(findings: readonly FindingRecord[]): FoundFindings | undefined {
  if (findings.length === 0) return undefined;
  const worst = (["error", "warning"] as const).find((kind) => findings.some(({ severity }) => severity === kind));
  return { count: findings.length, worst: worst ?? "info" };
}

export async function spansOf(
  db: Database,
  project: string,
  traceId: string,
  asked: SpansOptions,
): Promise<Page<SpanRow>> {
  const limit = limitOf(asked.limit, 1_000, 10_000);
  const place = placeOf(asked.after);
  const rest = place && {
    where: "(start_us, span_id) > ({placeUs:UInt64}, {placeId:String})",
    params: { placeUs: place.us, placeId: place.id },
  };
  const ofTrace = {
    where: "project = {project:String} AND trace_id = {id:String} AND is_moved = 0",
    params: { project, id: plainText(traceId) },
  };
  const { where, params } = joined([ofTrace, rest]);
  const rows = await db.rows(
    `SELECT ${ROW_COLUMNS} FROM ${db.schema.database}.span_rows FINAL
WHERE ${where}
ORDER BY start_us, span_id LIMIT ${limit + 1}`,
    params,
  );
  return pageOf(rows.map(spanRowOf), limit, ({ startUs, spanId }) => ({ us: startUs, id: spanId }));
}

export async function spanOf(
  db: Database,
  project: string,
  traceId: string,
  spanId: string,
): Promise<SpanRecord | undefined> {
  const ids = { id: plainText(traceId), span: plainText(spanId) };
  const [row] = await db.rows(
    `SELECT texts, ${LINE} AS line FROM ${db.schema.database}.payloads
WHERE project = {project:String} AND trace_id = {id:String} AND span_id = {span:String}
ORDER BY version DESC LIMIT 1`,
    { project, ...ids },
  );
  return row && recordOf(row.texts, row.line, ids.id, ids.span);
}

export async function sessionsOf(db: Database, project: string, query: TraceQuery): Promise<Page<SessionSummary>> {
  const limit = limitOf(query.limit, 50, 500);
  const place = placeOf(query.after);
  const { database } = db.schema;
  const wanted = wordsOf(query);
  const text = wanted.length > 0 ? { where: ALL_HITS(database), params: { words: wanted } } : undefined;
  const named = { where: "session_id != ''", params: {} };
  const { where, params } = joined([conditionsOf(database, project, query), named, text]);
  const rest = afterPlace("max(start_us)", "session_id", place);
  // Which sessions they are is known from two columns; a tuple is compared for theirs alone.
  const rows = await db.rows(
    `SELECT session_id, argMaxIf(user_id, (start_us, trace_id), user_id != '') AS user, count() AS trace_count,
  countIf(status = 'error') AS failed, min(start_us) AS first, max(start_us) AS last,
  sum(input_tokens) AS sum_input, sum(output_tokens) AS sum_output, sum(cost_usd) AS sum_cost, sum(unpriced) AS sum_unpriced
FROM ${database}.trace_rows FINAL
WHERE ${where} AND session_id GLOBAL IN (
  SELECT session_id FROM ${database}.trace_rows FINAL WHERE ${where}
  GROUP BY session_id${rest ? ` HAVING ${rest.where}` : ""}
  ORDER BY max(start_us) DESC, session_id DESC LIMIT ${limit + 1}
)
GROUP BY session_id ORDER BY last DESC, session_id DESC`,
    { ...params, ...rest?.params },
  );
  return pageOf(rows.map(sessionOf), limit, ({ lastUs, sessionId }) => ({ us: lastUs, id: sessionId }));
}

function sessionOf(row: any): SessionSummary {
  const session = {
    sessionId: row.session_id,
    ...(row.user !== "" && { userId: row.user }),
    traces: row.trace_count,
    errors: row.failed,
    firstUs: row.first,
    lastUs: row.last,
  };
  const { sum_input: input_tokens, sum_output: output_tokens, sum_cost: cost_usd, sum_unpriced: unpriced } = row;
  addSums(session, { input_tokens, output_tokens, cost_usd, unpriced });
  return session;
}

const VALUES: { readonly [field in ValuesQuery["field"]]: string } = {
  name: "toString(name)",
  model: "toString(arrayJoin(models))",
  userId: "user_id",
  sessionId: "session_id",
  feature: "toString(feature)",
  team: "toString(team)",
  environment: "toString(environment)",
  release: "toString(release)",
  tag: "toString(arrayJoin(tags))",
  finding: "",
};

export async function valuesOf(
  db: Database,
  project: string,
  query: ValuesQuery,
): Promise<{ readonly value: string; readonly traces: number }[]> {
  const limit = limitOf(query.limit, 20, 1_000);
  const { database } = db.schema;
  const prefix = plainText(query.prefix ?? "").toLowerCase();
  const live = { where: "project = {project:String} AND is_moved = 0", params: { project } };
  const { where, params } = joined([live, timeConditions("start_us", query.fromUs)]);
  const from =
    query.field === "finding"
      ? `SELECT toString(name) AS value, trace_id FROM ${database}.findings FINAL
  WHERE project = {project:String} AND trace_id GLOBAL IN (SELECT trace_id FROM ${database}.trace_rows FINAL WHERE ${where})`
      : `SELECT ${VALUES[query.field]} AS value, trace_id FROM ${database}.trace_rows FINAL WHERE ${where}`;
  const count = query.field === "finding" ? "uniqExact(trace_id)" : "count()";
  // Which letters are the small ones of others JavaScript says, for all stores alike; of ASCII both know it.
  const isAscii = "length(value) = lengthUTF8(value)";
  const [begins, more]: [string, Params] =
    prefix === "" ? ["", {}] : [` AND (NOT (${isAscii}) OR startsWith(lower(value), {prefix:String}))`, { prefix }];
  const rows = await db.rows(
    `SELECT value, ${count} AS trace_count FROM (
  ${from}
)
WHERE value != ''${begins}
GROUP BY value ORDER BY trace_count DESC, value${prefix === "" ? ` LIMIT ${limit}` : ""}`,
    { ...params, ...more },
  );
  return rows
    .filter(({ value }) => value.toLowerCase().startsWith(prefix))
    .slice(0, limit)
    .map(({ value, trace_count }) => ({ value, traces: trace_count }));
}

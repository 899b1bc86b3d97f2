import type { SpanRecord } from "../../core/record.ts";
import { plainText } from "../plain-text.ts";
import { traceFacts } from "../trace-facts.ts";
import { CHUNK, inChunks, type Packed, type Previews, pack, unpack, unpackPreviews } from "./chunk.ts";
import type { Connection } from "./connection.ts";
import { createFigureBook, type Figure, type FigureBook } from "./figures.ts";
import { type Load, newParsed, type Parsed, type ParsedBeside, type ParsedSpan, parseInto } from "./parsed.ts";
import { createRollups, type Rollups } from "./rollups.ts";
import { dimOf, INSERT_SPAN, isCall, SPAN_COLUMNS, spanRowOf, spanValues } from "./stored-span.ts";
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
import { createTraceTerms, type TraceTerms } from "./trace-terms.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";

/** What a transaction changes besides the rows themselves. */
export interface Books {
  readonly vocabulary: Vocabulary;
  readonly terms: TraceTerms;
  readonly rollups: Rollups;
  readonly figures: FigureBook;
  count(project: number, what: "spans" | "traces" | "scores" | "findings", by: number): void;
  /** Reads how many findings the trace has. */
  countFindings(trace: TraceRow): void;
  /** Runs it as one transaction, and writes the books in it. */
  write<T>(action: () => T): T;
}

export function createBooks(connection: Connection): Books {
  const { prepare } = connection;
  const vocabulary = createVocabulary(connection);
  const terms = createTraceTerms(connection, vocabulary);
  const rollups = createRollups(connection);
  const figures = createFigureBook(connection);
  const counts = new Map<number, { spans: number; traces: number; scores: number; findings: number }>();

  return {
    vocabulary,
    terms,
    rollups,
    figures,
    count(project, what, by) {
      let count = counts.get(project);
      if (!count) counts.set(project, (count = { spans: 0, traces: 0, scores: 0, findings: 0 }));
      count[what] += by;
    },
    countFindings(trace) {
      const found = prepare("SELECT name, severity FROM findings WHERE project = ? AND trace_id = ?");
      const all = found.all(trace.project, trace.trace_id);
      trace.findings = all.length;
      trace.finding_names = [...new Set(all.map(({ name }) => name as string))].sort();
      const severities = all.map(({ severity }) => severity);
      const worst = ["error", "warning"].find((severity) => severities.includes(severity)) ?? "info";
      trace.worst_finding = all.length > 0 ? worst : null;
    },
    write(action) {
      try {
        return connection.transaction(() => {
          const result = action();
          rollups.flush();
          figures.flush();
          terms.flush();
          const update = prepare(
            `UPDATE projects SET revision = revision + 1, spans = spans + ?, traces = traces + ?, scores = scores + ?,
              findings = findings + ? WHERE id = ?`,
          );
          for (const [id, by] of counts) update.run(by.spans, by.traces, by.scores, by.findings, id);
          counts.clear();
          return result;
        });
      } catch (error) {
        counts.clear();
        for (const book of [rollups, figures, terms, vocabulary]) book.forget();
        throw error;
      }
    },
  };
}

/** A span that is to be kept, with its place. */
interface Placed extends ParsedSpan {
  readonly trace: TraceRow;
}

/**
 * Keeps what is new in the loads, as one transaction.
 *
 * @returns for each load the error of a record that is none, or undefined; the others are kept
 */
export function append(connection: Connection, books: Books, loads: readonly Load[]): (unknown | undefined)[] {
  const all = newParsed();
  const errors = loads.map((load) => {
    try {
      return parseInto(all, load);
    } catch (error) {
      return error;
    }
  });
  // The dearest part, while others may write.
  const chunks = inChunks(all.spans.values()).map((spans) => ({ spans, packed: pack(spans) }));
  if (all.spans.size + all.scores.size + all.findings.size > 0) books.write(() => keep(connection, books, all, chunks));
  return errors;
}

interface Chunk {
  readonly spans: readonly ParsedSpan[];
  readonly packed: Packed;
}

function keep(connection: Connection, books: Books, all: Parsed, chunks: readonly Chunk[]): void {
  const touched = keepBeside(connection, books, all);
  const groups = new Map<string, ParsedSpan[]>();
  for (const span of all.spans.values()) {
    const key = `${span.project}\n${span.row.traceId}`;
    const group = groups.get(key);
    if (group) group.push(span);
    else groups.set(key, [span]);
  }
  const places = new Map<ParsedSpan, Placed>();
  const changed: { readonly trace: TraceRow; readonly before: Before }[] = [];
  for (const [key, group] of groups) {
    const again = keepTrace(connection, books, group, touched.has(key), places);
    if (again) changed.push(again);
  }
  keepSpans(connection, books, chunks, places);
  for (const { trace, before } of changed) {
    readAgain(connection, trace);
    update(connection, books, trace, before);
  }
  for (const [key, { project, traceId }] of touched) {
    const stored = groups.has(key) ? undefined : findTrace(connection, project, traceId);
    if (!stored) continue;
    const before = beforeOf(stored);
    books.countFindings(stored);
    update(connection, books, stored, before);
  }
}

/** @returns the traces whose findings may be others now */
function keepBeside(
  { prepare }: Connection,
  books: Books,
  { scores, findings }: Parsed,
): Map<string, { readonly project: number; readonly traceId: string }> {
  const touched = new Map<string, { readonly project: number; readonly traceId: string }>();
  for (const { project: name, record, us, line } of scores.values()) {
    const project = books.vocabulary.project(name);
    if (!isNewer("scores", project, { record })) continue;
    const value = typeof record.value === "boolean" ? Number(record.value) : record.value;
    const { feature = null, team = null, userId = null, environment = null } = traceFacts(record);
    prepare("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      ...[project, record.id, record.seq, record.traceId ?? null, us, plainText(record.name)],
      ...[typeof value === "number" ? value : null, feature, team, userId, environment, line],
    );
  }
  for (const { project: name, record, us, line } of findings.values()) {
    const project = books.vocabulary.project(name);
    if (!isNewer("findings", project, { record })) continue;
    prepare("INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
      ...[project, record.id, record.seq, record.traceId ?? null, us, plainText(record.name), record.severity, line],
    );
    if (record.traceId) touched.set(`${name}\n${record.traceId}`, { project, traceId: record.traceId });
  }
  return touched;

  function isNewer(table: "scores" | "findings", project: number, { record }: Pick<ParsedBeside, "record">): boolean {
    const known = prepare(`SELECT seq, trace_id FROM ${table} WHERE project = ? AND id = ?`).get(project, record.id);
    if (known === undefined) books.count(project, table, 1);
    if (known !== undefined && known.seq >= record.seq) return false;
    if (table === "findings" && known?.trace_id) {
      const { name } = prepare("SELECT name FROM projects WHERE id = ?").get(project);
      touched.set(`${name}\n${known.trace_id}`, { project, traceId: known.trace_id });
    }
    return true;
  }
}

/** What the index has of a trace before it changes. */
interface Before {
  readonly startUs: number;
  readonly terms: readonly number[];
}

function beforeOf(trace: TraceRow): Before {
  return { startUs: trace.start_us, terms: trace.terms };
}

function findTrace({ prepare }: Connection, project: number, traceId: string): TraceRow | undefined {
  const stored = prepare("SELECT * FROM traces WHERE project = ? AND trace_id = ?").get(project, traceId);
  return stored && traceRow(stored);
}

/** @returns the trace, when some of its spans are replaced, so that it is to be read again */
function keepTrace(
  connection: Connection,
  books: Books,
  group: readonly ParsedSpan[],
  hasFindings: boolean,
  places: Map<ParsedSpan, Placed>,
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
    places.set(span, { ...span, trace });
  }
  if (!stored || hasFindings) books.countFindings(trace);
  if (isReplaced) return { trace, before };
  for (const span of fresh) takeIn(trace, span);
  if (stored) {
    if (fresh.length > 0 || hasFindings) update(connection, books, trace, before);
    return undefined;
  }
  conclude(trace);
  trace.terms = books.terms.of(trace);
  trace.id = Number(connection.prepare(INSERT_TRACE).run(...traceValues(trace)).lastInsertRowid);
  books.terms.put(trace.id, trace.start_us, trace.terms);
  books.count(project, "traces", 1);
  return undefined;
}

function update({ prepare }: Connection, { terms }: Books, trace: TraceRow, before: Before): void {
  conclude(trace);
  trace.terms = terms.of(trace);
  const isMoved = before.startUs !== trace.start_us;
  const [old, now] = [new Set(before.terms), new Set(trace.terms)];
  terms.take(trace.id, before.startUs, isMoved ? before.terms : before.terms.filter((term) => !now.has(term)));
  terms.put(trace.id, trace.start_us, isMoved ? trace.terms : trace.terms.filter((term) => !old.has(term)));
  prepare(UPDATE_TRACE).run(...traceValues(trace).slice(2), trace.id);
}

function keepSpans(
  { prepare }: Connection,
  books: Books,
  chunks: readonly Chunk[],
  places: ReadonlyMap<ParsedSpan, Placed>,
): void {
  const { vocabulary, rollups } = books;
  const insertChunk = prepare("INSERT INTO chunks (codec, previews, lines) VALUES (?, ?, ?)");
  const insertSpan = prepare(INSERT_SPAN);
  const insertWords = prepare("INSERT INTO span_words (rowid, words) VALUES (?, ?)");
  const blocks = new Map<number, number>();
  const texts: [id: number, text: string][] = [];
  for (const { spans, packed } of chunks) {
    if (!spans.some((span) => places.has(span))) continue;
    const chunk = Number(insertChunk.run(packed.codec, packed.previews, packed.lines).lastInsertRowid);
    const figures = new Map<number, Figure[]>();
    for (const [i, span] of spans.entries()) {
      const placed = places.get(span);
      if (!placed) continue;
      const { row, facts, root, text, trace } = placed;
      const { project } = trace;
      const dim = vocabulary.dim(project, dimOf(row, facts));
      const user = facts.userId === undefined ? null : vocabulary.term(project, "userId", facts.userId);
      const id = chunk * CHUNK + i;
      insertSpan.run(...spanValues(row, root, { id, trace: trace.id, project, dim, user }));
      texts.push([id, text]);
      const figure = {
        project,
        dim,
        start_us: row.startUs,
        duration_ns: row.durationNs,
        input_tokens: row.inputTokens ?? null,
        output_tokens: row.outputTokens ?? null,
        cost_usd: row.costUsd ?? null,
        http_status: row.httpStatus ?? null,
        place: i,
        user,
        isCall: isCall(row),
      };
      rollups.add(figure, 1);
      const ofProject = figures.get(project);
      if (ofProject) ofProject.push(figure);
      else figures.set(project, [figure]);
      books.count(project, "spans", 1);
      const block = blockOf(chunk);
      blocks.set(block, Math.max(blocks.get(block) ?? 0, row.startUs));
    }
    for (const [project, ofProject] of figures) books.figures.put(chunk, project, ofProject);
  }
  const insertBlock = prepare(
    "INSERT INTO blocks VALUES (?, ?) ON CONFLICT DO UPDATE SET newest_us = max(newest_us, excluded.newest_us)",
  );
  for (const [block, newestUs] of blocks) insertBlock.run(block, newestUs);
  // In a loop of their own they take half the time: the index works on megabytes of memory.
  for (const [id, text] of texts) insertWords.run(id, text);
}

export const BLOCK = 32;

function blockOf(chunk: number): number {
  return Math.floor(chunk / BLOCK);
}

/** The span's row, words and part of the sums; its line stays in its chunk for as long as that has others. */
export function removeSpan({ prepare }: Connection, books: Books, id: number): void {
  const sql = `SELECT project, dim, start_us, duration_ns, input_tokens, output_tokens, cost_usd, http_status
    FROM span_rows WHERE id = ?`;
  const span = prepare(sql).get(id);
  books.rollups.add(span, -1);
  books.figures.take(Math.floor(id / CHUNK), span.project, id % CHUNK);
  books.count(span.project, "spans", -1);
  prepare("DELETE FROM span_words WHERE rowid = ?").run(id);
  prepare("DELETE FROM span_rows WHERE id = ?").run(id);
  removeEmptyChunk(prepare, Math.floor(id / CHUNK));
}

function removeEmptyChunk(prepare: Connection["prepare"], chunk: number): void {
  const range = [chunk * CHUNK, chunk * CHUNK + CHUNK - 1] as const;
  if (prepare("SELECT 1 FROM span_rows WHERE id BETWEEN ? AND ? LIMIT 1").get(...range)) return;
  prepare("DELETE FROM chunks WHERE id = ?").run(chunk);
}

/** The trace once more from all its spans: what a replaced one has added cannot be taken away. */
function readAgain(connection: Connection, trace: TraceRow): void {
  clearSpans(trace);
  const sql = `SELECT ${SPAN_COLUMNS} FROM span_rows s JOIN dims d ON d.id = s.dim WHERE s.trace = ?`;
  let [newest, lead] = [0, 0];
  for (const stored of connection.prepare(sql).iterate(trace.id)) {
    const row = spanRowOf(stored, trace.trace_id);
    takeIn(trace, { row, root: stored.root ?? undefined });
    if (trace.last_span === row.spanId) newest = stored.id;
    if (trace.lead_span === row.spanId) lead = stored.id;
  }
  const record = readRecord(connection, newest);
  if (record) learn(trace, traceFacts(record));
  const [input, output] = readPreviews(connection, [lead]).get(lead) ?? [null, null];
  trace.input_preview = input;
  trace.output_preview = output;
}

/** What lists show of the payloads of these spans. */
export function readPreviews({ prepare }: Connection, ids: readonly number[]): Map<number, Previews> {
  const found = new Map<number, Previews>();
  const chunks = new Set(ids.map((id) => Math.floor(id / CHUNK)));
  const sql = "SELECT c.id, c.codec, c.previews FROM json_each(?) j CROSS JOIN chunks c ON c.id = j.value";
  for (const chunk of prepare(sql).all(JSON.stringify([...chunks]))) {
    for (const [i, previews] of unpackPreviews(chunk).entries()) found.set(chunk.id * CHUNK + i, previews);
  }
  return found;
}

export function readRecord({ prepare }: Connection, id: number): SpanRecord | undefined {
  const chunk = prepare("SELECT codec, lines FROM chunks WHERE id = ?").get(Math.floor(id / CHUNK));
  const line = chunk && unpack(chunk)[id % CHUNK];
  return line === undefined ? undefined : JSON.parse(line);
}

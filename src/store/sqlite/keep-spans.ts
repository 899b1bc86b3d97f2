import type { ParsedSpan, SpanWords } from "./batch.ts";
import type { Books } from "./books.ts";
import { CHUNK, type Packed } from "./chunk.ts";
import type { Connection } from "./connection.ts";
import type { Figure } from "./figures.ts";
import { dimOf, INSERT_SPAN, spanValues } from "./stored-span.ts";
import type { TraceRow } from "./trace-row.ts";

/** Chunks whose latest start is known together. */
export const BLOCK = 32;

/**
 * Writes the spans, each under the number of its chunk times 64 plus its place, with their figures and words.
 *
 * @param kept in the order of their places
 */
export function keepSpans(
  { prepare }: Connection,
  books: Books,
  chunks: readonly Packed[],
  kept: readonly (readonly [span: ParsedSpan, trace: TraceRow])[],
): void {
  if (kept.length === 0) return;
  const { vocabulary, rollups } = books;
  const insertChunk = prepare("INSERT INTO chunks (codec, previews, lines) VALUES (?, ?, ?)");
  const insertSpan = prepare(INSERT_SPAN);
  const texts: [id: number, words: SpanWords][] = [];
  const insertBlock = prepare(
    "INSERT INTO blocks VALUES (?, ?) ON CONFLICT DO UPDATE SET newest_us = max(newest_us, excluded.newest_us)",
  );
  for (let at = 0; at < kept.length; ) {
    const inBatch = Math.floor(kept[at]![0].place / CHUNK);
    const { codec, previews, lines } = chunks[inBatch]!;
    const chunk = Number(insertChunk.run(codec, previews, lines).lastInsertRowid);
    const figures = new Map<number, Figure[]>();
    let newestUs = 0;
    for (; at < kept.length && Math.floor(kept[at]![0].place / CHUNK) === inBatch; at++) {
      const [{ row, facts, root, words, place }, trace] = kept[at]!;
      const { project } = trace;
      const dim = vocabulary.dim(project, dimOf(row, facts));
      const user = facts.userId === undefined ? null : vocabulary.term(project, "userId", facts.userId);
      const id = chunk * CHUNK + (place % CHUNK);
      insertSpan.run(...spanValues(row, root, { id, trace: trace.id, project, dim, user }));
      texts.push([id, words]);
      const figure = {
        project,
        dim,
        start_us: row.startUs,
        duration_ns: row.durationNs,
        input_tokens: row.inputTokens ?? null,
        output_tokens: row.outputTokens ?? null,
        cost_usd: row.costUsd ?? null,
        http_status: row.httpStatus ?? null,
        place: place % CHUNK,
        user,
      };
      rollups.add(figure, 1);
      const ofProject = figures.get(project);
      if (ofProject) ofProject.push(figure);
      else figures.set(project, [figure]);
      books.count(project, "spans", 1);
      newestUs = Math.max(newestUs, row.startUs);
    }
    for (const [project, ofProject] of figures) books.figures.put(chunk, project, ofProject);
    insertBlock.run(Math.floor(chunk / BLOCK), newestUs);
  }
  // By themselves: the table is megabytes of memory, which other work would take the cache from.
  books.words.put(texts);
}

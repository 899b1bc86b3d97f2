import type { Books } from "./books.ts";
import { CHUNK } from "./chunk.ts";
import type { Connection } from "./connection.ts";

/** The span's row, words and part of the sums; its line stays in its chunk for as long as that has others. */
export function removeSpan({ prepare }: Connection, books: Books, id: number): void {
  const sql = `SELECT project, dim, start_us, duration_ns, input_tokens, output_tokens, cost_usd, http_status
    FROM span_rows WHERE id = ?`;
  const span = prepare(sql).get(id);
  books.rollups.add(span, -1);
  books.figures.take(Math.floor(id / CHUNK), span.project, id % CHUNK);
  books.count(span.project, "spans", -1);
  books.words.take(id);
  prepare("DELETE FROM span_rows WHERE id = ?").run(id);
  removeEmptyChunk(prepare, Math.floor(id / CHUNK));
}

function removeEmptyChunk(prepare: Connection["prepare"], chunk: number): void {
  const range = [chunk * CHUNK, chunk * CHUNK + CHUNK - 1] as const;
  if (prepare("SELECT 1 FROM span_rows WHERE id BETWEEN ? AND ? LIMIT 1").get(...range)) return;
  prepare("DELETE FROM chunks WHERE id = ?").run(chunk);
}

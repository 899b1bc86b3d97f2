import type { SpanRecord } from "../../core/record.ts";
import { CHUNK, type Previews, type Unpacked, unpack, unpackPreviews } from "./chunk.ts";
import type { Connection } from "./connection.ts";

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

export function readRecord(connection: Connection, id: number): SpanRecord | undefined {
  return recordReader(connection)(id);
}

/** Chunks that are remembered: a trace's neighbours are in the same. */
const REMEMBERED = 8;

/** Remembers what it has unpacked. Only for a transaction: if that is not kept, the number of a chunk comes again. */
export function recordReader({ prepare }: Connection): (id: number) => SpanRecord | undefined {
  const chunks = new Map<number, Unpacked>();
  return (id) => {
    const number = Math.floor(id / CHUNK);
    let records = chunks.get(number);
    if (!records) {
      const chunk = prepare("SELECT codec, lines FROM chunks WHERE id = ?").get(number);
      if (!chunk) return undefined;
      records = unpack(chunk);
      if (chunks.size >= REMEMBERED) chunks.delete(chunks.keys().next().value!);
      chunks.set(number, records);
    }
    return records(id % CHUNK);
  };
}

import type { SpanRecord } from "../../core/record.ts";
import { CHUNK, type Previews, unpack, unpackPreviews } from "./chunk.ts";
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

export function readRecord({ prepare }: Connection, id: number): SpanRecord | undefined {
  const chunk = prepare("SELECT codec, lines FROM chunks WHERE id = ?").get(Math.floor(id / CHUNK));
  const line = chunk && unpack(chunk)[id % CHUNK];
  return line === undefined ? undefined : JSON.parse(line);
}

import type { TraceRecord } from "../../core/record.ts";
import { RECORD_END, TEXT_END, takeApart } from "./apart.ts";

/** Records of one project as they cross threads. */
export interface Load {
  readonly project: string;
  /** Lines of JSON, each with a newline at its end. */
  readonly lines: Uint8Array;
  /** What stands apart from each line: texts in UTF-8, each with `TEXT_END` at its end, and a `RECORD_END`. */
  readonly texts: Uint8Array;
}

interface LoadWriter {
  add(record: TraceRecord): void;
  /** Bytes so far. */
  size(): number;
  load(): Load;
}

const NEWLINE = 10;
const EMPTY = Buffer.alloc(0);
/** What is written into before it is known how much it will be, turn after turn; with nobody else while it is used. */
const rooms = [EMPTY, EMPTY];
const MAX_KEPT = 2 * 1024 * 1024;

export function loadWriter(project: string): LoadWriter {
  const [lines, texts] = [byteWriter(0), byteWriter(1)];
  return {
    add(record) {
      const apart = record?.record === "span" ? takeApart(record) : { json: JSON.stringify(record), texts: [] };
      lines.add(apart.json, NEWLINE);
      for (const text of apart.texts) texts.add(text, TEXT_END);
      texts.add("", RECORD_END);
    },
    size: () => lines.size() + texts.size(),
    load: () => ({ project, lines: lines.bytes(), texts: texts.bytes() }),
  };
}

function byteWriter(room: 0 | 1) {
  let bytes = rooms[room]!;
  let size = 0;
  rooms[room] = EMPTY;
  return {
    /** The text in UTF-8, and a byte after it. */
    add(text: string, end: number): void {
      const most = size + 3 * text.length + 1;
      if (most > bytes.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(most, 2 * bytes.length));
        larger.set(bytes.subarray(0, size));
        bytes = larger;
      }
      size += bytes.write(text, size);
      bytes[size++] = end;
    },
    size: () => size,
    /** Memory of their own, that can change hands. */
    bytes(): Uint8Array {
      if (bytes.length <= MAX_KEPT) rooms[room] = bytes;
      return new Uint8Array(bytes.subarray(0, size));
    },
  };
}

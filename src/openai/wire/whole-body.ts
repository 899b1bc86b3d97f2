import { parsedJson } from "../messages.ts";
import type { BodyReader } from "./body-reader.ts";
import { partialJson } from "./partial-json.ts";

/** Of a body that is longer than what is kept of it: enough for what stands around a list. */
const END_BYTES = 16 * 1024;

/** Keeps a body up to `maxBytes`, and reads it at the end: as JSON, else as the text that it is. Of a longer one both ends. */
export function wholeBody(maxBytes: number): BodyReader {
  let chunks: Uint8Array[] = [];
  let kept = 0;
  let head: string | undefined;
  let tail: Buffer = Buffer.alloc(0);

  const cut = (): void => {
    head = Buffer.concat(chunks).toString("utf8", 0, END_BYTES);
    tail = Buffer.concat(chunks);
    chunks = [];
  };

  return {
    reads: true,
    push(bytes) {
      if (head === undefined) {
        chunks.push(bytes);
        kept += bytes.length;
        if (kept <= maxBytes) return;
        cut();
      } else tail = Buffer.concat([tail, bytes]);
      if (tail.length > END_BYTES) tail = Buffer.from(tail.subarray(-END_BYTES));
    },
    drain() {},
    answer() {
      if (head !== undefined) return partialJson(head, tail.toString("utf8"));
      const text = Buffer.concat(chunks).toString("utf8");
      return text === "" ? undefined : parsedJson(text);
    },
  };
}

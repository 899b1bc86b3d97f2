/** What is kept for the next batch at most: twice the bytes of a usual one. */
const KEPT = 2 * 1024 * 1024;

const EMPTY = Buffer.alloc(0);
/** With nobody else while it is written to: making a text may come by here again. */
let room: Buffer = EMPTY;

/**
 * The bytes of texts, one behind the other, in memory that the next call uses again. V8 would join the texts first: with the
 * joined text and its bytes, each batch would twice take memory that the kernel has to give it.
 */
export function textBytes(texts: Iterable<string>): Buffer {
  let bytes = room;
  let size = 0;
  room = EMPTY;
  for (const text of texts) {
    const left = bytes.length - size;
    if (text.length * 3 > left) {
      const more = Buffer.byteLength(text);
      if (more > left) bytes = enlarged(bytes, size, more);
    }
    size += bytes.write(text, size);
  }
  if (bytes.length <= KEPT) room = bytes;
  return bytes.subarray(0, size);
}

function enlarged(bytes: Buffer, size: number, more: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, size + more));
  bytes.copy(larger, 0, 0, size);
  return larger;
}

import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { SpanRecord } from "../../core/record.ts";
import { StoreError } from "../store-error.ts";
import { putTogether, RECORD_END, readTexts } from "./apart.ts";

/** Records that are compressed together: one compresses to half, 64 to a quarter, in a third of the time. */
export const CHUNK = 64;
/** Bytes after which a chunk ends early: whoever reads a small span should not have to inflate a huge neighbour. */
const MAX_BYTES = 512 * 1024;
/** Lines of whole records. */
const WHOLE = 1;
/** Lines, and the texts that stand apart from them. */
const APART = 2;
/** Quality 0 takes 4 µs a span less, and 94 bytes more; a window as large as a chunk finds the prompts that come again and again. */
const PARAMS = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 20 };

/** What lists show of a span's payloads. */
export type Previews = readonly [input: string | null, output: string | null];

/** Every Node can read it: Node 20 has no zstd. Deflate takes longer and leaves a fifth more. */
export interface Packed {
  readonly codec: number;
  /** Brotli; where texts stand apart, after the length of the lines in four bytes the lines and the texts, each by itself. */
  readonly lines: Uint8Array;
  readonly previews: Uint8Array;
}

/** Makes chunks of records, in their order. */
export interface Packer {
  /**
   * @param texts what stands apart from the line, as in a `Load`
   * @returns the number of its chunk, from 0 on, times 64, and its place in it
   */
  add(line: Uint8Array, texts: Uint8Array, previews: Previews): number;
  chunks(): readonly Packed[];
}

export function createPacker(): Packer {
  const chunks: Packed[] = [];
  const [lines, texts] = [gathering(), gathering()];
  let previews: Previews[] = [];

  function finish(): void {
    if (previews.length === 0) return;
    const [packed, apart] = [compress(lines.take().subarray(0, -1)), compress(texts.take())];
    const head = Buffer.alloc(4);
    head.writeUInt32LE(packed.length);
    const both = Buffer.concat([head, packed, apart]);
    chunks.push({ codec: APART, lines: both, previews: compress(Buffer.from(JSON.stringify(previews))) });
    previews = [];
  }

  return {
    add(line, apart, preview) {
      const size = lines.size() + texts.size();
      if (previews.length === CHUNK || (size > 0 && size + line.length + apart.length > MAX_BYTES)) finish();
      lines.add(line);
      texts.add(apart);
      return chunks.length * CHUNK + previews.push(preview) - 1;
    },
    chunks() {
      finish();
      return chunks;
    },
  };
}

/** Bytes after each other, in room that is used again. */
function gathering() {
  let bytes = new Uint8Array(MAX_BYTES / 8);
  let size = 0;
  return {
    add(more: Uint8Array): void {
      if (size + more.length > bytes.length) {
        const larger = new Uint8Array(Math.max(size + more.length, bytes.length * 2));
        larger.set(bytes.subarray(0, size));
        bytes = larger;
      }
      bytes.set(more, size);
      size += more.length;
    },
    size: () => size,
    take(): Uint8Array {
      const all = bytes.subarray(0, size);
      size = 0;
      return all;
    },
  };
}

function compress(bytes: Uint8Array): Uint8Array {
  return brotliCompressSync(bytes, { params: { ...PARAMS, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
}

export function unpackPreviews({ codec, previews }: Omit<Packed, "lines">): Previews[] {
  check(codec);
  return JSON.parse(brotliDecompressSync(previews).toString());
}

/** The record at a place, if there is one. */
export type Unpacked = (place: number) => SpanRecord | undefined;

export function unpack({ codec, lines: packed }: Omit<Packed, "previews">): Unpacked {
  check(codec);
  const length = codec === WHOLE ? packed.length : Buffer.from(packed.buffer, packed.byteOffset).readUInt32LE();
  const start = codec === WHOLE ? 0 : 4;
  const lines = brotliDecompressSync(packed.subarray(start, start + length))
    .toString()
    .split("\n");
  const texts = codec === WHOLE ? undefined : brotliDecompressSync(packed.subarray(start + length));
  return (place) => {
    const line = lines[place];
    return line === undefined ? undefined : putTogether(line, texts ? textsOf(texts, place) : []);
  };
}

function textsOf(bytes: Buffer, place: number): string[] {
  let at = 0;
  for (let i = 0; i < place; i++) at = bytes.indexOf(RECORD_END, at) + 1;
  return readTexts(bytes, at, bytes.indexOf(RECORD_END, at));
}

function check(codec: number): void {
  if (codec === WHOLE || codec === APART) return;
  throw new StoreError("STORE_NEWER_SCHEMA", `A newer Sightline has packed these records (codec ${codec}). Update it.`);
}

import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { StoreError } from "../store-error.ts";

/** Records that are compressed together: one compresses to half, 64 to a quarter, in a third of the time. */
export const CHUNK = 64;
/** Bytes after which a chunk ends early: whoever reads a small span should not have to inflate a huge neighbour. */
const MAX_BYTES = 512 * 1024;
const NEWLINE = 10;
const BROTLI = 1;
/** The fastest; a window as large as a chunk finds the prompts that come again and again. */
const PARAMS = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 20 };

/** What lists show of a span's payloads. */
export type Previews = readonly [input: string | null, output: string | null];

/** Every Node can read it: Node 20 has no zstd. Deflate takes longer and leaves a fifth more. */
export interface Packed {
  readonly codec: number;
  readonly lines: Uint8Array;
  readonly previews: Uint8Array;
}

/** Makes chunks of lines, in their order. */
export interface Packer {
  /** @returns the number of its chunk, from 0 on, times 64, and its place in it */
  add(line: Uint8Array, previews: Previews): number;
  chunks(): readonly Packed[];
}

export function createPacker(): Packer {
  const chunks: Packed[] = [];
  let bytes = new Uint8Array(MAX_BYTES / 2);
  let end = 0;
  let previews: Previews[] = [];

  function finish(): void {
    if (previews.length === 0) return;
    const packed = compress(bytes.subarray(0, end - 1));
    chunks.push({ codec: BROTLI, lines: packed, previews: compress(Buffer.from(JSON.stringify(previews))) });
    previews = [];
    end = 0;
  }

  return {
    add(line, preview) {
      if (previews.length === CHUNK || (end > 0 && end + line.length > MAX_BYTES)) finish();
      if (end + line.length >= bytes.length) {
        const larger = new Uint8Array(Math.max(end + line.length + 1, bytes.length * 2));
        larger.set(bytes.subarray(0, end));
        bytes = larger;
      }
      bytes.set(line, end);
      end += line.length;
      bytes[end++] = NEWLINE;
      return chunks.length * CHUNK + previews.push(preview) - 1;
    },
    chunks() {
      finish();
      return chunks;
    },
  };
}

function compress(bytes: Uint8Array): Uint8Array {
  return brotliCompressSync(bytes, { params: { ...PARAMS, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
}

export function unpackPreviews({ codec, previews }: Omit<Packed, "lines">): Previews[] {
  return JSON.parse(decompress(codec, previews));
}

export function unpack({ codec, lines }: Omit<Packed, "previews">): string[] {
  return decompress(codec, lines).split("\n");
}

function decompress(codec: number, bytes: Uint8Array): string {
  if (codec === BROTLI) return brotliDecompressSync(bytes).toString();
  throw new StoreError("STORE_NEWER_SCHEMA", `A newer Sightline has packed these records (codec ${codec}). Update it.`);
}

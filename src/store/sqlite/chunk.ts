import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { StoreError } from "../store-error.ts";

/** Records that are compressed together: one compresses to half, 64 to a quarter, in a third of the time. */
export const CHUNK = 64;
/** Characters after which a chunk ends early: whoever reads a small span should not have to inflate a huge neighbour. */
const MAX_CHARACTERS = 512 * 1024;
const BROTLI = 1;
/** The fastest; a window as large as a chunk finds the prompts that come again and again. */
const PARAMS = { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 20 };

/** The lines in chunks, in their order. */
export function inChunks<T extends { readonly line: string }>(all: Iterable<T>): T[][] {
  const chunks: T[][] = [];
  let chunk: T[] = [];
  let characters = 0;
  for (const one of all) {
    if (chunk.length === CHUNK || (chunk.length > 0 && characters + one.line.length > MAX_CHARACTERS)) {
      chunks.push(chunk);
      chunk = [];
      characters = 0;
    }
    chunk.push(one);
    characters += one.line.length;
  }
  if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

/** What lists show of a span's payloads. */
export type Previews = readonly [input: string | null, output: string | null];

interface InChunk {
  readonly line: string;
  readonly row: { readonly inputPreview?: string; readonly outputPreview?: string };
}

export interface Packed {
  readonly codec: number;
  readonly lines: Uint8Array;
  readonly previews: Uint8Array;
}

/** Every Node can read it: Node 20 has no zstd. Deflate takes longer and leaves a fifth more. */
export function pack(spans: readonly InChunk[]): Packed {
  const previews = spans.map(({ row }): Previews => [row.inputPreview ?? null, row.outputPreview ?? null]);
  const lines = spans.map(({ line }) => line).join("\n");
  return { codec: BROTLI, lines: compress(lines), previews: compress(JSON.stringify(previews)) };
}

function compress(text: string): Uint8Array {
  const bytes = Buffer.from(text);
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

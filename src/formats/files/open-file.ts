import { createReadStream } from "node:fs";
import { pipeline, type Transform } from "node:stream";
import * as zlib from "node:zlib";
import { FormatError } from "../format-error.ts";

const CHUNK = 1024 ** 2;

/** Opens what is compressed, by its first bytes, counts what is read from the disk, and tells of an archive without its end. */
export async function* openFile(
  path: string,
  onBytes: (count: number) => void,
  onCutOff: () => void = () => {},
): AsyncGenerator<Buffer, void> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  let tail = Buffer.alloc(0);
  let size = 0;
  const raw = counted(file, onBytes, (chunk) => {
    tail = Buffer.concat([tail, chunk.subarray(-4)]).subarray(-4);
  });
  const first = await raw.next();
  if (first.done) return;
  const decompress = decompressor(first.value, path);
  if (decompress === undefined) {
    yield first.value;
    yield* raw;
    return;
  }
  // Errors come out of the iteration; the callback keeps them from being thrown elsewhere.
  const opened = pipeline(withFirst(first.value, raw), decompress, () => {});
  for await (const chunk of opened) {
    size += (chunk as Buffer).length;
    yield chunk as Buffer;
  }
  // Gzip ends with the size of what is in it. Other sizes have what was cut off, and several archives in one file.
  const isWhole = !isGzip(first.value) || (tail.length === 4 && tail.readUInt32LE(0) === size % 2 ** 32);
  if (!isWhole && (await isCutOff(path))) onCutOff();
}

async function isCutOff(path: string): Promise<boolean> {
  try {
    for await (const _ of pipeline(createReadStream(path), zlib.createGunzip({ chunkSize: CHUNK }), () => {}));
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "Z_BUF_ERROR";
  }
}

function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

async function* counted(
  file: AsyncIterable<unknown>,
  onBytes: (count: number) => void,
  onChunk: (chunk: Buffer) => void,
): AsyncGenerator<Buffer, void> {
  for await (const chunk of file) {
    onBytes((chunk as Buffer).length);
    onChunk(chunk as Buffer);
    yield chunk as Buffer;
  }
}

async function* withFirst(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  yield first;
  yield* rest;
}

type ZstdZlib = { readonly createZstdDecompress?: (options: { chunkSize: number }) => Transform };

function decompressor(head: Buffer, path: string): Transform | undefined {
  if (isGzip(head)) {
    // A file that was cut off gives what is in it.
    return zlib.createGunzip({ chunkSize: CHUNK, finishFlush: zlib.constants.Z_SYNC_FLUSH });
  }
  if (head.length < 4 || head.readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const { createZstdDecompress } = zlib as ZstdZlib;
  if (createZstdDecompress !== undefined) return createZstdDecompress({ chunkSize: CHUNK });
  throw new FormatError(
    "FORMAT_BAD_COMPRESSION",
    `${path} is compressed with Zstandard, which Node ${process.versions.node} cannot open: use Node 22.15 or newer, or \`zstd -d\` before.`,
  );
}

/** What zlib says of damaged data. */
export function isDamage(error: unknown): error is Error {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return typeof code === "string" && /^(?:Z_|ZSTD_)/.test(code);
}

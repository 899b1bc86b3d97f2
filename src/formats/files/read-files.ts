import { isUtf8 } from "node:buffer";
import type { Reading } from "../../collector/api.ts";
import type { TraceRecord } from "../../core/record.ts";
import type { CorruptLine } from "../../sinks/read-records.ts";
import { FormatError } from "../format-error.ts";
import { isShallow, MAX_DEPTH } from "../json-value.ts";
import { parseJson } from "../otlp/decode-otlp.ts";
import { fromProtobuf } from "../otlp/protobuf-reader.ts";
import { recordsFromOtlpLogs, type SpanContent } from "../otlp/records-from-logs.ts";
import { recordsFromOtlp } from "../otlp/records-from-otlp.ts";
import { expand, type InputFile } from "./expand.ts";
import { type Held, valueReader } from "./known-value.ts";
import { type Block, lineBlocks } from "./line-blocks.ts";
import { isDamage, openFile } from "./open-file.ts";
import { type FileForm, formOf, looksLike } from "./sniff.ts";

export interface ReadFilesOptions {
  /** Hears how far it is after each batch. */
  onProgress?: (reading: Reading) => void;
  /** Hears of every line that is left out. */
  onDamaged?: (line: CorruptLine) => void;
  /** Hears of files of a directory that are of no known kind. */
  onSkipped?: (path: string, reason: string) => void;
  /** Hears what came of each file. With it, one that cannot be read costs itself alone; without, that is thrown. */
  onFile?: (file: FileRead) => void;
  /** Longer lines are left out. Bytes, default 16 MiB. */
  maxLineBytes?: number;
  /** A JSON document or a protobuf message is read at once. Bytes, default 256 MiB. */
  maxDocumentBytes?: number;
}

export interface FileRead {
  readonly path: string;
  readonly records: number;
  /** Lines or records that were left out. */
  readonly damaged: number;
  /** Why it was read in part, or not at all. */
  readonly problem?: string;
}

export interface FileBatch {
  readonly records: readonly TraceRecord[];
  /** What belongs to spans of other batches: `withContent`. */
  readonly contents: readonly SpanContent[];
  readonly reading: Reading;
}

const UNDERSTOOD =
  "NDJSON as fileSink writes it, OTLP as JSON (a document, or a request a line) or protobuf, exports and batches of Langfuse; each of them plain or compressed by gzip or Zstandard";

/**
 * Reads files of any form that is understood, told by what is in them and not by their names, and gives their records a
 * chunk at a time: `fileSink`'s NDJSON with its rotated files, OTLP as JSON lines, as one JSON document or as protobuf,
 * Langfuse's exports and ingestion batches as JSON or JSON lines; all of these compressed by gzip or Zstandard too.
 *
 * Lines that are torn or damaged are left out and counted. Memory stays at a chunk and a line, for documents at a document.
 * The last batch has `reading.isDone`. A compressed file that is broken in the middle ends there, with `reading.problem`.
 *
 * @param paths files and directories
 * @throws FormatError `FORMAT_UNKNOWN` for a named file of another form, `FORMAT_BAD_JSON`, `FORMAT_BAD_PROTOBUF`; and the
 * file system's errors
 */
export async function* readFiles(
  paths: readonly string[],
  options: ReadFilesOptions = {},
): AsyncGenerator<FileBatch, void> {
  const files = expand(paths);
  const progress: { -readonly [name in keyof Reading]: Reading[name] } = {
    source: paths.length === 1 ? paths[0]! : `${paths[0]} and ${paths.length - 1} more`,
    bytes: 0,
    totalBytes: files.reduce((sum, { size }) => sum + size, 0),
    records: 0,
    damaged: 0,
    isDone: false,
  };
  const batchOf = ({ records, contents, damaged }: Held): FileBatch => {
    progress.records += records.length;
    progress.damaged += damaged;
    const reading: Reading = { ...progress };
    options.onProgress?.(reading);
    return { records, contents, reading };
  };
  for (const file of files) {
    const before = { ...progress };
    let problem: string | undefined;
    try {
      const onBytes = (count: number) => (progress.bytes += count);
      const onCutOff = () => {
        problem = `${file.path} is an archive that ends early: what came after is missing`;
      };
      for await (const held of heldBy(file, options, onBytes, onCutOff)) yield batchOf(held);
    } catch (error) {
      if (isDamage(error)) problem = `${file.path} is broken: ${error.message}`;
      else if (options.onFile !== undefined && isOfFile(error)) problem = error.message;
      else throw error;
    }
    if (problem !== undefined) progress.problem = problem;
    // A file that has grown meanwhile, or was left early.
    progress.bytes = before.bytes + file.size;
    const { records, damaged } = progress;
    options.onFile?.({
      path: file.path,
      records: records - before.records,
      damaged: damaged - before.damaged,
      ...(problem !== undefined && { problem }),
    });
  }
  progress.isDone = true;
  yield batchOf({ records: [], contents: [], damaged: 0 });
}

async function* heldBy(
  file: InputFile,
  options: ReadFilesOptions,
  onBytes: (count: number) => void,
  onCutOff: () => void,
): AsyncGenerator<Held, void> {
  const { maxLineBytes = 16 * 1024 ** 2 } = options;
  const chunks = openFile(file.path, onBytes, onCutOff);
  try {
    const head = await headOf(chunks, maxLineBytes);
    const form = formOf(head);
    if (form === undefined) {
      throw unknown(file.path, `it begins with ${looksLike(head)}`);
    }
    if (form === "lines") yield* linesOf(file.path, head, chunks, options, maxLineBytes);
    else if (form !== "empty") yield* documentOf(file, form, head, chunks, options);
  } catch (error) {
    if (file.isNamed || !(error instanceof FormatError)) throw error;
    options.onSkipped?.(file.path, error.message);
  } finally {
    await chunks.return();
  }
}

/** What is in it, or the file system. */
function isOfFile(error: unknown): error is Error {
  return error instanceof FormatError || (error as NodeJS.ErrnoException | undefined)?.syscall !== undefined;
}

/** Up to the first newline that ends something, at most `limit` and a chunk. */
async function headOf(chunks: AsyncGenerator<Buffer, void>, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  while (size <= limit) {
    const { value, done } = await chunks.next();
    if (done) break;
    parts.push(value);
    size += value.length;
    // In protobuf any byte may be one; what has no line is looked at as far as it goes.
    if (value.includes(10, parts.length === 1 ? 1 : 0)) break;
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

type OnLine = (bytes: number, line: number, size: number, reason: CorruptLine["reason"]) => void;

async function* linesOf(
  path: string,
  head: Buffer,
  chunks: AsyncGenerator<Buffer, void>,
  { onDamaged }: ReadFilesOptions,
  maxLineBytes: number,
): AsyncGenerator<Held, void> {
  const read = valueReader();
  const blocks = lineBlocks(maxLineBytes + 1);
  let damaged = 0;
  const report: OnLine = (offset, line, size, reason) => {
    damaged++;
    onDamaged?.({ path, line, offset, size, reason });
  };
  const held = (found: ReturnType<typeof blocks.push>, isEnd: boolean): Held => {
    const records: TraceRecord[] = [];
    const contents: SpanContent[] = [];
    damaged = 0;
    let rejected = 0;
    const add = ({ records: some, contents: others, damaged: more }: Held): void => {
      for (const record of some) records.push(record);
      for (const content of others) contents.push(content);
      rejected += more;
    };
    for (const block of found) {
      if ("bytes" in block) readBlock(block, isEnd, read, add, report);
      else report(block.offset, block.line, block.size, "too_long");
    }
    return { records, contents, damaged: damaged + rejected };
  };
  yield held(blocks.push(head), false);
  for await (const chunk of chunks) {
    const found = blocks.push(chunk);
    yield held(found, false);
  }
  const last = blocks.end();
  if (last.length > 0) yield held(last, true);
}

function readBlock(
  { bytes, offset, line }: Block,
  isEnd: boolean,
  read: ReturnType<typeof valueReader>,
  add: (held: Held) => void,
  report: OnLine,
): void {
  // One line that is no UTF-8 must not cost the others.
  const isClean = isUtf8(bytes);
  const lines = isClean ? bytes.toString().split("\n") : linesIn(bytes);
  // Where a line is, is worked out for damaged ones alone: on from the last of them.
  let at = offset;
  let counted = 0;
  for (let i = 0; i < lines.length; i++) {
    const each = lines[i]!;
    const text = typeof each === "string" ? each : isUtf8(each) ? each.toString() : undefined;
    const held = text === undefined ? "utf8" : readLine(text, read);
    if (typeof held === "object") add(held);
    else if (held !== undefined) {
      for (; counted < i; counted++) at += Buffer.byteLength(lines[counted]!) + 1;
      report(at, line + i, Buffer.byteLength(each), isEnd ? "torn" : held);
    }
  }
}

function linesIn(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
    lines.push(bytes.subarray(from, at));
    from = at + 1;
  }
  return from < bytes.length ? [...lines, bytes.subarray(from)] : lines;
}

/** `undefined` for a blank line. */
function readLine(text: string, read: ReturnType<typeof valueReader>): Held | CorruptLine["reason"] | undefined {
  if (text === "" || text === "\r") return undefined;
  // Neither an object nor a list; the parser's error would cost a hundred times as much.
  if (!/^\ufeff?\s*[[{]/.test(text) || !/[\]}]$/.test(text.trimEnd().slice(-1))) return "json";
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    return "json";
  }
  // A level takes two characters at least.
  if (text.length > 2 * MAX_DEPTH && !isShallow(value)) return "record";
  return read(value) ?? "record";
}

async function* documentOf(
  file: InputFile,
  form: Exclude<FileForm, "lines" | "empty">,
  head: Buffer,
  chunks: AsyncGenerator<Buffer, void>,
  { maxDocumentBytes = 256 * 1024 ** 2 }: ReadFilesOptions,
): AsyncGenerator<Held, void> {
  const parts = [head];
  let size = head.length;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxDocumentBytes) {
      const limit = `${maxDocumentBytes.toLocaleString("en")} bytes`;
      throw new FormatError(
        "FORMAT_TOO_LARGE",
        `${file.path} is one document of more than ${limit}; export it as lines (NDJSON, JSONL).`,
      );
    }
    parts.push(chunk);
  }
  const bytes = Buffer.concat(parts);
  try {
    if (form === "document") yield documentHeld(file.path, bytes, head);
    else for (const message of form === "protobuf" ? [bytes] : messagesIn(bytes)) yield protobufHeld(message);
  } catch (error) {
    if (!(error instanceof FormatError) || error.message.startsWith(file.path)) throw error;
    throw new FormatError(error.code, `${file.path}: ${error.message}`, { cause: error, offset: error.offset! });
  }
}

function documentHeld(path: string, bytes: Buffer, head: Buffer): Held {
  const value = parseJson(bytes.toString().replace(/^\ufeff/, ""), path);
  const held = isShallow(value) ? valueReader()(value) : undefined;
  if (held === undefined) throw unknown(path, `it is JSON of another kind and begins with ${looksLike(head)}`);
  return held;
}

/** Spans, or else events: their messages tell by the types of their fields. */
function protobufHeld(bytes: Buffer): Held {
  try {
    const { records, rejected } = recordsFromOtlp(fromProtobuf("TracesData", bytes));
    return { records, contents: [], damaged: rejected.length };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    try {
      const { records, contents, rejected } = recordsFromOtlpLogs(fromProtobuf("LogsData", bytes));
      return { records, contents, damaged: rejected.length };
    } catch {
      throw error;
    }
  }
}

/** As the collector's file exporter writes them: each with its length before it, four bytes, the highest first. */
function* messagesIn(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = at + 4 <= bytes.length ? bytes.readUInt32BE(at) : Number.POSITIVE_INFINITY;
    if (size > bytes.length - at - 4) {
      throw new FormatError("FORMAT_BAD_PROTOBUF", `A message ends behind the file's end, from byte ${at} on.`, {
        offset: at,
      });
    }
    yield bytes.subarray(at + 4, at + 4 + size);
    at += 4 + size;
  }
}

function unknown(path: string, reason: string): FormatError {
  return new FormatError(
    "FORMAT_UNKNOWN",
    `${path} holds nothing that is understood: ${reason}. Understood is: ${UNDERSTOOD}.`,
  );
}

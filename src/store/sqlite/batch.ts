import { isAscii } from "node:buffer";
import type { Json } from "../../core/json.ts";
import type { FindingRecord, ScoreRecord, SpanRecord, TraceRecord } from "../../core/record.ts";
import { jsonLength } from "../json-length.ts";
import { searchText } from "../search-text.ts";
import { microseconds, type PayloadSizes, spanRow } from "../span-row.ts";
import { type RootKind, rootKind } from "../summarize.ts";
import { type TraceFacts, traceFacts } from "../trace-facts.ts";
import type { SpanRow } from "../trace-store.ts";
import { words as cutWords } from "../words.ts";
import { MARK_LENGTH, putBack, RECORD_END, readTexts } from "./apart.ts";
import { createPacker, type Packed, type Packer } from "./chunk.ts";
import type { Load } from "./load.ts";

export interface ParsedSpan {
  readonly project: string;
  readonly row: SpanRow;
  readonly facts: TraceFacts;
  readonly root: RootKind | undefined;
  readonly words: SpanWords;
  /** The number of its chunk in the batch times 64, and its place in that. */
  readonly place: number;
}

/** What the words of a span are in, until the index has them. */
export interface SpanWords {
  /** What `words` has made. */
  readonly cut: string;
  /** Texts of ASCII, with other bytes between them. */
  readonly ascii: Uint8Array;
}

export interface ParsedBeside<T extends ScoreRecord | FindingRecord = ScoreRecord | FindingRecord> {
  readonly project: string;
  readonly record: T;
  readonly us: number;
  readonly line: string;
}

/** What is to be kept of a batch: of each span, score and finding the newest. */
export interface Batch {
  readonly spans: ReadonlyMap<string, ParsedSpan>;
  readonly scores: ReadonlyMap<string, ParsedBeside<ScoreRecord>>;
  readonly findings: ReadonlyMap<string, ParsedBeside<FindingRecord>>;
  /** The lines of all spans, also of those that are not kept. */
  readonly chunks: readonly Packed[];
  /** For each load the error of a record that is none, or undefined. */
  readonly errors: readonly (unknown | undefined)[];
}

const NEWLINE = 10;
const NOTHING = new Uint8Array(0);

/**
 * Reads the loads: payloads are gone through once, record after record, so that no more of them lives than one. A load with
 * a record that is none is not kept.
 */
export function readBatch(loads: readonly Load[]): Batch {
  const all = { spans: new Map(), scores: new Map(), findings: new Map() };
  const packer = createPacker();
  const errors = loads.map((load) => {
    const undo: (() => void)[] = [];
    try {
      for (const one of parsed(load, packer)) {
        const kind = "row" in one ? "spans" : one.record.record === "score" ? "scores" : "findings";
        const id = "row" in one ? `${one.row.traceId}\n${one.row.spanId}` : one.record.id;
        keep(all[kind], `${load.project}\n${id}`, one, undo);
      }
      return undefined;
    } catch (error) {
      for (const action of undo.reverse()) action();
      return error;
    }
  });
  return { ...all, chunks: packer.chunks(), errors };
}

type Parsed = ParsedSpan | ParsedBeside;

function keep(all: Map<string, Parsed>, key: string, one: Parsed, undo: (() => void)[]): void {
  const known = all.get(key);
  if (known !== undefined && seqOf(known) >= seqOf(one)) return;
  all.set(key, one);
  undo.push(known === undefined ? () => all.delete(key) : () => all.set(key, known));
}

function seqOf(one: Parsed): number {
  return "row" in one ? one.row.seq : one.record.seq;
}

function* parsed({ project, lines, texts }: Load, packer: Packer): Generator<Parsed> {
  const [json, apart] = [bufferOf(lines), bufferOf(texts)];
  const encoding = isAscii(json) ? "latin1" : "utf8";
  for (let at = 0, from = 0; at < json.length; ) {
    const [end, to] = [json.indexOf(NEWLINE, at), apart.indexOf(RECORD_END, from)];
    const line = json.toString(encoding, at, end);
    const record: TraceRecord = JSON.parse(line);
    if (record.record === "span") {
      const span = parseSpan(record, apart.subarray(from, to));
      const { inputPreview, outputPreview } = span.row;
      const previews = [inputPreview ?? null, outputPreview ?? null] as const;
      const place = packer.add(json.subarray(at, end + 1), apart.subarray(from, to + 1), previews);
      yield { project, ...span, place };
    } else yield { project, record, us: microseconds(record.time), line };
    [at, from] = [end + 1, to + 1];
  }
}

/** What crosses threads is no Buffer any more. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** @param apart what the record lacks */
function parseSpan(record: SpanRecord, apart: Buffer): Pick<ParsedSpan, "row" | "facts" | "root" | "words"> {
  const texts = readTexts(apart, 0, apart.length);
  // Only of ASCII there are as many characters as bytes.
  const isPlain = texts.reduce((bytes, text) => bytes - text.length - 1, apart.length) === 0;
  const cut = searchText(record);
  const words = isPlain ? { cut, ascii: apart } : { cut: [cut, ...texts.map(cutWords)].join(" "), ascii: NOTHING };
  const sizes = putTextsBack(record, texts);
  return { row: spanRow(record, sizes), facts: traceFacts(record), root: rootKind(record), words };
}

/** @returns the sizes of the payloads, as far as they have such texts: most of their characters are counted already */
function putTextsBack(record: { input?: Json; output?: Json }, texts: readonly string[]): PayloadSizes {
  const sizes: { input?: number; output?: number } = {};
  let next = 0;
  for (const key of ["input", "output"] as const) {
    const bare = record[key];
    if (bare === undefined || next === texts.length) continue;
    let size = jsonLength(bare);
    const [whole, taken] = putBack(bare, texts, next);
    for (const end = next + taken; next < end; next++) size += jsonLength(texts[next]!) - MARK_LENGTH;
    sizes[key] = size;
    record[key] = whole;
  }
  return sizes;
}

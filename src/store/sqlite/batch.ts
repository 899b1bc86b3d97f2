import { isAscii } from "node:buffer";
import type { Json } from "../../core/json.ts";
import type { FindingRecord, ScoreRecord, SpanRecord, TraceRecord } from "../../core/record.ts";
import { jsonLength } from "../json-length.ts";
import { searchText } from "../search-text.ts";
import { microseconds, type PayloadSizes, spanRow } from "../span-row.ts";
import { type RootKind, rootKind } from "../summarize.ts";
import { type TraceFacts, traceFacts } from "../trace-facts.ts";
import type { SpanRow } from "../trace-store.ts";
import { MARK_LENGTH, putBack, RECORD_END } from "./apart.ts";
import { createPacker, type Packed, type Packer } from "./chunk.ts";
import type { Load } from "./load.ts";
import { type PayloadText, readTexts, readWords } from "./payload-words.ts";
import type { WordTable } from "./word-table.ts";

export interface ParsedSpan {
  readonly project: string;
  readonly row: SpanRow;
  readonly facts: TraceFacts;
  readonly root: RootKind | undefined;
  /** Its number among all spans that were read, as the table of words has it. */
  readonly document: number;
  /** The number of its chunk in the batch times 64, and its place in that. */
  readonly place: number;
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

/**
 * Reads the loads: payloads are gone through once, record after record, so that no more of them lives than one. A load with
 * a record that is none is not kept.
 *
 * @param table has their words afterwards, and no others
 */
export function readBatch(loads: readonly Load[], table: WordTable): Batch {
  const all = { spans: new Map(), scores: new Map(), findings: new Map() };
  const packer = createPacker();
  table.clear();
  const errors = loads.map((load) => {
    const undo: (() => void)[] = [];
    try {
      for (const one of parsed(load, packer, table)) {
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

function* parsed({ project, lines, texts }: Load, packer: Packer, table: WordTable): Generator<Parsed> {
  const [json, apart] = [bufferOf(lines), bufferOf(texts)];
  const encoding = isAscii(json) ? "latin1" : "utf8";
  for (let at = 0, from = 0; at < json.length; ) {
    const [end, to] = [json.indexOf(NEWLINE, at), apart.indexOf(RECORD_END, from)];
    const line = json.toString(encoding, at, end);
    const record: TraceRecord = JSON.parse(line);
    if (record.record === "span") {
      const document = table.begin();
      readWords(table, searchText(record));
      const span = parseSpan(record, readTexts(table, apart, from, to));
      const { inputPreview, outputPreview } = span.row;
      const previews = [inputPreview ?? null, outputPreview ?? null] as const;
      const place = packer.add(json.subarray(at, end + 1), apart.subarray(from, to + 1), previews);
      yield { project, ...span, document, place };
    } else yield { project, record, us: microseconds(record.time), line };
    [at, from] = [end + 1, to + 1];
  }
}

/** What crosses threads is no Buffer any more. */
function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** @param apart what the record lacks */
function parseSpan(record: SpanRecord, apart: readonly PayloadText[]): Pick<ParsedSpan, "row" | "facts" | "root"> {
  const sizes = putTextsBack(record, apart);
  return { row: spanRow(record, sizes), facts: traceFacts(record), root: rootKind(record) };
}

/** @returns the sizes of the payloads, as far as they have such texts: most of their characters are counted already */
function putTextsBack(record: { input?: Json; output?: Json }, apart: readonly PayloadText[]): PayloadSizes {
  const sizes: { input?: number; output?: number } = {};
  const texts = apart.map(({ text }) => text);
  let next = 0;
  for (const key of ["input", "output"] as const) {
    const bare = record[key];
    if (bare === undefined || next === texts.length) continue;
    let size = jsonLength(bare);
    const [whole, taken] = putBack(bare, texts, next);
    for (const end = next + taken; next < end; next++) size += apart[next]!.jsonLength - MARK_LENGTH;
    sizes[key] = size;
    record[key] = whole;
  }
  return sizes;
}

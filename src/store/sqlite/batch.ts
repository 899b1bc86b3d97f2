import { isAscii } from "node:buffer";
import type { FindingRecord, ScoreRecord, SpanRecord, TraceRecord } from "../../core/record.ts";
import { searchText } from "../search-text.ts";
import { microseconds, spanRow } from "../span-row.ts";
import { type RootKind, rootKind } from "../summarize.ts";
import { type TraceFacts, traceFacts } from "../trace-facts.ts";
import type { SpanRow } from "../trace-store.ts";
import { createPacker, type Packed, type Packer } from "./chunk.ts";

/** Records of one project, each a line of JSON in UTF-8. */
export interface Load {
  readonly project: string;
  readonly lines: Uint8Array;
}

export interface ParsedSpan {
  readonly project: string;
  readonly row: SpanRow;
  readonly facts: TraceFacts;
  readonly root: RootKind | undefined;
  readonly text: string;
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

function* parsed({ project, lines }: Load, packer: Packer): Generator<Parsed> {
  // What crosses threads is no Buffer any more.
  const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
  const encoding = isAscii(bytes) ? "latin1" : "utf8";
  for (let at = 0; at < bytes.length; ) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.toString(encoding, at, end);
    const record: TraceRecord = JSON.parse(line);
    if (record.record === "span") {
      const span = parseSpan(record);
      const { inputPreview, outputPreview } = span.row;
      const place = packer.add(bytes.subarray(at, end), [inputPreview ?? null, outputPreview ?? null]);
      yield { project, ...span, place };
    } else yield { project, record, us: microseconds(record.time), line };
    at = end + 1;
  }
}

function parseSpan(record: SpanRecord): Pick<ParsedSpan, "row" | "facts" | "root" | "text"> {
  return { row: spanRow(record), facts: traceFacts(record), root: rootKind(record), text: searchText(record) };
}

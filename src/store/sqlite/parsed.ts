import type { FindingRecord, ScoreRecord, SpanRecord, TraceRecord } from "../../core/record.ts";
import { searchText } from "../search-text.ts";
import { microseconds, spanRow } from "../span-row.ts";
import { type RootKind, rootKind } from "../summarize.ts";
import { type TraceFacts, traceFacts } from "../trace-facts.ts";
import type { SpanRow } from "../trace-store.ts";

/** Records of one project, each as a line of JSON. */
export interface Load {
  readonly project: string;
  readonly lines: readonly string[];
}

export interface ParsedSpan {
  readonly project: string;
  readonly row: SpanRow;
  readonly facts: TraceFacts;
  readonly root: RootKind | undefined;
  readonly text: string;
  readonly line: string;
}

export interface ParsedBeside<T extends ScoreRecord | FindingRecord = ScoreRecord | FindingRecord> {
  readonly project: string;
  readonly record: T;
  readonly us: number;
  readonly line: string;
}

/** What is to be kept of a batch: of each span, score and finding the newest. */
export interface Parsed {
  readonly spans: Map<string, ParsedSpan>;
  readonly scores: Map<string, ParsedBeside<ScoreRecord>>;
  readonly findings: Map<string, ParsedBeside<FindingRecord>>;
}

export function newParsed(): Parsed {
  return { spans: new Map(), scores: new Map(), findings: new Map() };
}

/** Adds the load in whole, or throws for a record that is none and adds nothing. */
export function parseInto(all: Parsed, { project, lines }: Load): void {
  const parsed = lines.map((line) => parse(project, line));
  for (const one of parsed) {
    if ("row" in one) keep(all.spans, `${project}\n${one.row.traceId}\n${one.row.spanId}`, one, one.row.seq);
    else if (one.record.record === "score") keep(all.scores, `${project}\n${one.record.id}`, one, one.record.seq);
    else keep(all.findings, `${project}\n${one.record.id}`, one, one.record.seq);
  }
}

function keep(all: Map<string, any>, key: string, one: ParsedSpan | ParsedBeside, seq: number): void {
  const known = all.get(key);
  if (known === undefined || (known.row ?? known.record).seq < seq) all.set(key, one);
}

function parse(project: string, line: string): ParsedSpan | ParsedBeside {
  const record: TraceRecord = JSON.parse(line);
  if (record.record !== "span") return { project, record, us: microseconds(record.time), line };
  return { project, ...parseSpan(record), text: searchText(record), line };
}

export function parseSpan(record: SpanRecord): Pick<ParsedSpan, "row" | "facts" | "root"> {
  return { row: spanRow(record), facts: traceFacts(record), root: rootKind(record) };
}

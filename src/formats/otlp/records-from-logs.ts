import type { Json, JsonObject } from "../../core/json.ts";
import {
  type FindingRecord,
  type GenAi,
  SCHEMA_VERSION,
  type ScoreRecord,
  type SpanRecord,
  type TraceInfo,
} from "../../core/record.ts";
import { PREFIXES } from "../../semconv/registry.ts";
import { compact, countOf, fromJsonText, isObject } from "../json-value.ts";
import { nowNanos } from "../times.ts";
import { Unreadable } from "../unreadable.ts";
import type { Bag } from "./bag.ts";
import { bagOf } from "./bag.ts";
import { contentOf } from "./content.ts";
import { NAMES } from "./names.ts";
import { eachItem, type PieceOptions, type Rejected, rejection } from "./records-from-otlp.ts";
import { traceInfoOf } from "./trace-info.ts";
import { attributesOf, idOf, jsonOf, timeOf } from "./values.ts";

/** What a span said, which came apart from it: `content: "events"` of `otlpSink`, and others that put it into events. */
export interface SpanContent {
  readonly traceId: string;
  readonly spanId: string;
  readonly input?: Json;
  readonly output?: Json;
  readonly systemInstructions?: Json;
  readonly toolDefinitions?: Json;
}

export interface OtlpLogRecords {
  /** Scores and findings. */
  readonly records: readonly (ScoreRecord | FindingRecord)[];
  /** Contents of spans that are in another request; `withContent` puts one into its span. */
  readonly contents: readonly SpanContent[];
  /** Log records that are none of these. */
  readonly ignored: number;
  readonly rejected: readonly Rejected[];
}

const SEVERITIES = [
  [17, "error"],
  [13, "warning"],
  [0, "info"],
] as const;

/**
 * The events of an OTLP logs request in its JSON form that belong to traces: `gen_ai.evaluation.result` and
 * `sightline.finding` become records, `gen_ai.client.inference.operation.details` the contents of their spans. Other log
 * records are counted and left alone.
 *
 * @throws FormatError `FORMAT_NOT_OTLP` for what is no such request
 */
export function recordsFromOtlpLogs(request: unknown, options: PieceOptions = {}): OtlpLogRecords {
  const now = options.now ?? nowNanos();
  const records: (ScoreRecord | FindingRecord)[] = [];
  const contents: SpanContent[] = [];
  const rejected: Rejected[] = [];
  let ignored = 0;
  eachItem(request, ["resourceLogs", "scopeLogs", "logRecords"], options, (log, { resource }) => {
    try {
      if (!isObject(log)) throw new Unreadable("a log record is no object");
      const event = eventOf(log, resource, now);
      if (event.name === "gen_ai.evaluation.result") records.push(scoreOf(event));
      else if (event.name === "sightline.finding") records.push(findingOf(event));
      else if (event.name === "gen_ai.client.inference.operation.details") contents.push(...contentsOf(event));
      else ignored++;
    } catch (error) {
      rejected.push(rejection(log, error));
    }
  });
  return { records, contents, ignored, rejected };
}

/**
 * The span with its content, and a `seq` of one more: the newer record of it. What the span says itself stays; a span that
 * is still open is given back as it is, as its end would have the same `seq`.
 */
export function withContent(span: SpanRecord, content: SpanContent): SpanRecord {
  const { input, output, systemInstructions, toolDefinitions } = content;
  if (span.unfinished) return span;
  const genAi: GenAi | undefined = compact<GenAi>({ systemInstructions, toolDefinitions, ...span.genAi });
  return {
    ...span,
    seq: span.seq + 1,
    ...(input !== undefined && span.input === undefined && { input }),
    ...(output !== undefined && span.output === undefined && { output }),
    ...(genAi && { genAi }),
  };
}

interface Event {
  readonly name: string;
  readonly time: string;
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly severity: number;
  readonly body: Json;
  readonly bag: Bag;
  readonly resource: Bag;
}

function eventOf(log: JsonObject, resource: ReadonlyMap<string, Json>, now: string): Event {
  const bag = bagOf(attributesOf(log["attributes"]));
  return {
    // Before logs had a field for it, the name was an attribute.
    name:
      typeof log["eventName"] === "string" && log["eventName"] !== ""
        ? log["eventName"]
        : (bag.text(["event.name"]) ?? ""),
    time: timeOf(log["timeUnixNano"]) ?? timeOf(log["observedTimeUnixNano"]) ?? now,
    traceId: idOf(log["traceId"], 16, "traceId"),
    spanId: idOf(log["spanId"], 8, "spanId"),
    severity: countOf(log["severityNumber"]) ?? 0,
    body: jsonOf(log["body"]),
    bag,
    resource: bagOf(resource),
  };
}

/** The evaluation's number, else its label, else what is said of it. */
function scoreOf(event: Event): ScoreRecord {
  const { bag, time, traceId, spanId } = event;
  const number = bag.number(NAMES.evaluationValue);
  const label = bag.text(NAMES.evaluationLabel);
  const explanation = bag.text(NAMES.evaluationExplanation);
  const said = bag.text(NAMES.scoreDataType) as ScoreRecord["dataType"] | undefined;
  const name = bag.text(NAMES.evaluationName);
  const dataType = said ?? (number !== undefined ? "NUMERIC" : label !== undefined ? "CATEGORICAL" : "TEXT");
  const value = dataType === "TEXT" ? explanation : dataType === "BOOLEAN" ? number === 1 : (number ?? label);
  if (name === undefined || value === undefined) throw new Unreadable("an evaluation has no name or no score");
  const comment = dataType === "TEXT" ? bag.text(NAMES.scoreComment) : explanation;
  const isOwn = bag.has("sightline.score.id");
  const seq = bag.number(NAMES.seq) ?? 0;
  const id = bag.text(NAMES.scoreId) ?? [name, traceId, spanId, time].join(":");
  // A session is named with the trace too; alone, it is what was judged.
  const { sessionId, ...info } = traceInfoOf(bag, event.resource, isOwn);
  const target = traceId === undefined ? { sessionId } : { traceId, ...(spanId !== undefined && { spanId }) };
  const rest = { ...bag.under(PREFIXES.metadata), ...(isOwn ? {} : Object.fromEntries(bag.rest())) };
  return compact<ScoreRecord>({
    record: "score",
    schema: SCHEMA_VERSION,
    id,
    seq,
    ...target,
    time,
    name,
    value: dataType === "CATEGORICAL" && label !== undefined ? label : value,
    dataType,
    comment,
    metadata: metadataOf(rest),
    trace: traceId === undefined ? info : withSession(info, sessionId),
  } as ScoreRecord)!;
}

function withSession(info: TraceInfo, sessionId: string | undefined): TraceInfo {
  return sessionId === undefined ? info : { ...info, sessionId };
}

function findingOf({ bag, time, traceId, spanId, body, severity, resource }: Event): FindingRecord {
  const id = bag.text(NAMES.findingId);
  const name = bag.text(NAMES.findingName);
  if (id === undefined || name === undefined || traceId === undefined) {
    throw new Unreadable("a finding has no id, no name or no traceId");
  }
  return {
    record: "finding",
    schema: SCHEMA_VERSION,
    id,
    seq: bag.number(NAMES.seq) ?? 0,
    traceId,
    ...(spanId !== undefined && { spanId }),
    time,
    name,
    severity: SEVERITIES.find(([least]) => severity >= least)![1],
    message: typeof body === "string" ? body : "",
    nextStep: bag.text(NAMES.findingNextStep) ?? "",
    evidence: metadataOf(bag.under(PREFIXES.evidence)) ?? {},
    trace: traceInfoOf(bag, resource, true),
  };
}

function metadataOf(fields: JsonObject | undefined): JsonObject | undefined {
  const entries = Object.entries(fields ?? {}).map(([name, value]) => [name, fromJsonText(value)] as const);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** None without the span that it belongs to, or without any content. */
function contentsOf({ bag, traceId, spanId }: Event): SpanContent[] {
  if (traceId === undefined || spanId === undefined) throw new Unreadable("the content of a span names no span");
  const { input, output } = contentOf(bag, true);
  const instructions = bag.any(NAMES.systemInstructions);
  const tools = bag.any(NAMES.toolDefinitions);
  const content = compact<Omit<SpanContent, "traceId" | "spanId">>({
    input,
    output,
    systemInstructions: instructions === undefined ? undefined : fromJsonText(instructions),
    toolDefinitions: tools === undefined ? undefined : fromJsonText(tools),
  });
  return content === undefined ? [] : [{ traceId, spanId, ...content }];
}

import {
  type Cost,
  type GenAi,
  type JsonObject,
  LEVELS,
  type Level,
  OBSERVATION_TYPES,
  type ObservationType,
  SCHEMA_VERSION,
  type ScoreRecord,
  type SpanRecord,
  type TraceInfo,
  type Usage,
} from "../../core/record.ts";
import { normalizeUsage } from "../../core/usage.ts";
import { costOfBuckets, usageOfBuckets } from "../buckets.ts";
import { compact, isObject } from "../json-value.ts";
import { Unreadable } from "../unreadable.ts";
import { type Fields, fieldsOf, metadataOf, textsOf } from "./fields.ts";
import { rootIdOf, spanIdOf, traceIdOf } from "./ids.ts";

const TYPES: ReadonlySet<string> = new Set(OBSERVATION_TYPES);

/** Fields that say nothing beyond others, or are about Langfuse's own keeping. */
const KEEPING = ["projectId", "createdAt", "updatedAt", "latency", "timeToFirstToken", "unit", "modelId"];

/** What a trace says for all of its records. */
export function traceInfoOf(trace: Fields): TraceInfo {
  return (
    compact<TraceInfo>({
      name: trace.text("name"),
      userId: trace.text("userId"),
      sessionId: trace.text("sessionId"),
      tags: textsOf(trace.any("tags")),
      metadata: metadataOf(trace.any("metadata")),
      release: trace.text("release"),
      version: trace.text("version"),
      environment: trace.text("environment"),
      public: trace.any("public") === true ? true : undefined,
    }) ?? {}
  );
}

/** The span that stands for a trace with its own input and output. `span` says when it was. */
export function rootRecord(
  entity: JsonObject,
  seq: number,
  span: { readonly startTime?: string | undefined; readonly endTime?: string | undefined } = {},
): SpanRecord {
  const fields = fieldsOf(entity);
  const id = fields.text("id");
  const time = fields.time("timestamp", "createdAt");
  const startTime = span.startTime ?? time;
  if (id === undefined || startTime === undefined) throw new Unreadable("a trace has no id or no timestamp");
  const traceId = traceIdOf(id);
  const trace = traceInfoOf(fields);
  const input = fields.any("input");
  const output = fields.any("output");
  fields.drop("observations", "scores", "htmlPath", "totalCost", "bookmarked", ...KEEPING);
  const attributes = compact<JsonObject>({
    ...fields.rest(),
    "langfuse.trace.id": id === traceId ? undefined : id,
  } as JsonObject);
  return compact<SpanRecord>({
    record: "span",
    schema: SCHEMA_VERSION,
    traceId,
    spanId: rootIdOf(traceId),
    traceFlags: 1,
    seq,
    name: trace.name ?? "",
    type: "span",
    kind: "internal",
    startTime,
    endTime: span.endTime !== undefined && BigInt(span.endTime) > BigInt(startTime) ? span.endTime : startTime,
    status: { code: "unset" },
    level: "DEFAULT",
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(attributes && { attributes }),
    trace,
  })!;
}

/** Where an observation is, as its trace tells. */
export interface Place {
  readonly seq: number;
  readonly trace: TraceInfo;
  /** Of an observation without a parent: the span of its trace. */
  readonly rootId?: string | undefined;
  /** When the word of the event that made it says more than its body. */
  readonly type?: string | undefined;
}

export function observationRecord(entity: JsonObject, place: Place): SpanRecord {
  const fields = fieldsOf(entity);
  const id = fields.text("id");
  const trace = fields.text("traceId");
  const startTime = fields.time("startTime", "timestamp");
  if (id === undefined || trace === undefined) throw new Unreadable("an observation has no id or no traceId");
  if (startTime === undefined) throw new Unreadable("an observation has no startTime");
  const said = (fields.text("type") ?? place.type ?? "span").toLowerCase();
  const type = (TYPES.has(said) ? said : "span") as ObservationType;
  const end = fields.time("endTime") ?? (type === "event" ? startTime : undefined);
  const parent = fields.text("parentObservationId");
  const parentSpanId = parent === undefined ? place.rootId : spanIdOf(parent);
  const message = fields.text("statusMessage");
  const level = levelOf(fields);
  const spanId = spanIdOf(id);
  const name = fields.text("name") ?? "";
  const input = fields.any("input");
  const output = fields.any("output");
  const firstChunkTime = fields.time("completionStartTime");
  const metadata = metadataOf(fields.any("metadata"));
  const usage = usageOf(fields);
  const cost = costOf(fields);
  const genAi = genAiOf(fields);
  const info = compact<TraceInfo>({
    ...place.trace,
    version: fields.text("version") ?? place.trace.version,
    environment: fields.text("environment") ?? place.trace.environment,
  });
  fields.drop("timestamp", ...KEEPING);
  const attributes = { ...fields.rest(), ...(spanId === id ? {} : { "langfuse.observation.id": id }) };
  return compact<SpanRecord>({
    record: "span",
    schema: SCHEMA_VERSION,
    traceId: traceIdOf(trace),
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    traceFlags: 1,
    seq: place.seq,
    name,
    type,
    kind: type === "generation" || type === "embedding" ? "client" : "internal",
    startTime,
    endTime: end ?? startTime,
    ...(firstChunkTime !== undefined && { firstChunkTime }),
    ...(end === undefined && { unfinished: true as const }),
    status: { code: level === "ERROR" ? "error" : "unset", ...(message !== undefined && { message }) },
    level,
    ...(input !== undefined && { input }),
    ...(output !== undefined && { output }),
    ...(genAi && { genAi }),
    ...(usage && { usage }),
    ...(cost && { cost }),
    ...(metadata && { metadata }),
    ...(Object.keys(attributes).length > 0 && { attributes }),
    trace: info ?? {},
  })!;
}

function levelOf(fields: Fields): Level {
  const level = fields.peek("level");
  if (!LEVELS.includes(level as Level)) return "DEFAULT";
  fields.drop("level");
  return level as Level;
}

function genAiOf(fields: Fields): GenAi | undefined {
  const parameters = fields.peek("modelParameters");
  if (isObject(parameters)) fields.drop("modelParameters");
  const name = fields.text("promptName");
  const version = name === undefined ? undefined : fields.number("promptVersion");
  const model = fields.text("model", "internalModel", "providedModelName");
  return compact<GenAi>({
    responseModel: model,
    parameters: isObject(parameters) && Object.keys(parameters).length > 0 ? parameters : undefined,
    prompt: name === undefined ? undefined : { name, ...(version !== undefined && { version }) },
  });
}

/** `usageDetails` excludes; the older `usage` and its flat fields are totals. */
function usageOf(fields: Fields): Usage | undefined {
  const details = fields.peek("usageDetails");
  const usage = usageOfBuckets(details);
  const older = fields.any("usage");
  const flat = compact<{ input: number; output: number; total: number }>({
    input: fields.number("promptTokens", "inputUsage"),
    output: fields.number("completionTokens", "outputUsage"),
    total: fields.number("totalTokens", "totalUsage"),
  });
  if (usage !== undefined) {
    fields.drop("usageDetails");
    return usage;
  }
  const counts = isObject(older) ? countsOf(older) : undefined;
  return normalizeUsage(counts ?? (flat && hasCount(flat) ? flat : undefined));
}

/** A usage of zeros is how older servers say that there is none. */
function hasCount(counts: object): boolean {
  return Object.values(counts).some((count) => typeof count === "number" && count > 0);
}

function countsOf(usage: JsonObject): JsonObject | undefined {
  const { unit, inputCost, outputCost, totalCost, ...counts } = usage;
  return hasCount(counts) ? counts : undefined;
}

function costOf(fields: Fields): Cost | undefined {
  const details = fields.peek("costDetails");
  const cost = costOfBuckets(details);
  const parts = compact<{ input: number; output: number; total: number }>({
    input: fields.number("calculatedInputCost", "inputCost"),
    output: fields.number("calculatedOutputCost", "outputCost"),
    total: fields.number("calculatedTotalCost", "totalCost"),
  });
  if (cost !== undefined) {
    fields.drop("costDetails");
    return cost;
  }
  return parts && hasCount(parts) ? costOfBuckets(parts) : undefined;
}

const DATA_TYPES: ReadonlySet<string> = new Set(["NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT"]);

export function scoreRecord(entity: JsonObject, seq: number, trace: TraceInfo, now: string): ScoreRecord {
  const fields = fieldsOf(entity);
  const name = fields.text("name");
  const given = fields.any("value");
  const label = fields.text("stringValue");
  const time = fields.time("timestamp", "createdAt") ?? now;
  const said = fields.text("dataType");
  const dataType = typeOfScore(said, label ?? given);
  const value =
    dataType === "NUMERIC"
      ? given
      : dataType === "BOOLEAN"
        ? given === true || given === 1 || given === "True" || label === "True"
        : (label ?? given);
  if (name === undefined || (typeof value !== "number" && typeof value !== "string" && typeof value !== "boolean")) {
    throw new Unreadable("a score has no name or no value");
  }
  const traceId = fields.text("traceId");
  const spanId = fields.text("observationId");
  const sessionId = fields.text("sessionId");
  const id = fields.text("id") ?? [name, traceId, spanId, sessionId, time].join(":");
  const comment = fields.text("comment");
  const environment = fields.text("environment");
  fields.drop("trace", "configId", "queueId", "authorUserId", ...KEEPING);
  const metadata = { ...fields.rest(), ...metadataOf(fields.any("metadata")) };
  const rest = Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== "langfuse.metadata"));
  return compact<ScoreRecord>({
    record: "score",
    schema: SCHEMA_VERSION,
    id,
    seq,
    ...(traceId !== undefined && { traceId: traceIdOf(traceId) }),
    ...(spanId !== undefined && { spanId: spanIdOf(spanId) }),
    ...(sessionId !== undefined && { sessionId }),
    time,
    name,
    value,
    dataType,
    ...(comment !== undefined && { comment }),
    ...(Object.keys(rest).length > 0 && { metadata: rest }),
    trace: environment === undefined ? trace : { ...trace, environment },
  })!;
}

function typeOfScore(said: string | undefined, value: unknown): ScoreRecord["dataType"] {
  if (said !== undefined && DATA_TYPES.has(said)) return said as ScoreRecord["dataType"];
  // Langfuse's `CORRECTION` is a text.
  if (said !== undefined) return "TEXT";
  return typeof value === "boolean" ? "BOOLEAN" : typeof value === "number" ? "NUMERIC" : "CATEGORICAL";
}

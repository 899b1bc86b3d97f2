import { isSpanId, isTraceId } from "../core/ids.ts";
import { isRecord } from "../core/is-record.ts";
import { LEVELS, OBSERVATION_TYPES, SPAN_KINDS, type TraceRecord } from "../core/record.ts";

type Check = (value: unknown) => boolean;
type Fields = { readonly [name: string]: Check };

const text: Check = (value) => typeof value === "string";
const count: Check = (value) => typeof value === "number" && Number.isFinite(value) && value >= 0;
const flag: Check = (value) => typeof value === "boolean";
const object: Check = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const list: Check = Array.isArray;
const texts: Check = (value) => Array.isArray(value) && value.every(text);
/** Up to the year 2262, which is what 64 bits hold. */
const MAX_NANOS = "9223372036854775807";
const nanos: Check = (value) =>
  typeof value === "string" && /^\d{1,19}$/.test(value) && value.padStart(19, "0") <= MAX_NANOS;
const of =
  (fields: Fields): Check =>
  (value) =>
    object(value) && problemIn(value as object, fields) === undefined;
const oneOf =
  (words: readonly unknown[]): Check =>
  (value) =>
    words.includes(value);
const seq: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;

const TRACE: Fields = {
  name: text,
  userId: text,
  sessionId: text,
  tags: texts,
  metadata: object,
  feature: text,
  team: text,
  release: text,
  version: text,
  environment: text,
  public: flag,
};

/** What readers calculate with or look up by; the other fields are shown as they are. */
const FIELDS: { readonly [kind in TraceRecord["record"]]: Fields } = {
  span: {
    traceId: isTraceId,
    spanId: isSpanId,
    parentSpanId: isSpanId,
    seq,
    type: oneOf(OBSERVATION_TYPES),
    kind: oneOf(SPAN_KINDS),
    level: oneOf(LEVELS),
    startTime: nanos,
    endTime: nanos,
    firstChunkTime: nanos,
    unfinished: flag,
    parentIsRemote: flag,
    parentIsExternal: flag,
    status: of({ code: oneOf(["unset", "ok", "error"]), message: text }),
    error: of({ type: text, message: text, stack: text, status: count }),
    genAi: of({ operation: text, provider: text, requestModel: text, responseModel: text, openai: object }),
    usage: of({
      inputTokens: count,
      outputTokens: count,
      totalTokens: count,
      cacheReadInputTokens: count,
      cacheWriteInputTokens: count,
      reasoningOutputTokens: count,
      extra: object,
    }),
    cost: of({ total: count, input: count, output: count, tools: count }),
    http: of({ status: count }),
    events: list,
    links: list,
    metadata: object,
    attributes: object,
    cuts: list,
    trace: of(TRACE),
  },
  score: {
    id: text,
    seq,
    traceId: isTraceId,
    spanId: isSpanId,
    sessionId: text,
    time: nanos,
    value: (value) => ["number", "string", "boolean"].includes(typeof value),
    dataType: oneOf(["NUMERIC", "CATEGORICAL", "BOOLEAN", "TEXT"]),
    comment: text,
    metadata: object,
    trace: of(TRACE),
  },
  finding: {
    id: text,
    seq,
    traceId: isTraceId,
    spanId: isSpanId,
    time: nanos,
    severity: oneOf(["info", "warning", "error"]),
    nextStep: text,
    evidence: object,
    trace: of(TRACE),
  },
};
const REQUIRED: { readonly [kind in TraceRecord["record"]]: readonly string[] } = {
  span: ["level", "kind"],
  score: ["value", "dataType"],
  finding: ["nextStep", "evidence"],
};

/** Why parsed JSON of anybody's is no record that readers can rely on; `undefined` when it is one. Fields of newer schemas pass. */
export function problemOf(value: unknown): string | undefined {
  if (!isRecord(value)) return "no record: one has record, seq, trace, ids, name and times";
  const missing = REQUIRED[value.record].find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return `${missing} is missing`;
  const field = problemIn(value, FIELDS[value.record]);
  return field === undefined ? undefined : `${field} has no value that it can have`;
}

/** The first field that is there and wrong. */
function problemIn(value: object, fields: Fields): string | undefined {
  for (const name of Object.keys(fields)) {
    const found = (value as { readonly [name: string]: unknown })[name];
    if (found !== undefined && !fields[name]!(found)) return name;
  }
  return undefined;
}

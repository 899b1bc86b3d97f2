import { createCapture, type MaskOptions } from "../capture/capture.ts";
import { isMaskOptions, MASK_OPTIONS } from "../capture/mask-options.ts";
import type { Capture } from "../core/capture.ts";
import { ConfigError } from "../core/errors.ts";
import type {
  ErrorInfo,
  FindingRecord,
  GenAi,
  ScoreRecord,
  SpanRecord,
  TraceInfo,
  TraceRecord,
} from "../core/record.ts";
import type { Sink } from "../sinks/sink.ts";
import { checkSink, withPrepare } from "./with-prepare.ts";

/** Parts of a record. `content`: input, output, system instructions and tool definitions. */
const PARTS = ["content", "input", "output", "metadata", "attributes", "events"] as const;

/** What `mask` leaves out of records, or masks in them. */
export interface MaskRules extends MaskOptions {
  /**
   * What the sink does not get at all. `content` is all that goes into and comes out of models and functions: inputs, outputs,
   * system instructions, tool definitions; what is left are names, times, tokens, cost, errors and metadata.
   */
  readonly omit?: readonly (typeof PARTS)[number][];
}

/** A record is bounded when it is made: here nothing is cut. */
const WHOLE = Object.fromEntries(
  ["depth", "entries", "nodes", "names", "read", "string", "characters", "base64"].map((limit) => [limit, Infinity]),
);

/**
 * The sink with records in which more is masked than in those of others: further names, personal data, a function of your
 * own over every text, whole parts left out. Ids of traces and spans, times, types, usage and cost stay.
 *
 * Runs on a copy, as a batch is formed and not in the caller's turn. Fails closed: where your function throws, answers with a
 * promise or no string, the text becomes `[redaction failed]`. What `configure({ mask })` has masked stays masked.
 * Throws a `ConfigError` for rules that are none.
 *
 * @example
 * const vendor = memorySink();
 * configure({ sinks: [fileSink({ path: "traces.ndjson" }), mask(vendor, { pii: true, keys: ["customer id"], omit: ["content"] })] });
 */
export function mask(sink: Sink, rules: MaskRules): Sink {
  checkSink("mask", sink);
  const { omit = [], ...options } = rules ?? {};
  const isOmit = Array.isArray(omit) && omit.every((part) => PARTS.includes(part));
  if (!isMaskOptions(rules, ["omit"]) || !isOmit) {
    const parts = PARTS.map((part) => `"${part}"`).join(", ");
    throw new ConfigError(
      "CONFIG_BAD_VALUE",
      `mask(sink, rules) takes ${MASK_OPTIONS} and omit: an array of ${parts}.`,
    );
  }
  const capture = createCapture({ mask: options, limits: WHOLE });
  return withPrepare(sink, (record) => masked(without(record, omit), capture));
}

function without(record: TraceRecord, omit: readonly string[]): TraceRecord {
  if (omit.length === 0) return record;
  const copy: { [key: string]: unknown } = { ...record };
  for (const part of omit) delete copy[part];
  if (omit.includes("content")) {
    delete copy["input"];
    delete copy["output"];
    if (copy["genAi"] !== undefined) {
      const { systemInstructions, toolDefinitions, ...rest } = copy["genAi"] as GenAi;
      copy["genAi"] = rest;
    }
  }
  if (omit.includes("metadata")) {
    const { metadata, ...rest } = record.trace;
    copy["trace"] = rest;
  }
  return copy as unknown as TraceRecord;
}

/** How a member is masked: its texts, or whole as JSON. */
type Cleaner<T> = (value: T) => T;
type Cleaners<T> = { readonly [K in keyof T]?: Cleaner<NonNullable<T[K]>> };

/** A copy with those members cleaned that are there. */
function clean<T extends object>(source: T, cleaners: Cleaners<T>): T {
  const copy = { ...source };
  for (const key of Object.keys(cleaners) as (keyof T)[]) {
    const value = copy[key];
    if (value !== undefined && value !== null) copy[key] = cleaners[key]!(value as NonNullable<T[typeof key]>);
  }
  return copy;
}

function masked(record: TraceRecord, capture: Capture): TraceRecord {
  const text = <T>(value: T): T => (typeof value === "string" ? (capture.text(value) as T) : value);
  const json = <T>(value: T): T => capture.value(value, "").value as T;
  const each =
    <T extends object>(cleaners: Cleaners<T>) =>
    (values: readonly T[]): readonly T[] =>
      values.map((value) => clean(value, cleaners));

  const trace = (info: TraceInfo) =>
    clean(info, {
      name: text,
      userId: text,
      sessionId: text,
      tags: (tags) => tags.map(text),
      metadata: json,
      feature: text,
      team: text,
      release: text,
      version: text,
      environment: text,
    });
  if (record.record === "score") {
    return clean<ScoreRecord>(record, {
      sessionId: text,
      name: text,
      value: text,
      comment: text,
      metadata: json,
      trace,
    });
  }
  if (record.record === "finding") {
    return clean<FindingRecord>(record, { message: text, nextStep: text, evidence: json, trace });
  }
  const error = (info: ErrorInfo) =>
    clean(info, { type: text, message: text, stack: text, code: text, causes: each({ type: text, message: text }) });
  const genAi = (info: GenAi) =>
    clean(info, {
      parameters: json,
      systemInstructions: json,
      toolDefinitions: json,
      agent: (agent) => clean(agent, { name: text, description: text }),
      tool: (tool) => clean(tool, { name: text }),
      prompt: (prompt) => clean(prompt, { name: text, version: text }),
      openai: (openai) => clean(openai, { errorMessage: text }),
    });
  return clean<SpanRecord>(record, {
    name: text,
    status: (status) => clean(status, { message: text }),
    error,
    input: json,
    output: json,
    genAi,
    events: each({ name: text, attributes: json }),
    links: each({ attributes: json }),
    metadata: json,
    attributes: json,
    cuts: each({ path: text }),
    trace,
  });
}

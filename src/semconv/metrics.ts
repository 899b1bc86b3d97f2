import type { SpanRecord } from "../core/record.ts";
import { attributeWriter } from "./attribute-writer.ts";
import type { Attributes } from "./attributes.ts";
import { putServer } from "./common.ts";
import { errorTypeOf } from "./error-type.ts";
import { providerName, secondsToFirstChunk } from "./gen-ai.ts";
import { operationOf, workflowNameOf } from "./operation.ts";
import type { Profile } from "./profile.ts";
import { secondsBetween } from "./seconds-between.ts";

/** What a metric is, whatever is measured with it. */
export interface Instrument {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly kind: "counter" | "histogram";
  /** Upper bounds of a histogram's buckets, ascending, each within its bucket; empty for a counter. */
  readonly bounds: readonly number[];
}

/** One value that a span has for an instrument. Durations are seconds; tokens are whole. */
export interface Measurement {
  readonly instrument: Instrument;
  readonly value: number;
  readonly attributes: Attributes;
}

// Boundaries as the conventions give them for each metric.
const SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
const AGENT_SECONDS = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];
const WORKFLOW_SECONDS = [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200];

function seconds(name: string, description: string, bounds: readonly number[] = SECONDS): Instrument {
  return { name, description, unit: "s", kind: "histogram", bounds };
}

function tokens(name: string, description: string, kind: Instrument["kind"] = "histogram"): Instrument {
  return { name, description, unit: "{token}", kind, bounds: kind === "histogram" ? TOKENS : [] };
}

const INFERENCE = "gen_ai.client.inference";

const TOKEN_USAGE = tokens("gen_ai.client.token.usage", "Tokens of one call.");
const OPERATION_DURATION = seconds("gen_ai.client.operation.duration", "How long an operation took.");
const FIRST_CHUNK = seconds("gen_ai.client.operation.time_to_first_chunk", "From the request to the first chunk.");

const INFERENCE_DURATION = seconds(`${INFERENCE}.duration`, "How long a model call took.");
const INFERENCE_FIRST_CHUNK = seconds(`${INFERENCE}.time_to_first_chunk`, "From the request to the first chunk.");
const INFERENCE_INPUT = tokens(`${INFERENCE}.operation.input_tokens`, "Input tokens of one model call.");
const INFERENCE_OUTPUT = tokens(`${INFERENCE}.operation.output_tokens`, "Output tokens of one model call.");
const INPUT_USED = tokens(`${INFERENCE}.usage.input_tokens`, "Input tokens, cached ones too.", "counter");
const OUTPUT_USED = tokens(`${INFERENCE}.usage.output_tokens`, "Output tokens, reasoning too.", "counter");
/** Subsets of the two above; nobody splits them by modality. */
const SUBSETS_USED = [
  ["cacheReadInputTokens", tokens(`${INFERENCE}.usage.cache_read.input_tokens`, "Read from a cache.", "counter")],
  ["cacheWriteInputTokens", tokens(`${INFERENCE}.usage.cache_write.input_tokens`, "Written to a cache.", "counter")],
  ["reasoningOutputTokens", tokens(`${INFERENCE}.usage.reasoning.output_tokens`, "Spent on reasoning.", "counter")],
] as const;

const EMBEDDINGS_DURATION = seconds("gen_ai.client.embeddings.duration", "How long an embeddings call took.");
const EMBEDDINGS_INPUT = tokens("gen_ai.client.embeddings.operation.input_tokens", "Input tokens of one call.");
const AGENT_DURATION = seconds("gen_ai.invoke_agent.duration", "How long an agent of this process ran.", AGENT_SECONDS);
const TOOL_DURATION = seconds("gen_ai.execute_tool.duration", "How long a tool ran.");
const WORKFLOW_DURATION = seconds("gen_ai.invoke_workflow.duration", "How long a workflow ran.", WORKFLOW_SECONDS);

/**
 * What a span says to the metrics of the GenAI conventions; pure. An `unfinished` record says nothing: the final one will.
 *
 * Left out is what a record cannot know: times between chunks, calls of an agent (they are records of their own), and
 * durations of spans that only have the times of the span above them.
 */
export function measurementsOf(record: SpanRecord, profile: Profile): Measurement[] {
  if (record.unfinished) return [];
  return profile === "latest" ? latest(record) : tagged(record, profile);
}

/**
 * The names of the releases 1.36 and 1.41: one histogram for all tokens, one for all calls. 1.41 has no metric for what runs
 * in this process, and gets those of `latest`, whose names nothing in it has.
 */
function tagged(record: SpanRecord, profile: "1.36" | "1.41"): Measurement[] {
  const operation = callOf(record);
  if (operation === undefined) return [];
  if (!isClientCall(record, operation)) return profile === "1.36" ? [] : ofThisProcess(record, operation);
  const called = callAttributes(record, operation, profile);
  const detailed = { ...called, ...openaiAttributes(record, profile) };
  const usage = hasTokens(operation) ? record.usage : undefined;
  return known([
    tokensOf(TOKEN_USAGE, usage?.inputTokens, { ...detailed, "gen_ai.token.type": "input" }),
    tokensOf(TOKEN_USAGE, usage?.outputTokens, { ...detailed, "gen_ai.token.type": "output" }),
    durationOf(OPERATION_DURATION, record, detailed),
    profile === "1.36" ? undefined : firstChunkOf(FIRST_CHUNK, record, operation, called),
  ]);
}

/** The names of the `semantic-conventions-genai` repository: a set of metrics for each kind of operation. */
function latest(record: SpanRecord): Measurement[] {
  const operation = callOf(record);
  if (operation === undefined) return [];
  if (isModelCall(operation)) return inference(record, operation);
  if (operation === "embeddings") {
    const called = callAttributes(record, operation, "latest");
    return known([
      durationOf(EMBEDDINGS_DURATION, record, called),
      tokensOf(EMBEDDINGS_INPUT, record.usage?.inputTokens, { ...called, ...errorAttributes(record) }),
    ]);
  }
  if (isClientCall(record, operation)) {
    const called = callAttributes(record, operation, "latest");
    return known([durationOf(OPERATION_DURATION, record, { ...called, ...openaiAttributes(record, "latest") })]);
  }
  return ofThisProcess(record, operation);
}

/** Agents, tools and workflows that run here, whatever they call. Names and attributes are those of `latest`. */
function ofThisProcess(record: SpanRecord, operation: string): Measurement[] {
  const instrument = DURATIONS_HERE.get(operation);
  return instrument === undefined ? [] : known([durationOf(instrument, record, attributesHere(record, operation))]);
}

const DURATIONS_HERE: ReadonlyMap<string, Instrument> = new Map([
  ["invoke_agent", AGENT_DURATION],
  ["execute_tool", TOOL_DURATION],
  ["invoke_workflow", WORKFLOW_DURATION],
]);

function attributesHere({ genAi = {}, name }: SpanRecord, operation: string): Attributes {
  const out = attributeWriter("latest");
  if (operation === "invoke_workflow") out.put("workflowName", workflowNameOf(name) || undefined);
  else out.put("agentName", genAi.agent?.name);
  if (operation === "invoke_agent") out.put("requestModel", genAi.requestModel);
  if (operation === "execute_tool") {
    out.put("toolName", genAi.tool?.name ?? name);
    out.put("toolType", genAi.tool?.type);
  }
  return out.attributes();
}

/** Tokens that no answer told count as zero: the conventions ask for a value for each call, failed ones too. */
function inference(record: SpanRecord, operation: string): Measurement[] {
  const { usage = {} } = record;
  const called = callAttributes(record, operation, "latest");
  const detailed = { ...called, ...openaiAttributes(record, "latest") };
  const perCall = { ...detailed, ...errorAttributes(record) };
  const used = (instrument: Instrument, total: number, parts: Modalities = {}): (Measurement | undefined)[] =>
    byModality(total, parts).map(([modality, value]) =>
      tokensOf(instrument, value, { ...detailed, "gen_ai.token.modality": modality }),
    );
  const { inputTokens = 0, textInputTokens, imageInputTokens, audioInputTokens } = usage;
  const { outputTokens = 0, textOutputTokens, imageOutputTokens, audioOutputTokens } = usage;
  return known([
    durationOf(INFERENCE_DURATION, record, called),
    firstChunkOf(INFERENCE_FIRST_CHUNK, record, operation, called),
    ...used(INPUT_USED, inputTokens, { text: textInputTokens, image: imageInputTokens, audio: audioInputTokens }),
    ...used(OUTPUT_USED, outputTokens, { text: textOutputTokens, image: imageOutputTokens, audio: audioOutputTokens }),
    ...SUBSETS_USED.flatMap(([count, instrument]) => used(instrument, usage[count] ?? 0)),
    tokensOf(INFERENCE_INPUT, inputTokens, perCall),
    tokensOf(INFERENCE_OUTPUT, outputTokens, perCall),
  ]);
}

type Modalities = { readonly [modality in "text" | "image" | "audio"]?: number | undefined };

/** The total in parts that add up to it: what no part accounts for is `unknown`, and so is all of it when they say too much. */
function byModality(total: number, parts: Modalities): [modality: string, value: number][] {
  const split = Object.entries(parts).filter((part): part is [string, number] => (part[1] ?? 0) > 0);
  const rest = total - split.reduce((sum, [, value]) => sum + value, 0);
  if (rest < 0) return [["unknown", total]];
  return rest > 0 || split.length === 0 ? [...split, ["unknown", rest]] : split;
}

/**
 * The operation that is counted. A generation of the user's that names neither a model nor tokens is none: it may well be
 * a function around a call that has a record of its own.
 */
function callOf(record: SpanRecord): string | undefined {
  const { genAi, type, usage } = record;
  if (genAi?.operation !== undefined || (type !== "generation" && type !== "embedding")) return operationOf(record);
  const names = genAi?.requestModel ?? genAi?.responseModel ?? usage;
  return names === undefined ? undefined : operationOf(record);
}

/** By the conventions' words, and by ours for what they have no word for. */
const MODEL_CALLS: ReadonlySet<string> = new Set([
  "chat",
  "text_completion",
  "generate_content",
  "transcription",
  "text_to_speech",
]);

function isModelCall(operation: string): boolean {
  return MODEL_CALLS.has(operation);
}

function hasTokens(operation: string): boolean {
  return isModelCall(operation) || operation === "embeddings";
}

/** Other operations are a provider's where the span is a client's: an agent there, not one of this process. */
function isClientCall({ kind }: SpanRecord, operation: string): boolean {
  return hasTokens(operation) || (kind === "client" && operation !== "execute_tool");
}

function durationOf(instrument: Instrument, record: SpanRecord, attributes: Attributes): Measurement | undefined {
  if (!hasOwnTimes(record)) return undefined;
  const value = secondsBetween(record.startTime, record.endTime);
  return { instrument, value, attributes: { ...attributes, ...errorAttributes(record) } };
}

/**
 * Whether the times of a span are its own. A `chat` for all the model calls of an Assistants run or an agent's turn has
 * those of the run, and a tool that was called within a response or a turn those of the response.
 */
function hasOwnTimes({ genAi, type }: SpanRecord): boolean {
  const { apiType, runStepId } = genAi?.openai ?? {};
  if (type === "agent") return true;
  if (apiType === "agents") return false;
  if (genAi?.operation === "execute_tool") return apiType !== "responses";
  return !(genAi?.operation === "chat" && apiType === "assistants" && runStepId === undefined);
}

/** A stream's alone: nothing else has a first chunk. */
function firstChunkOf(
  instrument: Instrument,
  record: SpanRecord,
  operation: string,
  attributes: Attributes,
): Measurement | undefined {
  const value = isModelCall(operation) ? secondsToFirstChunk(record) : undefined;
  return value === undefined || value < 0 ? undefined : { instrument, value, attributes };
}

function tokensOf(instrument: Instrument, count: number | undefined, attributes: Attributes): Measurement | undefined {
  return count === undefined ? undefined : { instrument, value: Math.round(count), attributes };
}

/** What every metric of a call has. */
function callAttributes({ genAi = {}, http }: SpanRecord, operation: string, profile: Profile): Attributes {
  const out = attributeWriter(profile);
  out.put("operation", operation);
  out.put("provider", providerName(genAi.provider, profile));
  out.put("requestModel", genAi.requestModel);
  out.put("responseModel", genAi.responseModel);
  putServer(out, http?.host);
  return out.attributes();
}

function openaiAttributes({ genAi }: SpanRecord, profile: Profile): Attributes {
  const out = attributeWriter(profile);
  out.put("serviceTier", genAi?.openai?.serviceTier);
  out.put("systemFingerprint", genAi?.openai?.systemFingerprint);
  return out.attributes();
}

/** Absent on success. */
function errorAttributes(record: SpanRecord): Attributes {
  const type = errorTypeOf(record);
  return type === undefined ? {} : { "error.type": type };
}

function known(measurements: readonly (Measurement | undefined)[]): Measurement[] {
  return measurements.filter((measurement) => measurement !== undefined);
}

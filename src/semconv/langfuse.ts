import { isLocalRoot } from "../core/local-root.ts";
import type { SpanRecord } from "../core/record.ts";
import type { Attributes, AttributeValue } from "./attributes.ts";
import { jsonText } from "./json-text.ts";
import { chatInput, chatOutput, takesInstructions } from "./langfuse-messages.ts";
import { isoTime, putMetadata } from "./langfuse-metadata.ts";
import { putTrace, type TraceDefaults } from "./langfuse-trace.ts";
import { langfuseCost, langfuseUsage } from "./langfuse-usage.ts";

/** How a span is written for Langfuse. */
export interface LangfuseForm extends TraceDefaults {
  /** Whether inputs and outputs are among the attributes. */
  readonly content: boolean;
}

type Put = (name: string, value: AttributeValue | undefined) => void;

/**
 * A span as Langfuse reads it, in its own names alone: of OpenTelemetry's it makes things that the record does not say. A
 * `gen_ai.operation.name` of `invoke_agent` costs the span its model, usage and cost; `gen_ai.tool.name` replaces its name;
 * newer names of token counts are counted twice. Attributes of the user's that begin with `langfuse.` go along as they are.
 *
 * All values are texts, booleans and lists of texts but for the version of a prompt, as older servers cannot read
 * OTLP's integers.
 *
 * Source: Langfuse v4.16 `packages/shared/src/server/otel/` (OtelIngestionProcessor, attributes, ObservationTypeMapper).
 */
export function langfuseAttributes(record: SpanRecord, form: LangfuseForm): Attributes {
  const { trace, genAi, firstChunkTime } = record;
  const usage = record.usage && langfuseUsage(record.usage);
  const cost = record.cost && langfuseCost(record.cost);
  const attributes: { [name: string]: AttributeValue } = {};
  const put: Put = (name, value) => {
    if (value !== undefined) attributes[name] = value;
  };
  put("langfuse.observation.type", record.type);
  put("langfuse.observation.level", record.level);
  put("langfuse.observation.status_message", statusMessage(record));
  if (form.content) putContent(record, put);
  // A model without usage makes Langfuse count tokens itself: right for a generation, wrong for the agent above it.
  if (usage || isModelCall(record)) put("langfuse.observation.model.name", genAi?.responseModel ?? genAi?.requestModel);
  put("langfuse.observation.model.parameters", parametersOf(record));
  put("langfuse.observation.usage_details", usage && JSON.stringify(usage));
  put("langfuse.observation.cost_details", cost && JSON.stringify(cost));
  put("langfuse.observation.completion_start_time", firstChunkTime && isoTime(firstChunkTime));
  putPrompt(record, put);
  putTrace(trace, form, put);
  put("session.id", trace.sessionId ?? genAi?.conversationId);
  put("langfuse.internal.is_app_root", isLocalRoot(record) || undefined);
  putMetadata(record, (key, value) => put(`langfuse.observation.metadata.${key}`, value));
  for (const [name, value] of Object.entries(record.attributes ?? {})) {
    if (name.startsWith("langfuse.") && value !== null) put(name, typeof value === "boolean" ? value : jsonText(value));
  }
  return attributes;
}

function isModelCall({ type }: SpanRecord): boolean {
  return type === "generation" || type === "embedding";
}

function statusMessage({ status, error, genAi }: SpanRecord): string | undefined {
  return status.message ?? error?.message ?? genAi?.openai?.errorMessage ?? genAi?.openai?.incompleteReason;
}

/** JSON text for what is no text; a text as it is. */
function putContent({ input, output, genAi = {} }: SpanRecord, put: Put): void {
  const { systemInstructions, toolDefinitions } = genAi;
  const given = chatInput(input, systemInstructions, toolDefinitions);
  const said = chatOutput(output);
  put("langfuse.observation.input", given === undefined ? undefined : jsonText(given));
  put("langfuse.observation.output", said === undefined ? undefined : jsonText(said));
  if (systemInstructions !== undefined && !takesInstructions(input)) {
    put("langfuse.observation.metadata.system_instructions", jsonText(systemInstructions));
  }
}

function parametersOf({ genAi = {} }: SpanRecord): string | undefined {
  const { parameters, stream } = genAi;
  const all = { ...parameters, ...(stream !== undefined && { stream }) };
  return Object.keys(all).length === 0 ? undefined : JSON.stringify(all);
}

/** Only generations are linked, and only by a name and a whole version; OpenAI's own prompts are none of Langfuse's. */
function putPrompt({ type, genAi }: SpanRecord, put: Put): void {
  const { name, version } = genAi?.prompt ?? { name: "" };
  const number = version === "" ? Number.NaN : Number(version);
  if (type !== "generation" || !Number.isInteger(number) || number < 1 || name.startsWith("pmpt_")) return;
  put("langfuse.observation.prompt.name", name);
  put("langfuse.observation.prompt.version", number);
}

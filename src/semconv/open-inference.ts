import type { Json, ObservationType, SpanRecord } from "../core/record.ts";
import { type AttributeWriter, attributeWriter } from "./attribute-writer.ts";
import type { Attributes } from "./attributes.ts";
import { inputMessages, mimeTypeOf, outputMessages } from "./content-attributes.ts";
import { jsonText } from "./json-text.ts";
import { isObject, messageOfText } from "./messages.ts";
import { putMessages } from "./open-inference-messages.ts";
import { operationOf } from "./operation.ts";

const KINDS: { readonly [type in ObservationType]: string } = {
  generation: "LLM",
  agent: "AGENT",
  tool: "TOOL",
  retriever: "RETRIEVER",
  embedding: "EMBEDDING",
  chain: "CHAIN",
  evaluator: "EVALUATOR",
  guardrail: "GUARDRAIL",
  span: "CHAIN",
  event: "CHAIN",
};

/** Providers whose word differs from OpenTelemetry's. */
const PROVIDERS: ReadonlyMap<string, string> = new Map([
  ["azure.ai.openai", "azure"],
  ["azure.ai.inference", "azure"],
  ["aws.bedrock", "aws"],
  ["gcp.gen_ai", "google"],
  ["gcp.gemini", "google"],
  ["gcp.vertex_ai", "google"],
  ["mistral_ai", "mistralai"],
  ["moonshot_ai", "moonshot"],
  ["x_ai", "xai"],
]);

/** Whose models a provider runs, where these are one maker's. */
const SYSTEMS: ReadonlyMap<string, string> = new Map([
  ["openai", "openai"],
  ["azure.ai.openai", "openai"],
  ["anthropic", "anthropic"],
  ["cohere", "cohere"],
  ["mistral_ai", "mistralai"],
  ["gcp.vertex_ai", "vertexai"],
]);

/**
 * A span in the words of OpenInference, which Phoenix and others read: its kind, model, messages, tools, tokens, cost,
 * documents, session, user, tags and metadata. `content: false` leaves out what was said, asked and answered.
 *
 * @example
 * const { openInferenceAttributes } = await import("sightline/semconv");
 * const spans = sink.records.filter((record) => record.record === "span");
 * const attributes = spans.map((span) => openInferenceAttributes(span, { content: true }));
 */
export function openInferenceAttributes(record: SpanRecord, { content }: { readonly content: boolean }): Attributes {
  // The profile has no say in names that are not OpenTelemetry's.
  const out = attributeWriter("latest");
  const { type, trace, metadata } = record;
  out.put("spanKind", KINDS[type]);
  out.put("sessionId", trace.sessionId ?? record.genAi?.conversationId);
  out.put("userId", trace.userId);
  out.put("tags", trace.tags);
  if (trace.metadata !== undefined || metadata !== undefined)
    out.put("metadataText", { ...trace.metadata, ...metadata });
  putModel(out, record);
  putTokens(out, record);
  putSubjects(out, record);
  if (content) putContent(out, record);
  return out.attributes();
}

function putModel(out: AttributeWriter, { type, genAi = {} }: SpanRecord): void {
  const { requestModel, responseModel, provider, parameters, prompt } = genAi;
  out.put(type === "embedding" ? "embeddingModel" : "llmModel", responseModel ?? requestModel);
  out.put("llmRequestModel", requestModel);
  out.put("llmResponseModel", responseModel);
  if (provider !== undefined) {
    out.put("llmProvider", PROVIDERS.get(provider) ?? provider);
    out.put("llmSystem", SYSTEMS.get(provider));
  }
  out.put("llmParameters", parameters);
  out.put("llmFinishReason", genAi.finishReasons?.[0]);
  out.put("promptId", prompt?.name);
  out.put("templateVersion", prompt?.version === undefined ? undefined : String(prompt.version));
}

function putTokens(out: AttributeWriter, { usage, cost }: SpanRecord): void {
  out.put("promptTokens", usage?.inputTokens);
  out.put("completionTokens", usage?.outputTokens);
  out.put("totalTokenCount", usage?.totalTokens);
  out.put("cacheReadTokens", usage?.cacheReadInputTokens);
  out.put("cacheWriteTokens", usage?.cacheWriteInputTokens);
  out.put("reasoningTokens", usage?.reasoningOutputTokens);
  out.put("promptAudioTokens", usage?.audioInputTokens);
  out.put("completionAudioTokens", usage?.audioOutputTokens);
  out.put("promptCost", cost?.input);
  out.put("completionCost", cost?.output);
  out.put("totalCost", cost?.total);
}

function putSubjects(out: AttributeWriter, { type, name, genAi }: SpanRecord): void {
  out.put("toolNameOf", genAi?.tool?.name ?? (type === "tool" ? name : undefined));
  out.put("toolCallIdOf", genAi?.tool?.callId);
  out.put("agentNameOf", genAi?.agent?.name);
}

function putContent(out: AttributeWriter, record: SpanRecord): void {
  const { type, input, output, genAi } = record;
  const operation = operationOf(record);
  if (input !== undefined) {
    out.put("inputValue", jsonText(input));
    out.put("inputMimeType", mimeTypeOf(input));
  }
  if (output !== undefined) {
    out.put("outputValue", jsonText(output));
    out.put("outputMimeType", mimeTypeOf(output));
  }
  if (type === "tool") out.put("toolParameters", input);
  if (type === "retriever") putDocuments(out, output);
  if (type === "embedding") putTexts(out, input);
  const tools = Array.isArray(genAi?.toolDefinitions) ? genAi.toolDefinitions : [];
  for (const [i, definition] of tools.entries()) out.put("llmTool", definition, i);
  const said = input === undefined ? undefined : inputMessages(input, operation);
  const instructions = instructionsOf(genAi?.systemInstructions);
  if (said !== undefined || instructions.length > 0) putMessages(out, "input", [...instructions, ...(said ?? [])]);
  const answered = output === undefined ? undefined : outputMessages(output, operation);
  if (answered !== undefined) putMessages(out, "output", answered);
}

/** As the first message: OpenInference has no other place for them. */
function instructionsOf(instructions: Json | undefined): ReturnType<typeof messageOfText>[] {
  if (typeof instructions === "string") return [messageOfText("system", instructions)];
  return Array.isArray(instructions) && instructions.length > 0 ? [{ role: "system", parts: instructions }] : [];
}

function putDocuments(out: AttributeWriter, output: Json | undefined): void {
  const found = isObject(output) && Array.isArray(output["documents"]) ? output["documents"] : output;
  if (!Array.isArray(found)) return;
  found.forEach((document, i) => {
    const { id, score, metadata, content, pageContent, text } = isObject(document) ? document : {};
    out.put("documentId", id === undefined ? undefined : String(id), i);
    out.put("documentContent", jsonText(content ?? pageContent ?? text ?? document), i);
    out.put("documentScore", score, i);
    out.put("documentMetadata", metadata, i);
  });
}

function putTexts(out: AttributeWriter, input: Json | undefined): void {
  const texts = Array.isArray(input) ? input : [input];
  texts.forEach((text, i) => {
    if (typeof text === "string") out.put("embeddingText", text, i);
  });
}

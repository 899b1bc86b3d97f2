import { OPEN_INFERENCE, type OpenInferenceKey } from "./open-inference-registry.ts";
import type { Profile } from "./profile.ts";

/** `json`: any value, as JSON text where it is no text already; OpenTelemetry allows it for its structured attributes. */
export type AttributeType = "string" | "string[]" | "int" | "double" | "boolean" | "json";

interface Row {
  readonly name: string;
  readonly type: AttributeType;
  /** The first profile that has the name. Default: all have it. */
  readonly since?: Profile;
  /** What profiles before called it, or how they typed it. */
  readonly was?: { readonly [profile in Profile]?: { readonly name?: string; readonly type?: AttributeType } };
}

/**
 * Every attribute that is written but those of OpenInference, under the name that code here has for it. Names and types are those of
 * `@opentelemetry/semantic-conventions` 1.36.0 and 1.41.1, and for `latest` of `open-telemetry/semantic-conventions-genai`
 * (August to November 2026, not released); names that begin with `sightline.` are ours. A profile that has no name for
 * a thing gets it under ours: the latest name with `sightline.` in place of `gen_ai.`, or in front.
 */
const ROWS = {
  operation: { name: "gen_ai.operation.name", type: "string" },
  provider: { name: "gen_ai.provider.name", type: "string", was: { "1.36": { name: "gen_ai.system" } } },
  conversationId: { name: "gen_ai.conversation.id", type: "string" },
  outputType: { name: "gen_ai.output.type", type: "string" },
  promptName: { name: "gen_ai.prompt.name", type: "string", since: "1.41" },
  promptVersion: { name: "gen_ai.prompt.version", type: "string", since: "latest" },
  agentId: { name: "gen_ai.agent.id", type: "string" },
  agentName: { name: "gen_ai.agent.name", type: "string" },
  agentDescription: { name: "gen_ai.agent.description", type: "string" },
  workflowName: { name: "gen_ai.workflow.name", type: "string", since: "1.41" },
  toolName: { name: "gen_ai.tool.name", type: "string" },
  toolType: { name: "gen_ai.tool.type", type: "string" },
  toolCallId: { name: "gen_ai.tool.call.id", type: "string" },

  requestModel: { name: "gen_ai.request.model", type: "string" },
  stream: { name: "gen_ai.request.stream", type: "boolean", since: "1.41" },
  previousResponseId: { name: "gen_ai.request.previous_response.id", type: "string", since: "latest" },
  temperature: { name: "gen_ai.request.temperature", type: "double" },
  topP: { name: "gen_ai.request.top_p", type: "double" },
  topK: {
    name: "gen_ai.request.top_k",
    type: "int",
    was: { "1.36": { type: "double" }, "1.41": { type: "double" } },
  },
  frequencyPenalty: { name: "gen_ai.request.frequency_penalty", type: "double" },
  presencePenalty: { name: "gen_ai.request.presence_penalty", type: "double" },
  maxTokens: { name: "gen_ai.request.max_tokens", type: "int" },
  stopSequences: { name: "gen_ai.request.stop_sequences", type: "string[]" },
  seed: { name: "gen_ai.request.seed", type: "int" },
  choiceCount: { name: "gen_ai.request.choice.count", type: "int" },
  reasoningLevel: { name: "gen_ai.request.reasoning.level", type: "string", since: "latest" },
  encodingFormats: { name: "gen_ai.request.encoding_formats", type: "string[]" },
  dimensions: { name: "gen_ai.embeddings.dimension.count", type: "int", since: "1.41" },
  retrievalTopK: {
    name: "gen_ai.retrieval.top_k",
    type: "int",
    was: {
      "1.36": { name: "gen_ai.request.top_k", type: "double" },
      "1.41": { name: "gen_ai.request.top_k", type: "double" },
    },
  },

  responseModel: { name: "gen_ai.response.model", type: "string" },
  responseId: { name: "gen_ai.response.id", type: "string" },
  responseStatus: { name: "gen_ai.response.status", type: "string", since: "latest" },
  finishReasons: { name: "gen_ai.response.finish_reasons", type: "string[]" },
  timeToFirstChunk: { name: "gen_ai.response.time_to_first_chunk", type: "double", since: "1.41" },

  inputTokens: { name: "gen_ai.usage.input_tokens", type: "int" },
  outputTokens: { name: "gen_ai.usage.output_tokens", type: "int" },
  totalTokens: { name: "sightline.usage.total_tokens", type: "int" },
  cacheReadInputTokens: { name: "gen_ai.usage.cache_read.input_tokens", type: "int", since: "1.41" },
  cacheWriteInputTokens: {
    name: "gen_ai.usage.cache_write.input_tokens",
    type: "int",
    since: "latest",
    was: { "1.41": { name: "gen_ai.usage.cache_creation.input_tokens" } },
  },
  reasoningOutputTokens: { name: "gen_ai.usage.reasoning.output_tokens", type: "int", since: "1.41" },
  textInputTokens: { name: "gen_ai.usage.text.input_tokens", type: "int", since: "latest" },
  textOutputTokens: { name: "gen_ai.usage.text.output_tokens", type: "int", since: "latest" },
  imageInputTokens: { name: "gen_ai.usage.image.input_tokens", type: "int", since: "latest" },
  imageOutputTokens: { name: "gen_ai.usage.image.output_tokens", type: "int", since: "latest" },
  audioInputTokens: { name: "gen_ai.usage.audio.input_tokens", type: "int", since: "latest" },
  audioOutputTokens: { name: "gen_ai.usage.audio.output_tokens", type: "int", since: "latest" },
  textCacheReadTokens: { name: "gen_ai.usage.text.cache_read.input_tokens", type: "int", since: "latest" },
  imageCacheReadTokens: { name: "gen_ai.usage.image.cache_read.input_tokens", type: "int", since: "latest" },
  audioCacheReadTokens: { name: "gen_ai.usage.audio.cache_read.input_tokens", type: "int", since: "latest" },
  webSearchCalls: { name: "sightline.usage.web_search_calls", type: "int" },
  fileSearchCalls: { name: "sightline.usage.file_search_calls", type: "int" },
  codeInterpreterSessions: { name: "sightline.usage.code_interpreter_sessions", type: "int" },

  systemInstructions: { name: "gen_ai.system_instructions", type: "json", since: "1.41" },
  toolDefinitions: { name: "gen_ai.tool.definitions", type: "json", since: "1.41" },
  inputMessages: { name: "gen_ai.input.messages", type: "json", since: "1.41" },
  outputMessages: { name: "gen_ai.output.messages", type: "json", since: "1.41" },
  toolArguments: { name: "gen_ai.tool.call.arguments", type: "json", since: "1.41" },
  toolResult: { name: "gen_ai.tool.call.result", type: "json", since: "1.41" },
  retrievalQuery: { name: "gen_ai.retrieval.query.text", type: "string", since: "1.41" },
  retrievalDocuments: { name: "gen_ai.retrieval.documents", type: "json", since: "1.41" },

  evaluationName: { name: "gen_ai.evaluation.name", type: "string", since: "1.41" },
  evaluationValue: { name: "gen_ai.evaluation.score.value", type: "double", since: "1.41" },
  evaluationLabel: { name: "gen_ai.evaluation.score.label", type: "string", since: "1.41" },
  evaluationExplanation: { name: "gen_ai.evaluation.explanation", type: "string", since: "1.41" },

  apiType: { name: "openai.api.type", type: "string", since: "1.41" },
  requestServiceTier: {
    name: "openai.request.service_tier",
    type: "string",
    was: { "1.36": { name: "gen_ai.openai.request.service_tier" } },
  },
  serviceTier: {
    name: "openai.response.service_tier",
    type: "string",
    was: { "1.36": { name: "gen_ai.openai.response.service_tier" } },
  },
  systemFingerprint: {
    name: "openai.response.system_fingerprint",
    type: "string",
    was: { "1.36": { name: "gen_ai.openai.response.system_fingerprint" } },
  },
  ownApiType: { name: "sightline.openai.api.type", type: "string" },
  threadId: { name: "sightline.openai.thread_id", type: "string" },
  runId: { name: "sightline.openai.run_id", type: "string" },
  runStatus: { name: "sightline.openai.run_status", type: "string" },
  runStepId: { name: "sightline.openai.run_step_id", type: "string" },
  assistantId: { name: "sightline.openai.assistant_id", type: "string" },
  imageModel: { name: "sightline.openai.image_model", type: "string" },
  background: { name: "sightline.openai.background", type: "boolean" },
  createdAt: { name: "sightline.openai.created_at", type: "double" },
  startedAt: { name: "sightline.openai.started_at", type: "double" },
  expiresAt: { name: "sightline.openai.expires_at", type: "double" },
  cancellingSince: { name: "sightline.openai.cancelling_since", type: "double" },
  errorCode: { name: "sightline.openai.error_code", type: "string" },
  errorMessage: { name: "sightline.openai.error_message", type: "string" },
  incompleteReason: { name: "sightline.openai.incomplete_reason", type: "string" },
  pendingToolCalls: { name: "sightline.openai.pending_tool_calls", type: "json" },
  stepCount: { name: "sightline.openai.step_count", type: "int" },
  missing: { name: "sightline.openai.missing", type: "string" },

  serverAddress: { name: "server.address", type: "string" },
  serverPort: { name: "server.port", type: "int" },
  httpMethod: { name: "http.request.method", type: "string" },
  httpRoute: { name: "url.template", type: "string" },
  httpStatus: { name: "http.response.status_code", type: "int" },
  httpResends: { name: "http.request.resend_count", type: "int" },
  httpRequestId: { name: "sightline.http.request_id", type: "string" },
  httpProcessingMs: { name: "sightline.http.processing_ms", type: "double" },
  httpAttempts: { name: "sightline.http.attempts", type: "json" },
  httpPollCount: { name: "sightline.http.polls.count", type: "int" },
  httpPollRate: { name: "sightline.http.polls.max_per_second", type: "double" },
  httpStreamEvents: { name: "sightline.http.stream.events", type: "int" },
  httpStreamEnd: { name: "sightline.http.stream.end", type: "string" },
  httpStreamMismatch: { name: "sightline.http.stream.mismatch", type: "json" },
  httpStreamTruncated: { name: "sightline.http.stream.truncated", type: "boolean" },
  httpRequestBytes: { name: "sightline.http.request_bytes", type: "int" },
  httpResponseBytes: { name: "sightline.http.response_bytes", type: "int" },
  limitRequests: { name: "sightline.http.rate_limit.limit_requests", type: "int" },
  remainingRequests: { name: "sightline.http.rate_limit.remaining_requests", type: "int" },
  resetRequestsMs: { name: "sightline.http.rate_limit.reset_requests_ms", type: "double" },
  limitTokens: { name: "sightline.http.rate_limit.limit_tokens", type: "int" },
  remainingTokens: { name: "sightline.http.rate_limit.remaining_tokens", type: "int" },
  resetTokensMs: { name: "sightline.http.rate_limit.reset_tokens_ms", type: "double" },

  errorType: { name: "error.type", type: "string" },
  // Where the conventions have no name for what went in and came out.
  ownInputValue: { name: "sightline.input.value", type: "json" },
  ownInputMimeType: { name: "sightline.input.mime_type", type: "string" },
  ownOutputValue: { name: "sightline.output.value", type: "json" },
  ownOutputMimeType: { name: "sightline.output.mime_type", type: "string" },
  ownErrorCode: { name: "sightline.error.code", type: "string" },
  ownErrorStatus: { name: "sightline.error.status", type: "int" },
  ownErrorCauses: { name: "sightline.error.causes", type: "json" },

  costTotal: { name: "sightline.cost.total", type: "double" },
  costInput: { name: "sightline.cost.input", type: "double" },
  costOutput: { name: "sightline.cost.output", type: "double" },
  costTools: { name: "sightline.cost.tools", type: "double" },
  costCurrency: { name: "sightline.cost.currency", type: "string" },
  costSource: { name: "sightline.cost.source", type: "string" },
  costModel: { name: "sightline.cost.model", type: "string" },
  costBook: { name: "sightline.cost.book", type: "string" },

  sessionId: { name: "session.id", type: "string" },
  userId: { name: "user.id", type: "string" },
  traceName: { name: "sightline.trace.name", type: "string" },
  traceTags: { name: "sightline.trace.tags", type: "string[]" },
  traceFeature: { name: "sightline.trace.feature", type: "string" },
  traceTeam: { name: "sightline.trace.team", type: "string" },
  tracePublic: { name: "sightline.trace.public", type: "boolean" },
  traceRelease: { name: "sightline.trace.release", type: "string" },

  name: { name: "sightline.name", type: "string" },
  observationType: { name: "sightline.type", type: "string" },
  level: { name: "sightline.level", type: "string" },
  statusMessage: { name: "sightline.status_message", type: "string" },
  unfinished: { name: "sightline.unfinished", type: "boolean" },
  seq: { name: "sightline.seq", type: "int" },
  callSite: { name: "sightline.call_site", type: "string" },
  cuts: { name: "sightline.cuts", type: "json" },

  scoreId: { name: "sightline.score.id", type: "string" },
  scoreDataType: { name: "sightline.score.data_type", type: "string" },
  scoreComment: { name: "sightline.score.comment", type: "string" },
  findingId: { name: "sightline.finding.id", type: "string" },
  findingName: { name: "sightline.finding.name", type: "string" },
  findingNextStep: { name: "sightline.finding.next_step", type: "string" },
} as const;

/** Names that end in a key of the user's or the provider's; of any type. */
export const PREFIXES = {
  metadata: "sightline.metadata.",
  traceMetadata: "sightline.trace.metadata.",
  /** Request parameters without a name in the conventions, by their wire names. */
  request: "sightline.request.",
  usageExtra: "sightline.usage.extra.",
  evidence: "sightline.finding.evidence.",
} as const;

export type AttributeKey = keyof typeof ROWS | OpenInferenceKey;

export interface AttributeDefinition {
  readonly name: string;
  readonly type: AttributeType;
}

const ORDER: readonly Profile[] = ["1.36", "1.41", "latest"];

/** Name and type of each attribute in a profile. */
export const REGISTRY: { readonly [P in Profile]: { readonly [K in AttributeKey]: AttributeDefinition } } = {
  "1.36": definitions("1.36"),
  "1.41": definitions("1.41"),
  latest: definitions("latest"),
};

function definitions(profile: Profile): { readonly [K in AttributeKey]: AttributeDefinition } {
  const rows: { readonly [key in AttributeKey]: Row } = { ...ROWS, ...OPEN_INFERENCE };
  const entries = Object.entries(rows).map(([key, row]) => {
    const was = row.was?.[profile];
    const isKnown = row.since === undefined || ORDER.indexOf(row.since) <= ORDER.indexOf(profile);
    return [key, { name: was?.name ?? (isKnown ? row.name : ownName(row.name)), type: was?.type ?? row.type }];
  });
  return Object.fromEntries(entries);
}

/** What a name of the conventions is called where a profile does not have it. */
export function ownName(name: string): string {
  return `sightline.${name.replace(/^gen_ai\./, "")}`;
}

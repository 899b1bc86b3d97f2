/**
 * The names of OpenInference that are written, from `@arizeai/openinference-semantic-conventions` 2.12.0; in no registry of
 * OpenTelemetry. `{i}` stands for an index. `session.id` and `user.id` are OpenTelemetry's too.
 */
export const OPEN_INFERENCE = {
  // The first four are on spans of the other conventions as well: Langfuse, Phoenix and Datadog read them.
  inputValue: { name: "input.value", type: "string" },
  inputMimeType: { name: "input.mime_type", type: "string" },
  outputValue: { name: "output.value", type: "string" },
  outputMimeType: { name: "output.mime_type", type: "string" },

  spanKind: { name: "openinference.span.kind", type: "string" },
  llmModel: { name: "llm.model_name", type: "string" },
  llmRequestModel: { name: "llm.request.model_name", type: "string" },
  llmResponseModel: { name: "llm.response.model_name", type: "string" },
  llmProvider: { name: "llm.provider", type: "string" },
  llmSystem: { name: "llm.system", type: "string" },
  llmParameters: { name: "llm.invocation_parameters", type: "json" },
  llmFinishReason: { name: "llm.finish_reason", type: "string" },
  llmTool: { name: "llm.tools.{i}.tool.json_schema", type: "json" },
  promptTokens: { name: "llm.token_count.prompt", type: "int" },
  completionTokens: { name: "llm.token_count.completion", type: "int" },
  totalTokenCount: { name: "llm.token_count.total", type: "int" },
  cacheReadTokens: { name: "llm.token_count.prompt_details.cache_read", type: "int" },
  cacheWriteTokens: { name: "llm.token_count.prompt_details.cache_write", type: "int" },
  promptAudioTokens: { name: "llm.token_count.prompt_details.audio", type: "int" },
  reasoningTokens: { name: "llm.token_count.completion_details.reasoning", type: "int" },
  completionAudioTokens: { name: "llm.token_count.completion_details.audio", type: "int" },
  promptCost: { name: "llm.cost.prompt", type: "double" },
  completionCost: { name: "llm.cost.completion", type: "double" },
  totalCost: { name: "llm.cost.total", type: "double" },
  templateVersion: { name: "llm.prompt_template.version", type: "string" },
  promptId: { name: "prompt.id", type: "string" },

  inputRole: { name: "llm.input_messages.{i}.message.role", type: "string" },
  inputName: { name: "llm.input_messages.{i}.message.name", type: "string" },
  inputContent: { name: "llm.input_messages.{i}.message.content", type: "string" },
  inputAnsweredCall: { name: "llm.input_messages.{i}.message.tool_call_id", type: "string" },
  inputPartType: { name: "llm.input_messages.{i}.message.contents.{i}.message_content.type", type: "string" },
  inputPartText: { name: "llm.input_messages.{i}.message.contents.{i}.message_content.text", type: "string" },
  inputPartImage: {
    name: "llm.input_messages.{i}.message.contents.{i}.message_content.image.image.url",
    type: "string",
  },
  inputCallId: { name: "llm.input_messages.{i}.message.tool_calls.{i}.tool_call.id", type: "string" },
  inputCallName: { name: "llm.input_messages.{i}.message.tool_calls.{i}.tool_call.function.name", type: "string" },
  inputCallArguments: {
    name: "llm.input_messages.{i}.message.tool_calls.{i}.tool_call.function.arguments",
    type: "json",
  },
  outputRole: { name: "llm.output_messages.{i}.message.role", type: "string" },
  outputName: { name: "llm.output_messages.{i}.message.name", type: "string" },
  outputContent: { name: "llm.output_messages.{i}.message.content", type: "string" },
  outputAnsweredCall: { name: "llm.output_messages.{i}.message.tool_call_id", type: "string" },
  outputPartType: { name: "llm.output_messages.{i}.message.contents.{i}.message_content.type", type: "string" },
  outputPartText: { name: "llm.output_messages.{i}.message.contents.{i}.message_content.text", type: "string" },
  outputPartImage: {
    name: "llm.output_messages.{i}.message.contents.{i}.message_content.image.image.url",
    type: "string",
  },
  outputCallId: { name: "llm.output_messages.{i}.message.tool_calls.{i}.tool_call.id", type: "string" },
  outputCallName: { name: "llm.output_messages.{i}.message.tool_calls.{i}.tool_call.function.name", type: "string" },
  outputCallArguments: {
    name: "llm.output_messages.{i}.message.tool_calls.{i}.tool_call.function.arguments",
    type: "json",
  },

  toolNameOf: { name: "tool.name", type: "string" },
  toolCallIdOf: { name: "tool.id", type: "string" },
  toolParameters: { name: "tool.parameters", type: "json" },
  agentNameOf: { name: "agent.name", type: "string" },
  documentId: { name: "retrieval.documents.{i}.document.id", type: "string" },
  documentContent: { name: "retrieval.documents.{i}.document.content", type: "string" },
  documentScore: { name: "retrieval.documents.{i}.document.score", type: "double" },
  documentMetadata: { name: "retrieval.documents.{i}.document.metadata", type: "json" },
  embeddingModel: { name: "embedding.model_name", type: "string" },
  embeddingText: { name: "embedding.embeddings.{i}.embedding.text", type: "string" },
  tags: { name: "tag.tags", type: "string[]" },
  metadataText: { name: "metadata", type: "json" },
} as const;

export type OpenInferenceKey = keyof typeof OPEN_INFERENCE;

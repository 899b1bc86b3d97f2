/**
 * How Langfuse reads an OTLP span: one row for each of its fields, where it is read from, in order. Written from the server's
 * sources before the sink was, and read by `observation.ts`, so that a row is all there is to change.
 *
 * Sources are files of github.com/langfuse/langfuse at v4.16.0 (2026-08-22), in `packages/shared/src/server/otel/` where no
 * folder is named.
 */
export interface Rule {
  /** Attributes of the span, or `span:<field>` and `resource:<attribute>`. The first that says something is taken. */
  readonly from: readonly string[];
  readonly note?: string;
  readonly source: string;
}

const PROCESSOR = "OtelIngestionProcessor.ts";
const NAMES = "attributes.ts";

export type Field =
  | "name"
  | "level"
  | "statusMessage"
  | "input"
  | "output"
  | "otherInput"
  | "otherOutput"
  | "model"
  | "modelParameters"
  | "usage"
  | "cost"
  | "completionStartTime"
  | "promptName"
  | "promptVersion"
  | "version"
  | "release"
  | "environment"
  | "traceName"
  | "userId"
  | "sessionId"
  | "tags"
  | "public"
  | "appRoot"
  | "observationMetadata"
  | "traceMetadata";

export const RULES: { readonly [field in Field]: Rule } = {
  name: {
    from: ["gen_ai.tool.name", "genkit:name", "logfire.msg", "ai.toolCall.name", "ai.operationId", "span:name"],
    note: "the name of a tool is put over the name of the span",
    source: `${PROCESSOR} extractName`,
  },
  level: {
    from: ["langfuse.observation.level"],
    note: "else ERROR for status code 2, else DEFAULT",
    source: `${PROCESSOR} processToEvent`,
  },
  statusMessage: {
    from: ["langfuse.observation.status_message", "span:status.message"],
    source: `${PROCESSOR} processToEvent`,
  },
  input: {
    from: ["langfuse.observation.input"],
    note: "as soon as one of the two is there, nothing else is read for either",
    source: `${PROCESSOR} extractInputAndOutput`,
  },
  output: { from: ["langfuse.observation.output"], source: `${PROCESSOR} extractInputAndOutput` },
  otherInput: {
    from: ["input.value", "input", "gen_ai.input.messages", "gen_ai.tool.call.arguments"],
    source: `${PROCESSOR} extractInputAndOutput`,
  },
  otherOutput: {
    from: ["output.value", "output", "gen_ai.output.messages", "gen_ai.tool.call.result"],
    source: `${PROCESSOR} extractInputAndOutput`,
  },
  model: {
    from: [
      "langfuse.observation.model.name",
      "gen_ai.response.model",
      "ai.model.id",
      "gen_ai.request.model",
      "llm.response.model",
      "llm.model_name",
      "model",
    ],
    note: "none for invoke_agent and agent_step",
    source: `${PROCESSOR} extractModelName, isAiSdkAgentOperation`,
  },
  modelParameters: {
    from: ["langfuse.observation.model.parameters", "llm.invocation_parameters"],
    note: "JSON text; else every gen_ai.request.* but the model. What is neither text nor number becomes JSON text",
    source: `${PROCESSOR} extractModelParameters, sanitizeModelParams`,
  },
  usage: {
    from: ["langfuse.observation.usage_details"],
    note: "JSON text; else gen_ai.usage.* and llm.token_count.*. Empty for invoke_agent and agent_step",
    source: `${PROCESSOR} extractUsageDetails, extractGenericGenAiUsageDetails`,
  },
  cost: {
    from: ["langfuse.observation.cost_details"],
    note: "JSON text; else gen_ai.usage.cost, llm.cost.total as { total }",
    source: `${PROCESSOR} extractCostDetails`,
  },
  completionStartTime: {
    from: ["langfuse.observation.completion_start_time"],
    note: "ISO 8601; gen_ai.response.time_to_first_chunk is not looked at",
    source: `${PROCESSOR} extractCompletionStartTime`,
  },
  promptName: {
    from: ["langfuse.observation.prompt.name", "langfuse.prompt.name"],
    note: "with the version or not at all, and on generations alone",
    source: `${PROCESSOR} processToEvent; ../ingestion/types.ts CreateGenerationBody`,
  },
  promptVersion: {
    from: ["langfuse.observation.prompt.version", "langfuse.prompt.version"],
    note: "a whole number above zero: with another the legacy path drops the generation",
    source: `${PROCESSOR} processToEvent; ../ingestion/types.ts CreateGenerationBody`,
  },
  version: { from: ["langfuse.version", "resource:service.version"], source: `${PROCESSOR} processToEvent` },
  release: { from: ["langfuse.release", "resource:langfuse.release"], source: `${PROCESSOR} processToEvent` },
  environment: {
    from: [
      "langfuse.environment",
      "resource:langfuse.environment",
      "deployment.environment.name",
      "resource:deployment.environment.name",
      "deployment.environment",
      "resource:deployment.environment",
    ],
    note: "else `default`",
    source: `${PROCESSOR} extractEnvironment`,
  },
  traceName: { from: ["langfuse.trace.name"], source: `${PROCESSOR} processToEvent` },
  userId: { from: ["langfuse.user.id", "user.id"], source: `${PROCESSOR} extractUserId` },
  sessionId: {
    from: ["langfuse.session.id", "session.id", "gen_ai.conversation.id"],
    source: `${PROCESSOR} extractSessionId`,
  },
  tags: {
    from: ["langfuse.trace.tags", "langfuse.tags", "tag.tags"],
    note: "a list, its JSON text, or words with commas between them",
    source: `${PROCESSOR} extractTags`,
  },
  public: { from: ["langfuse.trace.public", "langfuse.public"], source: `${PROCESSOR} extractPublic` },
  appRoot: {
    from: ["langfuse.internal.is_app_root"],
    note: "the root of the application, where the parent is another's span",
    source: `${NAMES} IS_APP_ROOT`,
  },
  observationMetadata: {
    from: ["langfuse.observation.metadata", "langfuse.metadata"],
    note: "JSON text under the bare name, and each `<name>.<key>`",
    source: `${PROCESSOR} extractMetadata`,
  },
  traceMetadata: {
    from: ["langfuse.trace.metadata", "langfuse.metadata"],
    note: "put over the observation's, key by key",
    source: `${PROCESSOR} extractMetadata, processToEvent`,
  },
};

/** What says the type of an observation, by priority. A value that is in no table says nothing. */
export const TYPES: readonly { readonly from: string; readonly types?: { readonly [value: string]: string } }[] = [
  {
    from: "langfuse.observation.type",
    types: {
      span: "SPAN",
      generation: "GENERATION",
      event: "EVENT",
      embedding: "EMBEDDING",
      agent: "AGENT",
      tool: "TOOL",
      chain: "CHAIN",
      retriever: "RETRIEVER",
      guardrail: "GUARDRAIL",
      evaluator: "EVALUATOR",
    },
  },
  {
    from: "openinference.span.kind",
    types: {
      CHAIN: "CHAIN",
      RETRIEVER: "RETRIEVER",
      LLM: "GENERATION",
      EMBEDDING: "EMBEDDING",
      AGENT: "AGENT",
      TOOL: "TOOL",
      GUARDRAIL: "GUARDRAIL",
      EVALUATOR: "EVALUATOR",
    },
  },
  {
    // `retrieval`, `invoke_workflow` and `plan` are not here.
    from: "gen_ai.operation.name",
    types: {
      chat: "GENERATION",
      completion: "GENERATION",
      text_completion: "GENERATION",
      generate_content: "GENERATION",
      generate: "GENERATION",
      embeddings: "EMBEDDING",
      invoke_agent: "AGENT",
      create_agent: "AGENT",
      execute_tool: "TOOL",
    },
  },
  // Without a table, any value says the type below.
  { from: "gen_ai.tool.name" },
  { from: "gen_ai.tool.call.id" },
  { from: "langfuse.observation.model.name" },
  { from: "gen_ai.request.model" },
  { from: "gen_ai.response.model" },
  { from: "llm.model_name" },
  { from: "model" },
];

/** Operations whose model, usage and cost are dropped, so that an agent does not count what its calls count. */
export const AGENT_OPERATIONS: readonly string[] = ["invoke_agent", "agent_step"];

/** Names of `gen_ai.usage.*` and `llm.token_count.*` that are understood; any other becomes a bucket of its own name. */
export const USAGE_NAMES: { readonly [name: string]: string } = {
  prompt_tokens: "input",
  input_tokens: "input",
  prompt: "input",
  completion_tokens: "output",
  output_tokens: "output",
  completion: "output",
  total_tokens: "total",
  total: "total",
  "cache_read.input_tokens": "input_cached_tokens",
  cache_read_tokens: "input_cached_tokens",
  "cache_creation.input_tokens": "input_cache_creation",
  cache_creation_tokens: "input_cache_creation",
  "reasoning.output_tokens": "output_reasoning_tokens",
  reasoning_tokens: "output_reasoning_tokens",
};

/** Buckets that the generic reading takes out of `input` and `output`: those alone. */
export const TAKEN_OUT: { readonly [bucket: string]: "input" | "output" } = {
  input_cached_tokens: "input",
  input_cache_creation: "input",
  output_reasoning_tokens: "output",
};

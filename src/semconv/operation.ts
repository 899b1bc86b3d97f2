import type { ObservationType, SpanRecord } from "../core/record.ts";

/** By the type of an observation that does not say its operation. Not for a generation: see `operationOf`. */
const OPERATIONS: { readonly [type in ObservationType]?: string } = {
  agent: "invoke_agent",
  tool: "execute_tool",
  retriever: "retrieval",
  embedding: "embeddings",
  chain: "invoke_workflow",
};

/**
 * Model calls for which the conventions have no word, by the first word of the names that `sightline/openai` gives them.
 * Where no word of the list applies, one's own may be used (`gen_ai.operation.name` in the registry).
 */
const OWN_OPERATIONS: ReadonlySet<string> = new Set(["transcription", "text_to_speech", "moderation"]);

/**
 * What a span does, by `gen_ai.operation.name`: as the record says, else by its type. `undefined` for what is no matter of
 * generative AI. An agent with tokens of its own gets no operation: Langfuse drops the tokens of `invoke_agent`.
 */
export function operationOf({ genAi, type, name, usage }: SpanRecord): string | undefined {
  if (genAi?.operation !== undefined) return genAi.operation;
  if (genAi?.provider !== undefined) {
    const [verb = ""] = name.split(" ", 1);
    if (OWN_OPERATIONS.has(verb)) return verb;
  }
  if (type === "generation") return "chat";
  return type === "agent" && usage !== undefined ? undefined : OPERATIONS[type];
}

/** Operations whose spans are named after the model that is asked. */
const BY_MODEL: ReadonlySet<string> = new Set(["chat", "text_completion", "generate_content", "embeddings"]);
const BY_AGENT: ReadonlySet<string> = new Set(["create_agent", "invoke_agent", "plan"]);
/** Operations that are their span's whole name: what they are about has too many values, or is in no record. */
const ALONE: ReadonlySet<string> = new Set([
  "retrieval",
  "fetch_response",
  "search_memory",
  "create_memory",
  "update_memory",
  "upsert_memory",
  "delete_memory",
  "create_memory_store",
  "delete_memory_store",
]);

/**
 * The name of a span by the conventions where the record says its operation: `chat gpt-4.1`, `execute_tool get_weather`,
 * `invoke_agent Math Tutor`. For all others the record's own name.
 *
 * @example
 * const { spanNameOf } = await import("sightline/semconv");
 * const names = sink.records.map((record) => (record.record === "span" ? spanNameOf(record) : record.name));
 */
export function spanNameOf({ name, genAi }: SpanRecord): string {
  const operation = genAi?.operation;
  if (operation === undefined) return name;
  if (BY_MODEL.has(operation)) return joined(operation, genAi?.requestModel);
  if (BY_AGENT.has(operation)) return joined(operation, genAi?.agent?.name);
  if (operation === "execute_tool") return joined(operation, genAi?.tool?.name);
  if (operation === "invoke_workflow") return joined(operation, workflowNameOf(name));
  return ALONE.has(operation) ? operation : name;
}

/** A workflow is called as its span is. */
export function workflowNameOf(name: string): string {
  return name.replace(/^invoke_workflow\s*/, "");
}

function joined(operation: string, subject: string | undefined): string {
  return subject ? `${operation} ${subject}` : operation;
}

import { OBSERVATION_TYPES, type ObservationType } from "../../core/record.ts";
import { textOf } from "../json-value.ts";
import type { Bag } from "./bag.ts";

const TYPES: ReadonlySet<unknown> = new Set(OBSERVATION_TYPES);

const OPEN_INFERENCE: ReadonlyMap<unknown, ObservationType> = new Map([
  ["LLM", "generation"],
  ["AGENT", "agent"],
  ["TOOL", "tool"],
  ["RETRIEVER", "retriever"],
  ["EMBEDDING", "embedding"],
  ["CHAIN", "chain"],
  ["EVALUATOR", "evaluator"],
  ["GUARDRAIL", "guardrail"],
]);

const OPERATIONS: ReadonlyMap<unknown, ObservationType> = new Map([
  ["chat", "generation"],
  ["completion", "generation"],
  ["text_completion", "generation"],
  ["generate_content", "generation"],
  ["embeddings", "embedding"],
  ["invoke_agent", "agent"],
  ["create_agent", "agent"],
  ["execute_tool", "tool"],
  ["retrieval", "retriever"],
  ["invoke_workflow", "chain"],
]);

const TRACELOOP: ReadonlyMap<unknown, ObservationType> = new Map([
  ["workflow", "chain"],
  ["task", "span"],
  ["agent", "agent"],
  ["tool", "tool"],
]);

const REQUESTS: ReadonlyMap<unknown, ObservationType> = new Map([
  ["chat", "generation"],
  ["completion", "generation"],
  ["embedding", "embedding"],
  ["rerank", "retriever"],
]);

/** Of the AI SDK: the inner span of a call is the model's, the outer one holds its steps. */
const AI_SDK: readonly (readonly [pattern: RegExp, type: ObservationType])[] = [
  [/\.doEmbed$/, "embedding"],
  [/^ai\.(?:embed|embedMany)$/, "chain"],
  [/\.(?:doGenerate|doStream)$/, "generation"],
  [/^ai\.toolCall$/, "tool"],
  [/^ai\.\w+$/, "chain"],
];

/** What says that a span asks a model, when nothing says what it is. */
const MODELS = ["gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "langfuse.observation.model.name"];

/** What a span is. Words that say more than the type does stay among the attributes. */
export function typeOf(bag: Bag): ObservationType {
  return (
    take(bag, "sightline.type", (word) => (TYPES.has(word) ? (word as ObservationType) : undefined)) ??
    take(bag, "langfuse.observation.type", (word) => {
      const lower = textOf(word).toLowerCase();
      return TYPES.has(lower) ? (lower as ObservationType) : undefined;
    }) ??
    take(bag, "openinference.span.kind", (word) => OPEN_INFERENCE.get(textOf(word).toUpperCase())) ??
    guessed(bag)
  );
}

function guessed(bag: Bag): ObservationType {
  const aiSdk = AI_SDK.find(([pattern]) => pattern.test(textOf(bag.peek("ai.operationId"))))?.[1];
  const known =
    aiSdk ??
    OPERATIONS.get(bag.peek("gen_ai.operation.name")) ??
    take(bag, "traceloop.span.kind", (word) => TRACELOOP.get(word)) ??
    take(bag, "llm.request.type", (word) => REQUESTS.get(word));
  if (known !== undefined) return known;
  if (bag.has("gen_ai.tool.name") || bag.has("ai.toolCall.name")) return "tool";
  return MODELS.some((name) => bag.has(name)) ? "generation" : "span";
}

/** Takes the word when it is a known one. */
function take(
  bag: Bag,
  name: string,
  read: (word: unknown) => ObservationType | undefined,
): ObservationType | undefined {
  const word = bag.peek(name);
  const type = word === undefined ? undefined : read(word);
  if (type !== undefined) bag.drop([name]);
  return type;
}

import type { GenAi, Json, JsonObject, ObservationType, OpenAIDetails, Usage } from "../../core/record.ts";
import { operationOf, spanNameOf, workflowNameOf } from "../../semconv/operation.ts";
import { type AttributeKey, PREFIXES } from "../../semconv/registry.ts";
import { snakeCase } from "../../semconv/snake-case.ts";
import { compact, fromJsonText, isObject } from "../json-value.ts";
import type { Bag } from "./bag.ts";
import { NAMES } from "./names.ts";

/** What is known of the span already. */
export interface SpanFacts {
  /** Written by this package. */
  readonly isOurs: boolean;
  readonly type: ObservationType;
  /** As the record has it. */
  readonly name: string;
  /** As OTLP has it: our spans are named by the conventions where the record says its operation. */
  readonly spanName: string;
  readonly usage: Usage | undefined;
}

/** `gen_ai.system` of 1.36 and before. */
const PROVIDERS: ReadonlyMap<string, string> = new Map([
  ["az.ai.inference", "azure.ai.inference"],
  ["az.ai.openai", "azure.ai.openai"],
  ["vertex_ai", "gcp.vertex_ai"],
  ["gemini", "gcp.gemini"],
  ["xai", "x_ai"],
]);

/** Request parameters by the names that requests have for them. */
const PARAMETERS: readonly (readonly [wireName: string, key: AttributeKey])[] = [
  ["temperature", "temperature"],
  ["top_p", "topP"],
  ["top_k", "topK"],
  ["top_k", "retrievalTopK"],
  ["frequency_penalty", "frequencyPenalty"],
  ["presence_penalty", "presencePenalty"],
  ["max_tokens", "maxTokens"],
  ["seed", "seed"],
  ["n", "choiceCount"],
  ["dimensions", "dimensions"],
];

export function genAiOf(bag: Bag, facts: SpanFacts): GenAi | undefined {
  const openai = openAiOf(bag);
  const { isOurs, name } = facts;
  const provider = bag.text([...NAMES.provider, "llm.provider", "ai.model.provider"]);
  const agent = compact<NonNullable<GenAi["agent"]>>({
    id: bag.text(NAMES.agentId),
    name: bag.text([...NAMES.agentName, "agent.name"]),
    description: bag.text(NAMES.agentDescription),
  });
  const toolName = bag.text([...NAMES.toolName, "ai.toolCall.name", "tool.name"]);
  const toolRest = compact<Partial<NonNullable<GenAi["tool"]>>>({
    type: bag.text(NAMES.toolType),
    callId: bag.text([...NAMES.toolCallId, "ai.toolCall.id", "tool.id", "tool_call.id"]),
  });
  const conversationId = bag.text(NAMES.conversationId);
  const genAi: { -readonly [field in keyof GenAi]?: GenAi[field] | undefined } = {
    operation: bag.text(NAMES.operation),
    provider: provider && (PROVIDERS.get(provider) ?? provider),
    ...modelsOf(bag),
    responseId: bag.text([...NAMES.responseId, "ai.response.id"]),
    responseStatus: bag.text(NAMES.responseStatus),
    previousResponseId: bag.text(NAMES.previousResponseId),
    finishReasons: bag.texts([...NAMES.finishReasons, "ai.response.finishReason", "llm.finish_reason"]),
    // Our own say the thread of a run for it where they know no other.
    conversationId: isOurs && conversationId === openai?.threadId ? undefined : conversationId,
    outputType: outputTypeOf(bag),
    stream: bag.flag([...NAMES.stream, "llm.is_streaming", "gen_ai.is_streaming"]),
    systemInstructions: jsonUnder(bag, NAMES.systemInstructions),
    toolDefinitions: jsonUnder(bag, NAMES.toolDefinitions),
    agent,
    tool: toolName === undefined ? undefined : { name: toolName, ...toolRest },
    prompt: promptOf(bag),
    openai,
  };
  // After all that has a name: the rest of `gen_ai.request.*` are parameters.
  genAi.parameters = parametersOf(bag);
  if (isOurs) undoDerived(genAi, facts);
  const workflow = bag.peek("gen_ai.workflow.name") ?? bag.peek("sightline.workflow.name");
  if (isOurs && workflow === workflowNameOf(name)) bag.drop(NAMES.workflowName);
  return compact<GenAi>(genAi);
}

/** What our spans say though the record does not: it follows from the type, and tells whether the name is the record's. */
function undoDerived(
  genAi: { operation?: string | undefined; tool?: GenAi["tool"] | undefined },
  facts: SpanFacts,
): void {
  const { name, spanName, type, usage } = facts;
  const { operation, tool, ...rest } = genAi;
  if (operation === undefined) return;
  const named = (as = name): string => spanNameOf({ name: as, genAi } as Parameters<typeof spanNameOf>[0]);
  // Without a tool of its own, a span is named after its operation alone, or as the record is.
  const isNamedAfter = operation === "execute_tool" && tool?.name === name && Object.keys(tool).length === 1;
  if (isNamedAfter && named() !== spanName) genAi.tool = undefined;
  const record = { name, type, ...(usage && { usage }), genAi: compact<GenAi>(rest as GenAi) };
  const derived = operationOf(record as Parameters<typeof operationOf>[0]);
  // Operations that give their spans no name are those of our own, which records do not say.
  if (derived === operation && (named() !== spanName || named("") === "")) genAi.operation = undefined;
}

function modelsOf(bag: Bag): Pick<GenAi, "requestModel" | "responseModel"> {
  const request = bag.text([...NAMES.requestModel, "llm.request.model_name", "ai.model.id"]);
  const response = bag.text([...NAMES.responseModel, "llm.response.model_name", "ai.response.model"]);
  const either =
    bag.peek("langfuse.observation.model.name") ?? bag.peek("llm.model_name") ?? bag.peek("embedding.model_name");
  const known = response ?? request;
  const model = known === undefined && typeof either === "string" ? either : undefined;
  for (const name of ["langfuse.observation.model.name", "llm.model_name", "embedding.model_name"]) {
    const given = bag.peek(name);
    if (given !== undefined && (given === request || given === response || given === model)) bag.drop([name]);
  }
  // Who says one model alone says the one that answered.
  return { ...(request !== undefined && { requestModel: request }), ...responseOf(response ?? model) };
}

function responseOf(model: string | undefined): Pick<GenAi, "responseModel"> {
  return model === undefined ? {} : { responseModel: model };
}

const OUTPUT_TYPES: ReadonlySet<unknown> = new Set(["text", "json", "image", "speech"]);

function outputTypeOf(bag: Bag): GenAi["outputType"] | undefined {
  const given = bag.peek("gen_ai.output.type");
  if (!OUTPUT_TYPES.has(given)) return undefined;
  bag.drop(["gen_ai.output.type"]);
  return given as NonNullable<GenAi["outputType"]>;
}

function promptOf(bag: Bag): GenAi["prompt"] | undefined {
  const name = bag.text([...NAMES.promptName, "langfuse.observation.prompt.name", "prompt.id"]);
  if (name === undefined) return undefined;
  const version = bag.number(["langfuse.observation.prompt.version"]);
  const said = version ?? bag.text([...NAMES.promptVersion, "llm.prompt_template.version"]);
  return { name, ...(said !== undefined && { version: said }) };
}

function jsonUnder(bag: Bag, names: readonly string[]): Json | undefined {
  const value = bag.any(names);
  return value === undefined ? undefined : fromJsonText(value);
}

function parametersOf(bag: Bag): JsonObject | undefined {
  const found = new Map<string, Json>();
  const add = (name: string, value: Json | undefined): void => {
    if (value !== undefined && !found.has(name)) found.set(name, value);
  };
  for (const [wireName, key] of PARAMETERS) add(wireName, bag.number(NAMES[key]));
  add("reasoning_effort", bag.text(NAMES.reasoningLevel));
  add("stop", oneOrAll(bag.texts(NAMES.stopSequences)));
  add("encoding_format", oneOrAll(bag.texts(NAMES.encodingFormats)));
  for (const [name, value] of Object.entries(bag.under(PREFIXES.request) ?? {})) add(name, fromJsonText(value));
  for (const name of ["langfuse.observation.model.parameters", "llm.invocation_parameters"]) {
    const given = bag.peek(name);
    const all = given === undefined ? undefined : fromJsonText(given);
    if (!isObject(all)) continue;
    bag.drop([name]);
    for (const [parameter, value] of Object.entries(all)) add(parameter, value);
  }
  for (const [name, value] of bag.matching(/^gen_ai\.request\.\w+$/)) add(name.slice("gen_ai.request.".length), value);
  for (const [name, value] of Object.entries(bag.under("ai.settings.") ?? {})) add(snakeCase(name), value);
  return found.size === 0 ? undefined : Object.fromEntries(found);
}

function oneOrAll(texts: readonly string[] | undefined): Json | undefined {
  return texts?.length === 1 ? texts[0]! : (texts as Json | undefined);
}

function openAiOf(bag: Bag): OpenAIDetails | undefined {
  const apiType = bag.text([...NAMES.apiType, ...NAMES.ownApiType]);
  const calls = jsonUnder(bag, NAMES.pendingToolCalls);
  return compact<OpenAIDetails>({
    apiType: apiType as OpenAIDetails["apiType"],
    threadId: bag.text([...NAMES.threadId, "gen_ai.thread.id"]),
    runId: bag.text([...NAMES.runId, "gen_ai.thread.run.id"]),
    runStatus: bag.text([...NAMES.runStatus, "gen_ai.thread.run.status"]),
    runStepId: bag.text(NAMES.runStepId),
    assistantId: bag.text(NAMES.assistantId),
    requestServiceTier: bag.text(NAMES.requestServiceTier),
    serviceTier: bag.text(NAMES.serviceTier),
    systemFingerprint: bag.text([...NAMES.systemFingerprint, "gen_ai.openai.system_fingerprint"]),
    imageModel: bag.text(NAMES.imageModel),
    background: bag.flag(NAMES.background),
    createdAt: bag.number(NAMES.createdAt),
    startedAt: bag.number(NAMES.startedAt),
    expiresAt: bag.number(NAMES.expiresAt),
    cancellingSince: bag.number(NAMES.cancellingSince),
    errorCode: bag.text(NAMES.errorCode),
    errorMessage: bag.text(NAMES.errorMessage),
    incompleteReason: bag.text(NAMES.incompleteReason),
    pendingToolCalls:
      Array.isArray(calls) && calls.every(isObject)
        ? (calls as unknown as OpenAIDetails["pendingToolCalls"])
        : undefined,
    stepCount: bag.number(NAMES.stepCount),
    missing: bag.text(NAMES.missing),
  });
}

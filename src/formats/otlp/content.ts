import type { GenAi, Json, JsonObject } from "../../core/record.ts";
import { fromJsonText, isObject, parsed } from "../json-value.ts";
import type { Bag } from "./bag.ts";
import { NAMES } from "./names.ts";
import { unflatten } from "./unflatten.ts";
import { attributesOf, listOf } from "./values.ts";

export interface Content {
  readonly input?: Json | undefined;
  readonly output?: Json | undefined;
  readonly systemInstructions?: Json | undefined;
  readonly toolDefinitions?: Json | undefined;
}

type Read = (bag: Bag, isOurs: boolean) => Json | undefined;

/** The first that is there is the input; what says it again stays among the attributes. */
const INPUTS: readonly Read[] = [
  withType("sightline.input"),
  // Beside other names of ours it is the whole value, which they may have put into another form.
  (bag, isOurs) => (isOurs ? withType("input")(bag, isOurs) : undefined),
  json(["langfuse.observation.input"]),
  json(NAMES.inputMessages),
  messages("gen_ai.prompt", /^gen_ai\.prompt\.\d+\./),
  openInferenceMessages("llm.input_messages"),
  json(NAMES.toolArguments),
  json(["ai.toolCall.args", "ai.toolCall.input"]),
  json(NAMES.retrievalQuery),
  json(["ai.prompt.messages", "ai.prompt", "ai.value", "ai.values"]),
  embeddingTexts,
  withType("input"),
  json(["traceloop.entity.input", "gen_ai.prompt", "tool.parameters"]),
];

const OUTPUTS: readonly Read[] = [
  withType("sightline.output"),
  (bag, isOurs) => (isOurs ? withType("output")(bag, isOurs) : undefined),
  json(["langfuse.observation.output"]),
  json(NAMES.outputMessages),
  messages("gen_ai.completion", /^gen_ai\.completion\.\d+\./),
  openInferenceMessages("llm.output_messages"),
  json(NAMES.toolResult),
  json(["ai.toolCall.result", "ai.toolCall.output"]),
  json(NAMES.retrievalDocuments),
  documents,
  aiSdkAnswer,
  withType("output"),
  json(["ai.response.object", "ai.embedding", "ai.embeddings", "traceloop.entity.output", "gen_ai.completion"]),
];

/** What went in and came out. */
export function contentOf(bag: Bag, isOurs: boolean): Content {
  return {
    input: firstOf(INPUTS, bag, isOurs),
    output: firstOf(OUTPUTS, bag, isOurs),
    toolDefinitions: toolsOf(bag),
  };
}

function firstOf(reads: readonly Read[], bag: Bag, isOurs: boolean): Json | undefined {
  for (const read of reads) {
    const value = read(bag, isOurs);
    if (value !== undefined) return value;
  }
  return undefined;
}

function json(names: readonly string[]): Read {
  return (bag) => {
    const name = names.find((each) => bag.has(each));
    const value = name === undefined ? undefined : bag.any([name]);
    if (value === undefined) return undefined;
    return Array.isArray(value) ? value.map(fromJsonText) : fromJsonText(value);
  };
}

/** A value beside what it is: a text stays one though it may look like JSON. */
function withType(name: string): Read {
  return (bag) => {
    const value = bag.any([`${name}.value`]);
    const type = value === undefined ? undefined : bag.text([`${name}.mime_type`]);
    if (typeof value !== "string") return value;
    if (type === undefined) return fromJsonText(value);
    const read = type === "application/json" ? parsed(value) : undefined;
    return read === undefined ? value : read;
  };
}

/** `gen_ai.prompt.0.role`, as OpenLLMetry writes messages: in the shape of chat completions. */
function messages(prefix: string, pattern: RegExp): Read {
  return (bag) => {
    const found = bag.matching(pattern);
    if (found.size === 0) return undefined;
    const list = unflatten([...found].map(([name, value]) => [name.slice(prefix.length + 1), value] as const));
    return Array.isArray(list) ? list.map(chatMessage) : list;
  };
}

function chatMessage(message: Json): Json {
  if (!isObject(message)) return message;
  const { content, tool_calls: calls, ...rest } = message;
  return {
    ...rest,
    ...(content !== undefined && { content: fromJsonText(content) }),
    ...(calls !== undefined && { tool_calls: Array.isArray(calls) ? calls.map(toolCall) : calls }),
  };
}

function toolCall(call: Json): Json {
  if (!isObject(call) || typeof call["name"] !== "string") return call;
  const { name, arguments: given, ...rest } = call;
  return { ...rest, type: "function", function: { name, ...(given !== undefined && { arguments: given }) } };
}

function openInferenceMessages(prefix: string): Read {
  return (bag) => {
    const found = bag.under(`${prefix}.`);
    if (found === undefined) return undefined;
    const list = unflatten(Object.entries(found));
    return Array.isArray(list) ? list.map(openInferenceMessage) : list;
  };
}

function openInferenceMessage(item: Json): Json {
  const message = isObject(item) ? item["message"] : undefined;
  if (!isObject(message)) return item;
  const { contents, tool_calls: calls, ...rest } = message;
  const parts = Array.isArray(contents) ? contents.map((part) => contentPart(part)) : undefined;
  const called = Array.isArray(calls) ? calls.map((each) => unwrapped(each, "tool_call")) : undefined;
  return {
    ...rest,
    ...(parts !== undefined && { content: parts }),
    ...(called !== undefined && {
      tool_calls: called.map((call) => (isObject(call) ? { type: "function", ...call } : call)),
    }),
  };
}

function contentPart(part: Json): Json {
  const content = unwrapped(part, "message_content");
  if (!isObject(content)) return content;
  const { type, image, ...rest } = content;
  const inner = isObject(image) ? image["image"] : undefined;
  if (type !== "image" || !isObject(inner)) return content;
  return { type: "image_url", image_url: inner, ...rest };
}

function unwrapped(value: Json, name: string): Json {
  return isObject(value) && value[name] !== undefined ? value[name] : value;
}

function embeddingTexts(bag: Bag): Json | undefined {
  const found = bag.matching(/^embedding\.embeddings\.\d+\.embedding\.text$/);
  return found.size === 0 ? undefined : [...found.values()];
}

function documents(bag: Bag): Json | undefined {
  const found = bag.under("retrieval.documents.") ?? bag.under("reranker.output_documents.");
  if (found === undefined) return undefined;
  const list = unflatten(Object.entries(found));
  if (!Array.isArray(list)) return list;
  return list.map((each) => {
    const document = unwrapped(each, "document");
    if (!isObject(document) || document["metadata"] === undefined) return document;
    return { ...document, metadata: fromJsonText(document["metadata"]) };
  });
}

/** The AI SDK has the parts of an answer apart. */
function aiSdkAnswer(bag: Bag): Json | undefined {
  const text = bag.any(["ai.response.text"]);
  const calls = bag.any(["ai.response.toolCalls"]);
  const reasoning = bag.any(["ai.response.reasoning"]);
  if (calls === undefined && reasoning === undefined) return text;
  return {
    role: "assistant",
    ...(text !== undefined && { content: text }),
    ...(reasoning !== undefined && { reasoning_content: fromJsonText(reasoning) }),
    ...(calls !== undefined && { tool_calls: fromJsonText(calls) }),
  };
}

/** Where the conventions' own attribute is not there. */
function toolsOf(bag: Bag): GenAi["toolDefinitions"] | undefined {
  const aiSdk = json(["ai.prompt.tools"])(bag, false);
  if (aiSdk !== undefined) return aiSdk;
  const openInference = bag.matching(/^llm\.tools\.\d+\.tool\.json_schema$/);
  if (openInference.size > 0) return [...openInference.values()].map(fromJsonText);
  const functions = bag.under("llm.request.functions.");
  const list = functions && unflatten(Object.entries(functions));
  if (!Array.isArray(list)) return list;
  return list.map((each) => {
    if (!isObject(each) || each["parameters"] === undefined) return each;
    return { type: "function", ...each, parameters: fromJsonText(each["parameters"]) };
  });
}

const ROLES: ReadonlyMap<string, string> = new Map([
  ["gen_ai.system.message", "system"],
  ["gen_ai.user.message", "user"],
  ["gen_ai.assistant.message", "assistant"],
  ["gen_ai.tool.message", "tool"],
]);

/** Messages that are events of a span, as the conventions had them before 1.37; used where the span says nothing else. */
export function contentOfEvents(events: unknown): Content {
  const input: Json[] = [];
  const output: Json[] = [];
  for (const event of listOf(events)) {
    if (!isObject(event) || typeof event["name"] !== "string") continue;
    const role = ROLES.get(event["name"]);
    if (role === undefined && event["name"] !== "gen_ai.choice") continue;
    const message = messageOfEvent(Object.fromEntries(attributesOf(event["attributes"])));
    if (role === undefined) output.push({ role: "assistant", ...message });
    else input.push({ role, ...message });
  }
  return { input: input.length === 0 ? undefined : input, output: output.length === 0 ? undefined : output };
}

/** The message of an event: in `gen_ai.event.content` as JSON, or in attributes or a body of its own. */
export function messageOfEvent(fields: JsonObject): JsonObject {
  const { "gen_ai.event.content": text, "gen_ai.system": system, "gen_ai.provider.name": provider, ...rest } = fields;
  const given = text === undefined ? undefined : fromJsonText(text);
  const message = isObject(given) ? given : given === undefined ? rest : { ...rest, content: given };
  const inner = message["message"] === undefined ? undefined : fromJsonText(message["message"]);
  const entries = Object.entries(isObject(inner) ? { ...inner, ...withoutMessage(message) } : message);
  return Object.fromEntries(entries.map(([name, value]) => [name, fromJsonText(value)]));
}

function withoutMessage({ message, ...rest }: JsonObject): JsonObject {
  return rest;
}

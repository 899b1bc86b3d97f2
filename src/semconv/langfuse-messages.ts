import type { Json, JsonObject } from "../core/json.ts";
import { jsonText } from "./json-text.ts";
import { isObject, type Message } from "./messages.ts";

/** A message whose parts are all objects, as the conventions have it. */
interface PartsMessage extends Message {
  parts: JsonObject[];
}

/**
 * What a model was given, as Langfuse shows it best: messages as chat completions have them, instructions before them as
 * `system`, and `{ messages, tools }` where there are tools. Langfuse looks for calls and definitions of tools in this shape
 * alone, and shows messages with `parts` as messages only when nothing but texts and calls is in them.
 *
 * Source: Langfuse `extractToolsBackend.ts`, `utils/chatml/adapters/microsoft-agent.ts`.
 */
export function chatInput(input: Json | undefined, instructions?: Json, definitions?: Json): Json | undefined {
  const messages = messagesOf(input);
  if (messages === undefined) return input;
  const system = systemMessages(instructions);
  const all = [...system, ...messages];
  if (all.length === 0) return input;
  const tools = Array.isArray(definitions) ? definitions.map(chatTool) : [];
  return tools.length === 0 ? all : { messages: all, tools };
}

/** What a model said: the one message, or the list of all choices. Anything else as it is. */
export function chatOutput(output: Json | undefined): Json | undefined {
  if (!isList(output, isMessage)) return output;
  const messages = output.flatMap(chatMessages);
  return messages.length === 1 ? messages[0]! : messages;
}

/** Whether instructions have a place in front of this input. */
export function takesInstructions(input: Json | undefined): boolean {
  return messagesOf(input) !== undefined;
}

/** `undefined` for what is no list of messages; nothing at all is an empty one. */
function messagesOf(input: Json | undefined): Json[] | undefined {
  if (input === undefined) return [];
  if (isList(input, isMessage)) return input.flatMap(chatMessages);
  return isList(input, hasRole) ? input : undefined;
}

function isList<T extends Json>(value: Json | undefined, isItem: (item: Json) => item is T): value is T[] {
  return Array.isArray(value) && value.length > 0 && value.every(isItem);
}

function hasRole(value: Json): value is JsonObject {
  return isObject(value) && typeof value["role"] === "string";
}

function isMessage(value: Json): value is PartsMessage {
  return hasRole(value) && isList(value["parts"], isObject);
}

/** Results of tools are messages of their own there. */
function chatMessages({ role, parts, name }: PartsMessage): JsonObject[] {
  const of = (type: string) => parts.filter((part) => part["type"] === type);
  const results = of("tool_call_response").map((part): JsonObject => {
    const { id, response } = part;
    return { role: "tool", ...(id !== undefined && { tool_call_id: id }), content: jsonText(response ?? null) };
  });
  const rest = parts.filter(({ type }) => !MOVED.has(type));
  const [calls, thoughts, refusals] = [of("tool_call"), of("reasoning"), of("refusal")];
  if (results.length === parts.length) return results;
  const message: JsonObject = {
    role,
    ...(name !== undefined && name !== null && { name }),
    content: contentOf(rest),
    ...(refusals.length > 0 && { refusal: joined(refusals) }),
    ...(thoughts.length > 0 && { reasoning_content: joined(thoughts) }),
    ...(calls.length > 0 && { tool_calls: calls.map(chatToolCall) }),
  };
  return [message, ...results];
}

/** Parts that are no content in a message of chat completions. */
const MOVED: ReadonlySet<Json | undefined> = new Set(["tool_call", "tool_call_response", "reasoning", "refusal"]);

function contentOf(parts: readonly JsonObject[]): Json {
  const [only] = parts;
  if (only === undefined) return null;
  const { type, content, ...rest } = only;
  const isPlain = parts.length === 1 && type === "text" && Object.keys(rest).length === 0;
  return isPlain && typeof content === "string" ? content : parts.map(contentPart);
}

/** Kinds that chat completions have no word for stay as they are. */
function contentPart(part: JsonObject): JsonObject {
  const { type, content, modality, uri, ...rest } = part;
  if (type === "text" && content !== undefined) return { type, text: content, ...rest };
  if (type === "uri" && modality === "image") return { type: "image_url", image_url: { url: uri ?? null, ...rest } };
  return part;
}

function chatToolCall(part: JsonObject): JsonObject {
  const { id, name, arguments: given } = part;
  const call = { name: name ?? null, arguments: given === undefined ? "{}" : jsonText(given) };
  return { ...(id !== undefined && { id }), type: "function", function: call };
}

function chatTool(tool: Json): Json {
  if (!isObject(tool) || tool["type"] !== "function" || tool["name"] === undefined) return tool;
  const { type, ...details } = tool;
  return { type, function: details };
}

function systemMessages(instructions: Json | undefined): JsonObject[] {
  if (typeof instructions === "string" && instructions !== "") return [{ role: "system", content: instructions }];
  if (!isList(instructions, isObject)) return [];
  return chatMessages({ role: "system", parts: instructions });
}

function joined(parts: readonly JsonObject[]): string {
  return parts.map(({ content }) => jsonText(content ?? "")).join("\n");
}

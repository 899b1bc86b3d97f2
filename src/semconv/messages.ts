import type { Json, JsonObject } from "../core/json.ts";

/** A message in the shape of the GenAI conventions. */
export interface Message extends JsonObject {
  role: string;
  parts: Json[];
}

/**
 * Messages in the shape of the conventions (`[{ role, parts }]`), which are taken as they are, or of chat APIs
 * (`[{ role, content }]`, one or a list), which are converted. `undefined` for anything else.
 */
export function messagesOf(value: Json | undefined): Message[] | undefined {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) return undefined;
  const messages = list.map(messageOf);
  return messages.every((message) => message !== undefined) ? messages : undefined;
}

/** A text as the only message of a role. */
export function messageOfText(role: string, text: string): Message {
  return { role, parts: [textPart(text)] };
}

function messageOf(value: Json | undefined): Message | undefined {
  if (!isObject(value)) return undefined;
  const { role, parts, content, ...rest } = value;
  if (typeof role !== "string") return undefined;
  if (Array.isArray(parts)) return value as Message;
  // An assistant that only calls tools says nothing.
  if (content === undefined && !Array.isArray(rest["tool_calls"])) return undefined;
  const { tool_calls: calls, tool_call_id: callId, ...others } = rest;
  const said = typeof callId === "string" ? [toolResponse(callId, content)] : partsOf(content);
  return { role, parts: [...said, ...(Array.isArray(calls) ? calls.map(toolCall) : [])], ...others };
}

function partsOf(content: Json | undefined): Json[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [textPart(content)];
  return Array.isArray(content) ? content.map(partOf) : [partOf(content)];
}

/** Parts of other kinds stay as they are: the conventions allow any that has a type. */
function partOf(part: Json): Json {
  if (typeof part === "string") return textPart(part);
  if (!isObject(part)) return textPart(JSON.stringify(part));
  const { type = "unknown", text, ...rest } = part;
  return /^(?:input_|output_)?text$/.test(String(type)) && typeof text === "string"
    ? { ...rest, ...textPart(text) }
    : { ...part, type };
}

function textPart(content: string): JsonObject {
  return { type: "text", content };
}

function toolResponse(id: string, response: Json | undefined): JsonObject {
  return { type: "tool_call_response", id, response: response ?? null };
}

function toolCall(call: Json): JsonObject {
  const given = isObject(call) ? call : {};
  const called = isObject(given["function"]) ? given["function"] : given;
  return {
    type: "tool_call",
    ...(typeof given["id"] === "string" && { id: given["id"] }),
    name: typeof called["name"] === "string" ? called["name"] : "unknown",
    ...(called["arguments"] !== undefined && { arguments: parsed(called["arguments"]) }),
  };
}

/** Arguments come as JSON text; where that is broken, the text is what there is. */
function parsed(json: Json): Json {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json) as Json;
  } catch {
    return json;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

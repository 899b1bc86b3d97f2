import type { Json } from "../core/record.ts";
import { array, field, known, text } from "./fields.ts";

/** A message in the shape of OpenTelemetry's GenAI conventions (`gen_ai.input.messages`, `gen_ai.output.messages`). */
export interface ModelMessage {
  readonly role: string;
  readonly parts: readonly Part[];
  readonly name?: string;
  /** Of an answer: `stop`, `length`, `content_filter`, `tool_call`, `error`, or the provider's own word. */
  readonly finish_reason?: string;
}

/** `text`, `reasoning`, `tool_call`, `tool_call_response`, `server_tool_call`, `server_tool_call_response`, `blob`, `file`, `uri`, `refusal`, … */
export interface Part {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Arguments are a string that should hold JSON; models do not always manage, and then the string is what there is. */
export function parsedJson(json: unknown): unknown {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json) as Json;
  } catch {
    return json;
  }
}

/** What stands for a payload that is not kept: its kind and its size in bytes. */
export function blobPart(modality: string, base64: unknown, mimeType?: string): Part {
  const bytes = typeof base64 === "string" ? decodedSize(base64) : 0;
  return { type: "blob", modality, ...(mimeType !== undefined && { mime_type: mimeType }), bytes };
}

/** Bytes that base64 stands for. */
function decodedSize(base64: string): number {
  const padding = base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0;
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

/** An address as it is; a `data:` address, which is the payload itself, as a blob. */
export function uriPart(modality: string, uri: string): Part {
  if (!/^data:/i.test(uri)) return { type: "uri", modality, uri };
  const comma = uri.indexOf(",");
  if (comma === -1) return blobPart(modality, undefined);
  const [mimeType, ...options] = uri.slice("data:".length, comma).split(";");
  const payload = uri.slice(comma + 1);
  const blob = blobPart(modality, payload, mimeType || undefined);
  return options.includes("base64") ? blob : { ...blob, bytes: payload.length };
}

export function textPart(content: string, annotations?: unknown): Part {
  const notes = array(annotations);
  return { type: "text", content, ...(notes.length > 0 && { annotations: notes }) };
}

/** What a message says: a string, or parts of chat completions, Responses, Assistants and the servers that are like them. */
export function contentParts(content: unknown): Part[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [textPart(content)];
  return Array.isArray(content) ? content.map(contentPart) : [contentPart(content)];
}

function contentPart(part: unknown): Part {
  if (typeof part === "string") return textPart(part);
  const type = text(field(part, "type")) ?? "unknown";
  return READERS.get(type)?.(part) ?? otherPart(type, part);
}

/** By the part's type. `undefined`: the part is not what its type says, and is kept as it came. */
const READERS: ReadonlyMap<string, (part: unknown) => Part | undefined> = new Map([
  ["text", readText],
  ["input_text", readText],
  ["output_text", readText],
  ["refusal", readRefusal],
  ["thinking", (part) => readReasoning(field(part, "thinking"))],
  ["reasoning_text", (part) => readReasoning(field(part, "text"))],
  ["summary_text", (part) => readReasoning(field(part, "text"))],
  ["image_url", (part) => reference("image", part, field(part, "image_url"))],
  ["input_image", (part) => reference("image", part, field(part, "image_url"))],
  ["image_file", (part) => reference("image", field(part, "image_file"))],
  ["video_url", (part) => reference("video", part, field(part, "video_url"))],
  ["file", (part) => readFile(field(part, "file"))],
  ["input_file", readFile],
  ["input_audio", readAudio],
]);

function readText(part: unknown): Part | undefined {
  const said = field(part, "text");
  // Assistants wrap it, with its annotations inside.
  const value = typeof said === "string" ? said : field(said, "value");
  if (typeof value !== "string") return undefined;
  return textPart(value, field(said, "annotations") ?? field(part, "annotations"));
}

function readRefusal(part: unknown): Part | undefined {
  const refusal = field(part, "refusal");
  return typeof refusal === "string" ? { type: "refusal", content: refusal } : undefined;
}

/** Reasoning is a string, or (Mistral) text parts. */
function readReasoning(thought: unknown): Part | undefined {
  const content = typeof thought === "string" ? thought : array(thought).map(textOf).join("");
  return content === "" ? undefined : { type: "reasoning", content };
}

function textOf(part: unknown): string {
  return text(field(part, "text")) ?? "";
}

/** By address or by file id; Responses have the address itself, chat completions an object around it. */
function reference(modality: string, part: unknown, address?: unknown): Part | undefined {
  const { url, detail } = { url: address, detail: field(address, "detail") ?? field(part, "detail") };
  const uri = text(url) ?? text(field(url, "url"));
  const fileId = text(field(part, "file_id"));
  const found = uri !== undefined ? uriPart(modality, uri) : fileId && { type: "file", modality, file_id: fileId };
  return found ? { ...found, ...known({ detail }) } : undefined;
}

function readFile(file: unknown): Part | undefined {
  const filename = text(field(file, "filename"));
  const [data, url] = [text(field(file, "file_data")), text(field(file, "file_url"))];
  const fileId = text(field(file, "file_id"));
  let found: Part | undefined;
  if (fileId !== undefined) found = { type: "file", modality: "document", file_id: fileId };
  else if (data !== undefined)
    found = data.startsWith("data:") ? uriPart("document", data) : blobPart("document", data);
  else if (url !== undefined) found = uriPart("document", url);
  return found && { ...found, ...known({ filename }) };
}

function readAudio(part: unknown): Part | undefined {
  const audio = field(part, "input_audio");
  const format = text(field(audio, "format"));
  const data = field(audio, "data");
  return data === undefined ? undefined : blobPart("audio", data, format && `audio/${format}`);
}

/** Keys under which servers send payloads, at any depth of a part that is not known here. */
const PAYLOAD = /^(?:data|b64_json|file_data|image_data|bytes|encrypted_content)$/i;
const MAX_DEPTH = 4;

function otherPart(type: string, part: unknown): Part {
  return { ...(withoutPayload(part) as object), type };
}

/** The same value with the size in place of each payload: base64 under one of its usual names, `data:` addresses. */
export function withoutPayload(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return value.map((item) => withoutPayload(item, depth + 1));
  const entries = Object.entries(value).map(([key, each]) => {
    if (typeof each !== "string") return [key, withoutPayload(each, depth + 1)];
    if (/^data:/i.test(each)) return [key, { bytes: uriPart("", each)["bytes"] }];
    return [key, PAYLOAD.test(key) ? { bytes: decodedSize(each) } : each];
  });
  return Object.fromEntries(entries);
}

/** OpenTelemetry's words. */
const FINISH_REASONS: ReadonlyMap<string, string> = new Map([
  ["tool_calls", "tool_call"],
  ["function_call", "tool_call"],
]);

export function finishReason(word: unknown): string | undefined {
  const reason = text(word);
  return reason === undefined ? undefined : (FINISH_REASONS.get(reason) ?? reason);
}

/** A call that the caller is to make: a function with JSON arguments, or a custom tool with free text. */
export function toolCallPart(call: unknown): Part {
  const type = text(field(call, "type")) ?? "function";
  const details = field(call, type);
  const id = text(field(call, "id"));
  const name = text(field(details, "name")) ?? type;
  const given = type === "function" ? parsedJson(field(details, "arguments")) : (field(details, "input") ?? details);
  return { type: "tool_call", ...known({ id }), name, ...known({ arguments: given }) };
}

/** Tools in the flat shape of the conventions: `{ type, name, description, parameters }`. */
export function toolDefinitions(tools: unknown): Json | undefined {
  const definitions = array(tools).map((tool) => {
    const type = text(field(tool, "type"));
    const details = type === undefined ? undefined : field(tool, type);
    return typeof field(details, "name") === "string" ? { type, ...details } : tool;
  });
  return definitions.length === 0 ? undefined : (definitions as Json);
}

import { array, field, known, text } from "./fields.ts";
import {
  blobPart,
  contentParts,
  finishReason,
  type ModelMessage,
  type Part,
  parsedJson,
  toolCallPart,
} from "./messages.ts";

/** The messages of a request to chat completions. */
export function requestMessages(messages: unknown): ModelMessage[] | undefined {
  return Array.isArray(messages) ? messages.map((message) => chatMessage(message, "user")) : undefined;
}

/** The choices of a chat completion: a message each, with the reason why it ends. */
export function choiceMessages(choices: unknown): ModelMessage[] | undefined {
  const messages = array(choices).map((choice) => {
    const message = chatMessage(field(choice, "message"), "assistant");
    return { ...message, ...known({ finish_reason: finishReason(field(choice, "finish_reason")) }) };
  });
  return messages.length === 0 ? undefined : messages;
}

/** Any message of chat completions. */
export function chatMessage(message: unknown, defaultRole: string): ModelMessage {
  const role = text(field(message, "role")) ?? defaultRole;
  const isResult = role === "tool" || role === "function";
  const parts = isResult ? [resultPart(message)] : [...reasoningParts(message), ...said(message), ...called(message)];
  return { role, parts, ...known({ name: text(field(message, "name")) }) };
}

function resultPart(message: unknown): Part {
  const id = text(field(message, "tool_call_id"));
  const content = field(message, "content");
  return {
    type: "tool_call_response",
    ...known({ id }),
    response: Array.isArray(content) ? contentParts(content) : (content ?? null),
  };
}

/** What models of compatible servers say of their reasoning; OpenRouter repeats it in `reasoning_details`. */
function reasoningParts(message: unknown): Part[] {
  const thought = text(field(message, "reasoning_content")) ?? text(field(message, "reasoning"));
  const details = thought === undefined ? array(field(message, "reasoning_details")) : [];
  const content = thought ?? details.map((each) => field(each, "text") ?? field(each, "summary") ?? "").join("");
  return content === "" ? [] : [{ type: "reasoning", content }];
}

function said(message: unknown): Part[] {
  const parts = annotated(contentParts(field(message, "content")), array(field(message, "annotations")));
  const refusal = text(field(message, "refusal"));
  if (refusal !== undefined) parts.push({ type: "refusal", content: refusal });
  const audio = field(message, "audio");
  if (audio !== undefined) parts.push(audioPart(audio));
  // OpenRouter has the images that a model made beside its text.
  return [...parts, ...contentParts(array(field(message, "images")))];
}

/** Citations stand beside the text that they are about. */
function annotated(parts: Part[], annotations: readonly unknown[]): Part[] {
  const last = parts.findLastIndex(({ type }) => type === "text");
  if (annotations.length > 0 && last !== -1) parts[last] = { ...parts[last]!, annotations };
  return parts;
}

/** An answer brings the sound and its transcript; a request names an earlier answer's by its id. */
function audioPart(audio: unknown): Part {
  const { id, data, transcript } = {
    id: field(audio, "id"),
    data: field(audio, "data"),
    transcript: field(audio, "transcript"),
  };
  if (data === undefined && transcript === undefined)
    return { type: "file", modality: "audio", ...known({ file_id: id }) };
  // Of a stream only their number is kept.
  const bytes = field(audio, "bytes");
  return { ...blobPart("audio", data), ...known({ bytes, id, transcript }) };
}

function called(message: unknown): Part[] {
  const parts = array(field(message, "tool_calls")).map(toolCallPart);
  const legacy = field(message, "function_call");
  const name = text(field(legacy, "name"));
  if (name !== undefined) {
    parts.push({ type: "tool_call", name, ...known({ arguments: parsedJson(field(legacy, "arguments")) }) });
  }
  return parts;
}

import type { Json, JsonObject } from "../core/json.ts";
import type { AttributeWriter } from "./attribute-writer.ts";
import { jsonText } from "./json-text.ts";
import { isObject, type Message } from "./messages.ts";

/**
 * Messages in OpenInference's flat form. A message of text alone has `message.content`, others a list of `contents`. A
 * message that answers several tool calls becomes one for each, as it can name one call only.
 */
export function putMessages(out: AttributeWriter, side: "input" | "output", messages: readonly Message[]): void {
  messages.flatMap(oneAnswerEach).forEach((message, i) => {
    out.put(`${side}Role`, message.role, i);
    out.put(`${side}Name`, message["name"], i);
    const parts = message.parts.filter(isObject);
    const calls = parts.filter(({ type }) => type === "tool_call" || type === "server_tool_call");
    calls.forEach((call, k) => {
      out.put(`${side}CallId`, call["id"], i, k);
      out.put(`${side}CallName`, call["name"], i, k);
      out.put(`${side}CallArguments`, call["arguments"] ?? call["server_tool_call"], i, k);
    });
    const said = parts.filter((part) => !calls.includes(part));
    putParts(out, side, i, said);
  });
}

function putParts(out: AttributeWriter, side: "input" | "output", i: number, parts: readonly JsonObject[]): void {
  const only = parts.length === 1 ? parts[0] : undefined;
  const response = only && responseOf(only);
  if (only !== undefined && (response !== undefined || only["type"] === "text")) {
    if (response !== undefined) out.put(`${side}AnsweredCall`, only["id"], i);
    out.put(`${side}Content`, jsonText(response ?? only["content"]), i);
    return;
  }
  parts.forEach((part, j) => {
    const isImage = part["modality"] === "image" && typeof part["uri"] === "string";
    out.put(`${side}PartType`, isImage ? "image" : part["type"], i, j);
    if (isImage) out.put(`${side}PartImage`, part["uri"], i, j);
    else out.put(`${side}PartText`, jsonText(part["content"] ?? part), i, j);
  });
}

function oneAnswerEach(message: Message): Message[] {
  const answers = message.parts.filter((part) => isObject(part) && responseOf(part) !== undefined);
  if (answers.length === 0 || message.parts.length === 1) return [message];
  const others = message.parts.filter((part) => !answers.includes(part));
  const rest = others.length === 0 ? [] : [{ ...message, parts: others }];
  return [...answers.map((part) => ({ ...message, parts: [part] })), ...rest];
}

/** What a tool gave back. */
function responseOf(part: JsonObject): Json | undefined {
  if (part["type"] === "tool_call_response") return part["response"];
  return part["type"] === "server_tool_call_response" ? part["server_tool_call_response"] : undefined;
}

import type { Json } from "../../../core/json.ts";

/** A message as it is shown, whatever API or convention it came from. */
export interface ChatMessage {
  readonly role: string;
  readonly name?: string;
  readonly finishReason?: string;
  readonly parts: readonly ChatPart[];
}

export type ChatPart =
  | { readonly kind: "text" | "reasoning" | "refusal"; readonly text: string }
  | { readonly kind: "call"; readonly name: string; readonly callId?: string; readonly value: Json }
  | { readonly kind: "result"; readonly callId?: string; readonly value: Json }
  /** Never loaded: only told of. */
  | { readonly kind: "media"; readonly what: string; readonly detail: string }
  | { readonly kind: "other"; readonly what: string; readonly value: Json };

type Item = { readonly [key: string]: Json };

/**
 * The messages in a payload: a list of them, a request or an answer that has such a list, one message alone. Chat
 * completions, Responses, Assistants, Anthropic and OpenTelemetry's form are understood. Undefined for anything else.
 */
export function messagesOf(value: Json | undefined): ChatMessage[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value))
    return value.length > 0 && value.every(isMessage) ? grouped(value as readonly Item[]) : undefined;
  const item = value as Item;
  if (isMessage(item)) return grouped([item]);
  for (const key of ["messages", "input", "output", "choices", "data"]) {
    const list = item[key];
    if (key === "choices" && Array.isArray(list)) {
      const answers = list.map((choice) => answerOf(choice as Json)).filter((message) => message !== undefined);
      if (answers.length > 0) return answers;
      continue;
    }
    const inside = Array.isArray(list) ? messagesOf(list) : undefined;
    if (!inside) continue;
    const system = item["instructions"] ?? item["system"];
    return typeof system === "string" && system !== ""
      ? [{ role: "system", parts: [{ kind: "text", text: system }] }, ...inside]
      : inside;
  }
  return undefined;
}

function answerOf(choice: Json): ChatMessage | undefined {
  if (!isItem(choice)) return undefined;
  const message = choice["message"];
  if (message === undefined || !isMessage(message)) return undefined;
  const finishReason = textOf(choice["finish_reason"]);
  const [first] = grouped([message as Item]);
  return first && (finishReason ? { ...first, finishReason } : first);
}

const STANDALONE = new Set([
  "function_call",
  "function_call_output",
  "reasoning",
  "message",
  "tool_call",
  "tool_result",
]);

function isMessage(value: Json): boolean {
  if (!isItem(value)) return false;
  if (typeof value["role"] === "string") {
    return ["content", "parts", "tool_calls", "function_call", "refusal"].some((key) => key in value);
  }
  const type = textOf(value["type"]);
  return type !== undefined && (STANDALONE.has(type) || type.endsWith("_call") || type.endsWith("_call_output"));
}

/** Items of the Responses API that are no messages belong to the message that they follow. */
function grouped(items: readonly Item[]): ChatMessage[] {
  const messages: (ChatMessage & { parts: ChatPart[] })[] = [];
  for (const item of items) {
    const role = textOf(item["role"]);
    if (role !== undefined) {
      messages.push(message(role, item));
      continue;
    }
    const part = partOf(item);
    const speaker = part.kind === "result" ? "tool" : "assistant";
    const last = messages.at(-1);
    if (last?.role === speaker) last.parts.push(part);
    else messages.push({ role: speaker, parts: [part] });
  }
  return messages;
}

function message(role: string, item: Item): ChatMessage & { parts: ChatPart[] } {
  const parts: ChatPart[] = [];
  const callId = textOf(item["tool_call_id"]);
  const content = item["parts"] ?? item["content"];
  if (role === "tool" && callId !== undefined && !hasResult(content)) {
    parts.push({ kind: "result", callId, value: parsed(plainText(content) ?? content ?? "") });
  } else parts.push(...partsOf(content));
  const reasoning = textOf(item["reasoning_content"]) ?? textOf(item["reasoning"]);
  if (reasoning) parts.unshift({ kind: "reasoning", text: reasoning });
  const refusal = textOf(item["refusal"]);
  if (refusal) parts.push({ kind: "refusal", text: refusal });
  const calls = item["tool_calls"];
  if (Array.isArray(calls)) for (const call of calls) if (isItem(call)) parts.push(callOf(call));
  const single = item["function_call"];
  if (single !== undefined && isItem(single)) parts.push(callOf(single));
  const name = textOf(item["name"]);
  const finishReason = textOf(item["finish_reason"]);
  return { role, parts, ...(name && { name }), ...(finishReason && { finishReason }) };
}

function hasResult(content: Json | undefined): boolean {
  return Array.isArray(content) && content.some((part) => isItem(part) && part["type"] === "tool_call_response");
}

function partsOf(content: Json | undefined): ChatPart[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [{ kind: "text", text: content }];
  if (Array.isArray(content)) return content.map((part) => partOf(part as Json));
  return [partOf(content as Json)];
}

function partOf(part: Json): ChatPart {
  if (typeof part === "string") return { kind: "text", text: part };
  if (!isItem(part)) return { kind: "other", what: "value", value: part };
  const type = textOf(part["type"]) ?? "text";
  switch (type) {
    case "text":
    case "input_text":
    case "output_text": {
      const inner = part["text"];
      const text =
        textOf(part["content"]) ??
        textOf(inner) ??
        (inner !== undefined && isItem(inner) ? textOf(inner["value"]) : undefined);
      return text === undefined ? { kind: "other", what: type, value: part } : { kind: "text", text };
    }
    case "reasoning":
    case "thinking": {
      const text =
        textOf(part["content"]) ?? textOf(part["thinking"]) ?? plainText(part["summary"]) ?? plainText(part["content"]);
      return { kind: "reasoning", text: text ?? "(not shown by the provider)" };
    }
    case "refusal":
      return { kind: "refusal", text: textOf(part["refusal"]) ?? textOf(part["content"]) ?? "" };
    case "tool_call":
    case "tool_use":
    case "function_call":
    case "server_tool_call":
    case "custom_tool_call":
      return callOf(part);
    case "tool_call_response":
    case "tool_result":
    case "function_call_output":
    case "server_tool_call_response":
    case "custom_tool_call_output": {
      const value = part["response"] ?? part["result"] ?? part["output"] ?? part["content"] ?? "";
      const callId = textOf(part["id"]) ?? textOf(part["call_id"]) ?? textOf(part["tool_use_id"]);
      return { kind: "result", ...(callId && { callId }), value: parsed(plainText(value) ?? value) };
    }
    case "blob":
      return {
        kind: "media",
        what: textOf(part["modality"]) ?? "file",
        detail: [textOf(part["mime_type"]), typeof part["bytes"] === "number" ? `${part["bytes"]} bytes` : undefined]
          .filter(Boolean)
          .join(", "),
      };
    case "image_url":
    case "input_image":
    case "image":
    case "image_file":
    case "input_audio":
    case "audio":
    case "file":
    case "input_file":
    case "uri":
      return { kind: "media", what: textOf(part["modality"]) ?? type, detail: mediaDetail(part) };
    default:
      return { kind: "other", what: type, value: part };
  }
}

function callOf(call: Item): ChatPart {
  const inner = call["function"] !== undefined && isItem(call["function"]) ? call["function"] : call;
  const callId = textOf(call["id"]) ?? textOf(call["call_id"]);
  const value = inner["arguments"] ?? inner["input"] ?? {};
  const name = textOf(inner["name"]) ?? textOf(call["type"]) ?? "tool";
  return { kind: "call", name, ...(callId && { callId }), value: parsed(value) };
}

function mediaDetail(part: Item): string {
  const place = part["uri"] ?? part["image_url"] ?? part["file_id"] ?? part["filename"] ?? part["url"] ?? part["id"];
  const text = textOf(place) ?? (place !== undefined && isItem(place) ? textOf(place["url"]) : undefined) ?? "";
  return text.startsWith("data:")
    ? `${text.slice(5, text.indexOf(",")).slice(0, 40)}, ${text.length} characters`
    : text;
}

/** The text of a list of texts; undefined when there is anything else in it. */
function plainText(content: Json | undefined): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content) || content.length === 0) return undefined;
  const texts = content.map((part) => {
    const shown = partOf(part as Json);
    return shown.kind === "text" ? shown.text : isItem(part as Json) ? textOf((part as Item)["text"]) : undefined;
  });
  return texts.every((text) => text !== undefined) ? texts.join("\n") : undefined;
}

/** Arguments are a string that should hold JSON. */
function parsed(value: Json): Json {
  if (typeof value !== "string" || !/^\s*[{[]/.test(value)) return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function isItem(value: Json): value is Item {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

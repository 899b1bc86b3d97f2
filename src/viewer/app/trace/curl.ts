import type { Json } from "../../../core/json.ts";
import type { SpanRecord } from "../../../core/record.ts";
import { type ChatMessage, type ChatPart, messagesOf } from "./chat.ts";

/**
 * The model call of a span as a command that sends it again; the key comes from the shell's environment. Undefined when
 * the span is no chat call, or when what was sent is not all there (cut, masked away, images).
 */
export function curlOf(record: SpanRecord): string | undefined {
  const { genAi, http, input, cuts } = record;
  const model = genAi?.requestModel;
  if (record.type !== "generation" || model === undefined || input === undefined) return undefined;
  if (cuts?.some(({ path }) => path.startsWith("input"))) return undefined;
  const messages =
    typeof input === "string"
      ? [{ role: "user", parts: [{ kind: "text", text: input }] as ChatPart[] }]
      : messagesOf(input);
  if (!messages) return undefined;
  const isWhole = ({ kind }: ChatPart) => kind !== "media" && kind !== "other";
  if (!messages.every(({ parts }) => parts.every(isWhole))) return undefined;
  const isResponses = genAi?.openai?.apiType === "responses";
  const system = instructions(genAi?.systemInstructions);
  const body = isResponses
    ? { model, ...(system !== undefined && { instructions: system }), input: messages.flatMap(responseItems) }
    : {
        model,
        messages: [
          ...(system !== undefined ? [{ role: "system", content: system }] : []),
          ...messages.flatMap(chatMessages),
        ],
      };
  const whole = {
    ...body,
    ...genAi?.parameters,
    ...(Array.isArray(genAi?.toolDefinitions) && {
      tools: genAi.toolDefinitions.map(isResponses ? (tool) => tool : nested),
    }),
    ...(genAi?.stream && { stream: true }),
  };
  const path = isResponses ? "/v1/responses" : "/v1/chat/completions";
  // What a trace says is not to be trusted with OpenAI's key: another host gets a variable that is not set yet.
  const host = http?.host ?? "api.openai.com";
  const key = /^([\w-]+\.)*openai\.com$/.test(host) ? "$OPENAI_API_KEY" : "$API_KEY";
  return [
    `curl ${quoted(`https://${host}${path}`)}`,
    `  -H "Authorization: Bearer ${key}"`,
    `  -H "Content-Type: application/json"`,
    `  -d ${quoted(JSON.stringify(whole, null, 2))}`,
  ].join(" \\\n");
}

function chatMessages({ role, name, parts }: ChatMessage): Json[] {
  const results = parts.filter((part) => part.kind === "result");
  if (results.length > 0) {
    return results.map((part) => ({ role: "tool", tool_call_id: part.callId ?? "", content: asText(part.value) }));
  }
  const calls = parts.filter((part) => part.kind === "call");
  return [
    {
      role,
      ...(name && { name }),
      content: textOf(parts) || (calls.length > 0 ? null : ""),
      ...(calls.length > 0 && {
        tool_calls: calls.map((part) => ({
          id: part.callId ?? "",
          type: "function",
          function: { name: part.name, arguments: asText(part.value) },
        })),
      }),
    },
  ];
}

function responseItems({ role, parts }: ChatMessage): Json[] {
  const items: Json[] = [];
  const text = textOf(parts);
  if (text) items.push({ role, content: text });
  for (const part of parts) {
    if (part.kind === "call") {
      items.push({ type: "function_call", call_id: part.callId ?? "", name: part.name, arguments: asText(part.value) });
    } else if (part.kind === "result") {
      items.push({ type: "function_call_output", call_id: part.callId ?? "", output: asText(part.value) });
    }
  }
  return items;
}

function textOf(parts: readonly ChatPart[]): string {
  return parts.flatMap((part) => (part.kind === "text" || part.kind === "refusal" ? [part.text] : [])).join("\n");
}

/** Chat completions want a function's definition one level deeper than it is recorded. */
function nested(tool: Json): Json {
  if (typeof tool !== "object" || tool === null || Array.isArray(tool)) return tool;
  const { type, ...definition } = tool as { readonly [key: string]: Json };
  return type === "function" && !("function" in definition) ? { type, function: definition } : tool;
}

function instructions(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  const [message] = messagesOf([{ role: "system", parts: value }]) ?? [];
  return message && textOf(message.parts);
}

function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** As one word for a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

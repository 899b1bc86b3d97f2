import { guard } from "../core/guard.ts";
import { array, field, known, text } from "./fields.ts";
import { contentParts, type ModelMessage, type Part, parsedJson, withoutPayload } from "./messages.ts";
import { resultOf, type ToolItem, toolOf } from "./response-tools.ts";

/** The items of the Responses and Agents APIs as messages: nothing is left out but the bytes of payloads. */

/** What stands for an item that cannot be read: a getter or a proxy that throws. */
const UNREADABLE: Part = { type: "unreadable" };

/** The `input` of a request: a text, one item or a list of items. `undefined` when there is none. */
export function inputMessages(input: unknown): ModelMessage[] | undefined {
  if (input === undefined || input === null) return undefined;
  return itemMessages(Array.isArray(input) ? input : [input]);
}

/** The `output` of a response. The last message says why it ends. `undefined` when there is none. */
export function outputMessages(output: unknown, finishReason?: string): ModelMessage[] | undefined {
  const messages = itemMessages(array(output));
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  if (last !== -1) messages[last] = { ...messages[last]!, ...known({ finish_reason: finishReason }) };
  return messages.length === 0 ? undefined : messages;
}

/** `instructions`: a text, or items whose roles say nothing here. */
export function instructionParts(instructions: unknown): Part[] | undefined {
  const parts = inputMessages(instructions)?.flatMap((message) => message.parts) ?? [];
  return parts.length === 0 ? undefined : parts;
}

/** What follows on one another from the model is one message: its reasoning, its texts, its calls. */
export function itemMessages(items: readonly unknown[]): ModelMessage[] {
  const hosted = hostedCalls(items);
  const messages: { role: string; parts: Part[]; name?: string }[] = [];
  for (const item of items) {
    const said = guard(() => saidBy(item, hosted), { role: "unknown", parts: [UNREADABLE] });
    const last = messages.at(-1);
    if (said.role === "assistant" && last?.role === "assistant") {
      // One by one: as arguments, 200,000 parts are more than a call takes.
      for (const part of said.parts) last.parts.push(part);
    } else messages.push({ ...said, parts: [...said.parts] });
  }
  return messages;
}

/** The calls that the provider ran, by the id that their outputs name. */
function hostedCalls(items: readonly unknown[]): ReadonlyMap<string, ToolItem> {
  const hosted = new Map<string, ToolItem>();
  for (const item of items) {
    const tool = guard(() => toolOf(item), undefined);
    if (tool?.isServer && tool.callId !== undefined) hosted.set(tool.callId, tool);
  }
  return hosted;
}

function saidBy(item: unknown, hosted: ReadonlyMap<string, ToolItem>): ModelMessage {
  if (typeof item === "string") return { role: "user", parts: contentParts(item) };
  const role = text(field(item, "role"));
  const type = text(field(item, "type")) ?? (role === undefined ? "unknown" : "message");
  if (type === "message" && field(item, "content") !== undefined) return message(item, role ?? "user");
  if (type === "reasoning") return { role: "assistant", parts: reasoningParts(item) };
  if (type === "agent_message") return agentMessage(item);
  const tool = toolOf(item);
  if (tool !== undefined) return { role: "assistant", parts: toolParts(tool) };
  const result = resultOf(item);
  if (result !== undefined) {
    const { callId, error } = result;
    const server = hosted.get(callId ?? "") ?? (result.isServer ? { type: "tool_search", callId } : undefined);
    if (server !== undefined) return { role: "assistant", parts: [serverResponse(server, result)] };
    const output = result.output ?? (error === undefined ? null : { error });
    return { role: "tool", parts: [{ type: "tool_call_response", ...known({ id: callId }), response: output }] };
  }
  return { role: role ?? (CALLERS.has(type) ? "user" : "assistant"), parts: otherParts(item, type) };
}

/** Items that come from the caller and do not say so; others come from the model. */
const CALLERS: ReadonlySet<string> = new Set([
  "mcp_approval_response",
  "computer_use_approval_request_result",
  "compaction_trigger",
  "input_text",
  "input_image",
  "input_file",
  "input_audio",
]);

/** An item that is a part of content by itself, or of a type that is not known here: then with all its fields. */
function otherParts(item: unknown, type: string): Part[] {
  if (/^(?:input|output)_/.test(type)) return contentParts(item);
  if (type === "compaction") {
    const encrypted = text(field(item, "encrypted_content"));
    return [{ type, ...known({ id: field(item, "id"), bytes: encrypted?.length }) }];
  }
  if (typeof item !== "object" || item === null) return [{ type, value: item }];
  const args = parsedJson(field(item, "arguments"));
  return [{ ...(withoutPayload(item) as object), ...known({ arguments: args }), type }];
}

function message(item: unknown, role: string): ModelMessage {
  const phase = known({ phase: text(field(item, "phase")) });
  const parts = contentParts(field(item, "content")).map((part) => ({ ...part, ...phase }));
  return { role, parts, ...known({ name: text(field(item, "name")) }) };
}

/** From one agent to another; `name` is the sender's. */
function agentMessage(item: unknown): ModelMessage {
  const parts = contentParts(field(item, "content"));
  return { role: "agent", parts, ...known({ name: text(field(item, "sender_agent_id")) }) };
}

/** Summaries, and the thoughts themselves where the model shows them; otherwise that it has thought. */
function reasoningParts(item: unknown): Part[] {
  const parts = [...contentParts(field(item, "summary")), ...contentParts(field(item, "content"))];
  const encrypted = text(field(item, "encrypted_content"));
  if (parts.length === 0) return [{ type: "reasoning", content: "", ...known({ encrypted_bytes: encrypted?.length }) }];
  return parts.map((part) => (part.type === "text" ? { ...part, type: "reasoning" } : part));
}

/** A call that the caller is to make, or one that the provider has made, with its output. */
function toolParts(tool: ToolItem): Part[] {
  const { name, input, output, error, status, about } = tool;
  if (!tool.isServer) {
    return [{ type: "tool_call", ...known({ id: tool.callId }), name, ...about, arguments: input }];
  }
  const asked = isNamed(tool) ? (input as object) : known({ [tool.type === "mcp" ? "arguments" : "action"]: input });
  const said = known({ status: status === "completed" ? undefined : status });
  const call = { type: tool.type, ...about, ...asked, ...said };
  const parts: Part[] = [{ type: "server_tool_call", ...known({ id: tool.callId }), name, server_tool_call: call }];
  if (output !== undefined || error !== undefined) parts.push(serverResponse(tool, tool));
  return parts;
}

/** Its fields can stand beside the tool's type: they are fields, and none of them is another type. */
function isNamed({ type, input }: ToolItem): boolean {
  if (type === "mcp" || typeof input !== "object" || input === null || Array.isArray(input)) return false;
  return !Object.hasOwn(input, "type");
}

/** Where the output stands, by the tool, as its item has it. */
const OUTPUTS: ReadonlyMap<string, string> = new Map([
  ["web_search", "sources"],
  ["file_search", "results"],
  ["code_interpreter", "outputs"],
  ["image_generation", "result"],
  ["mcp_list_tools", "tools"],
  ["tool_search", "tools"],
]);

function serverResponse(
  tool: Pick<ToolItem, "type" | "callId">,
  { output, error }: Pick<ToolItem, "output" | "error">,
): Part {
  const named = { [OUTPUTS.get(tool.type) ?? "output"]: output };
  const response = { type: tool.type, ...known({ ...named, error }) };
  return { type: "server_tool_call_response", ...known({ id: tool.callId }), server_tool_call_response: response };
}

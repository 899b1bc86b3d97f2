import { array, field, known, picked, text } from "./fields.ts";
import { blobPart, contentParts, parsedJson, withoutPayload } from "./messages.ts";

/** A tool call among the items of a response or a turn, in one shape for all tools. */
export interface ToolItem {
  /** `web_search`, `file_search`, `mcp`, … or `function`. */
  readonly type: string;
  readonly name: string;
  readonly id: string | undefined;
  /** What the item with the output refers to. */
  readonly callId: string | undefined;
  /** Run by the provider. The others are only asked for, and the caller runs them. */
  readonly isServer: boolean;
  readonly input: unknown;
  /** `undefined` when there is none, or when it comes as an item of its own. */
  readonly output: unknown;
  readonly error: string | undefined;
  readonly status: string | undefined;
  /** What else the item says. */
  readonly about: { readonly [name: string]: unknown };
}

/** The output of a tool as an item of its own. */
export interface ToolResult {
  readonly callId: string | undefined;
  readonly output: unknown;
  readonly error: string | undefined;
  /** It says itself that the provider ran it; elsewhere only its call does. */
  readonly isServer: boolean;
}

type Call = Pick<ToolItem, "name" | "input"> & Partial<Pick<ToolItem, "type" | "isServer" | "output" | "about">>;

const server = { isServer: true };

const CALLS: ReadonlyMap<string, (item: unknown) => Call> = new Map([
  ["function_call", functionCall],
  ["custom_tool_call", customCall],
  ["computer_call", computerCall],
  ["local_shell_call", (item) => ({ name: "local_shell", input: field(item, "action") })],
  ["apply_patch_call", (item) => ({ name: "apply_patch", input: field(item, "operation") })],
  ["shell_call", shellCall],
  ["tool_search_call", toolSearch],
  ["web_search_call", webSearch],
  ["file_search_call", fileSearch],
  ["code_interpreter_call", codeInterpreter],
  ["image_generation_call", imageGeneration],
  ["mcp_call", mcpCall],
  ["mcp_list_tools", mcpListTools],
  ["program", (item) => ({ ...server, name: "program", input: pick(item, ["code"]) })],
  ["command_execution", commandExecution],
  ["computer_use_call", computerUse],
  ["create_subagent_call", subagentCall],
  ["send_subagent_input_call", subagentCall],
  ["resume_subagent_call", subagentCall],
  ["wait_for_subagents_call", subagentCall],
  ["interrupt_subagent_call", subagentCall],
  ["close_subagent_call", subagentCall],
]);

/** `undefined` for an item that is no tool call. */
export function toolOf(item: unknown): ToolItem | undefined {
  const type = text(field(item, "type")) ?? "";
  const call = CALLS.get(type)?.(item);
  if (call === undefined) return undefined;
  const error = field(item, "error");
  return {
    type: call.type ?? call.name,
    name: call.name,
    id: text(field(item, "id")),
    callId: text(field(item, "call_id")) ?? text(field(item, "id")),
    isServer: call.isServer ?? false,
    input: withoutPayload(call.input),
    output: withoutPayload(call.output),
    error: error === undefined ? undefined : (text(error) ?? text(field(error, "message")) ?? JSON.stringify(error)),
    status: text(field(item, "status")),
    about: call.about ?? {},
  };
}

const RESULTS: ReadonlySet<string> = new Set([
  "function_call_output",
  "custom_tool_call_output",
  "computer_call_output",
  "local_shell_call_output",
  "apply_patch_call_output",
  "shell_call_output",
  "tool_search_output",
  "program_output",
]);

/** `undefined` for an item that is not the output of a tool. */
export function resultOf(item: unknown): ToolResult | undefined {
  if (!RESULTS.has(text(field(item, "type")) ?? "")) return undefined;
  const output = field(item, "output") ?? field(item, "result") ?? field(item, "tools");
  return {
    callId: text(field(item, "call_id")) ?? text(field(item, "id")),
    output: contentOf(output),
    error: text(field(item, "error")),
    isServer: field(item, "execution") === "server",
  };
}

/** Parts as a message has them: texts, images, files. Everything else is the tool's own shape. */
function contentOf(output: unknown): unknown {
  const first: unknown = Array.isArray(output) ? output[0] : output;
  const type = text(field(first, "type")) ?? "";
  if (type === "computer_screenshot") return contentParts({ ...(output as object), type: "input_image" });
  return /^(?:input|output)_/.test(type) ? contentParts(output) : withoutPayload(output);
}

function functionCall(item: unknown): Call {
  return {
    type: "function",
    name: text(field(item, "name")) ?? "function",
    input: parsedJson(field(item, "arguments")),
    about: pick(item, ["namespace"]),
  };
}

function customCall(item: unknown): Call {
  return {
    type: "custom",
    name: text(field(item, "name")) ?? "custom",
    input: field(item, "input"),
    about: pick(item, ["namespace"]),
  };
}

function computerCall(item: unknown): Call {
  const checks = array(field(item, "pending_safety_checks"));
  return {
    name: "computer",
    input: field(item, "action") ?? field(item, "actions"),
    about: checks.length === 0 ? {} : { pending_safety_checks: checks },
  };
}

/** In the caller's own environment unless it names a container of the provider. */
function shellCall(item: unknown): Call {
  const environment = field(item, "environment");
  const isServer = /^container/.test(text(field(environment, "type")) ?? "");
  const containerId = known({ container_id: field(environment, "container_id") });
  return { name: "shell", isServer, input: field(item, "action"), about: containerId };
}

function toolSearch(item: unknown): Call {
  const isServer = field(item, "execution") !== "client";
  return { name: "tool_search", isServer, input: parsedJson(field(item, "arguments")) };
}

function webSearch(item: unknown): Call {
  const { sources, ...input } = (field(item, "action") ?? {}) as { [name: string]: unknown };
  return { ...server, name: "web_search", input, output: sources };
}

function fileSearch(item: unknown): Call {
  return { ...server, name: "file_search", input: pick(item, ["queries"]), output: field(item, "results") };
}

function codeInterpreter(item: unknown): Call {
  const input = pick(item, ["code", "container_id"]);
  return { ...server, name: "code_interpreter", input, output: field(item, "outputs") };
}

function imageGeneration(item: unknown): Call {
  const input = pick(item, ["action", "revised_prompt", "size", "quality", "background", "output_format"]);
  const result = text(field(item, "result"));
  if (result === undefined) return { ...server, name: "image_generation", input };
  const format = text(field(item, "output_format"));
  const output = blobPart("image", result, format && `image/${format}`);
  return { ...server, name: "image_generation", input, output };
}

function mcpCall(item: unknown): Call {
  return {
    ...server,
    type: "mcp",
    name: text(field(item, "name")) ?? "mcp",
    input: parsedJson(field(item, "arguments")),
    output: parsedJson(field(item, "output")),
    about: pick(item, ["server_label", "approval_request_id"]),
  };
}

function mcpListTools(item: unknown): Call {
  return { ...server, name: "mcp_list_tools", input: pick(item, ["server_label"]), output: field(item, "tools") };
}

function commandExecution(item: unknown): Call {
  const output = pick(item, ["output", "exit_code", "duration_ms"]);
  const isDone = Object.keys(output).length > 0;
  return {
    ...server,
    name: "command_execution",
    input: pick(item, ["command", "cwd"]),
    output: isDone ? output : undefined,
  };
}

function computerUse(item: unknown): Call {
  const output = field(item, "output");
  return {
    ...server,
    name: "computer_use",
    input: pick(item, ["title"]),
    output: output === undefined ? undefined : contentOf(output),
  };
}

function subagentCall(item: unknown): Call {
  const name = text(field(item, "type"))!.replace(/_call$/, "");
  const input = pick(item, [
    "agent_id",
    "sender_agent_id",
    "recipient_agent_id",
    "recipient_agent_ids",
    "model",
    "reasoning_effort",
  ]);
  const content = contentParts(field(item, "content"));
  return { ...server, name, input: content.length === 0 ? input : { ...input, content } };
}

function pick(item: unknown, names: readonly string[]): { [name: string]: unknown } {
  return picked(item, names) ?? {};
}

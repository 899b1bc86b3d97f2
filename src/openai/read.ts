import { array, field, known, moment, seconds, text } from "./fields.ts";
import { contentParts, type Part, parsedJson } from "./messages.ts";
import type { Failure, Message, Run, Step, ToolCall } from "./shapes.ts";

const PARAMETERS = [
  "temperature",
  "top_p",
  "max_prompt_tokens",
  "max_completion_tokens",
  "reasoning_effort",
  "response_format",
  "tool_choice",
  "parallel_tool_calls",
  "truncation_strategy",
];

export function readRun(run: unknown): Run {
  const status = text(field(run, "status")) ?? "unknown";
  const parameters: Record<string, unknown> = {};
  for (const name of PARAMETERS) {
    const value = field(run, name);
    if (value !== undefined) parameters[name] = value;
  }
  const required = field(field(run, "required_action"), "submit_tool_outputs");
  return {
    id: text(field(run, "id")) ?? "",
    status,
    threadId: text(field(run, "thread_id")),
    assistantId: text(field(run, "assistant_id") ?? field(run, "agent_id")),
    startMs: moment(field(run, "created_at")),
    endMs: firstMoment(run, ["completed_at", "failed_at", "cancelled_at", ...expiry(status)]),
    startedAt: seconds(field(run, "started_at")),
    expiresAt: seconds(field(run, "expires_at")),
    model: text(field(run, "model")),
    instructions: text(field(run, "instructions")),
    tools: array(field(run, "tools")),
    usage: field(run, "usage"),
    failure: failureOf(run),
    incompleteReason: text(field(field(run, "incomplete_details"), "reason")),
    pending: array(field(required, "tool_calls")).map(readCall),
    parameters,
    metadata: field(run, "metadata"),
  };
}

export function readStep(step: unknown): Step {
  const details = field(step, "step_details");
  const status = text(field(step, "status"));
  return {
    id: text(field(step, "id")) ?? "",
    status,
    startMs: moment(field(step, "created_at")),
    endMs: firstMoment(step, ["completed_at", "failed_at", "cancelled_at", "expired_at", ...expiry(status)]),
    usage: field(step, "usage"),
    failure: failureOf(step),
    messageId: text(field(field(details, "message_creation"), "message_id")),
    calls: array(field(details, "tool_calls")).map(readCall),
  };
}

/** While a run or step lives, this is when it would expire; it is its end only when it did. */
function expiry(status: string | undefined): string[] {
  return status === "expired" ? ["expires_at"] : [];
}

export function readMessage(message: unknown): Message {
  const reason = text(field(field(message, "incomplete_details"), "reason"));
  return {
    id: text(field(message, "id")),
    runId: text(field(message, "run_id")),
    startMs: moment(field(message, "created_at")),
    role: text(field(message, "role")) ?? "user",
    parts: [...contentParts(field(message, "content")), ...array(field(message, "attachments")).map(attachment)],
    finishReason: reason === undefined ? undefined : (BROKEN_OFF.get(reason) ?? "error"),
  };
}

/** Why a message is not whole, in OpenTelemetry's words; the other reasons are that its run came to nothing. */
const BROKEN_OFF: ReadonlyMap<string, string> = new Map([
  ["content_filter", "content_filter"],
  ["max_tokens", "length"],
]);

function attachment(attached: unknown): Part {
  const { file_id, tools } = { file_id: field(attached, "file_id"), tools: field(attached, "tools") };
  return { type: "file", modality: "document", ...known({ file_id, tools }) };
}

/** What the provider's own tools are asked and what they find, by the names that the wire has for it. */
const SERVER_TOOLS: ReadonlyMap<string, { asked: string; found: string }> = new Map([
  ["code_interpreter", { asked: "input", found: "outputs" }],
  ["file_search", { asked: "ranking_options", found: "results" }],
]);

/** Functions have a name and JSON arguments; every other tool is known by its type and keeps its own shape. */
function readCall(call: unknown): ToolCall {
  const id = text(field(call, "id"));
  const type = text(field(call, "type")) ?? "function";
  const own = field(call, type) ?? field(call, "function");
  const server = SERVER_TOOLS.get(type);
  if (server !== undefined) {
    return { id, type, name: type, input: field(own, server.asked), output: field(own, server.found) };
  }
  if (type === "function") {
    const name = text(field(own, "name")) ?? type;
    return { id, type, name, input: parsedJson(field(own, "arguments")), output: field(own, "output") };
  }
  // Foundry's: some have their details inside, some (mcp) beside the type, some (bing_grounding) no fixed names.
  const details = own ?? call;
  const input = field(details, "input") ?? parsedJson(field(details, "arguments")) ?? own;
  return { id, type, name: text(field(details, "name")) ?? type, input, output: field(details, "output") };
}

/** A call of a tool as a part of the model's answer. Only functions are for the caller to run. */
export function callPart({ id, type, name, input }: ToolCall): Part {
  if (type === "function") return { type: "tool_call", ...known({ id }), name, ...known({ arguments: input }) };
  const { asked } = SERVER_TOOLS.get(type) ?? { asked: "input" };
  return { type: "server_tool_call", ...known({ id }), name, server_tool_call: { type, ...known({ [asked]: input }) } };
}

/** What a tool gave back, as the model was told it. */
export function resultPart({ id, type, output }: ToolCall): Part {
  if (type === "function") return { type: "tool_call_response", ...known({ id }), response: output ?? null };
  const { found } = SERVER_TOOLS.get(type) ?? { found: "output" };
  const response = { type, ...known({ [found]: output }) };
  return { type: "server_tool_call_response", ...known({ id }), server_tool_call_response: response };
}

function failureOf(object: unknown): Failure | undefined {
  const error = field(object, "last_error");
  if (error === undefined) return undefined;
  return { code: text(field(error, "code")) ?? "error", message: text(field(error, "message")) };
}

function firstMoment(object: unknown, names: readonly string[]): number | undefined {
  for (const name of names) {
    const ms = moment(field(object, name));
    if (ms !== undefined) return ms;
  }
  return undefined;
}

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
    endMs: firstMoment(run, [
      "completed_at",
      "failed_at",
      "cancelled_at",
      ...(status === "expired" ? ["expires_at"] : []),
    ]),
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
  return {
    id: text(field(step, "id")) ?? "",
    status: text(field(step, "status")),
    startMs: moment(field(step, "created_at")),
    endMs: firstMoment(step, ["completed_at", "failed_at", "cancelled_at", "expired_at"]),
    usage: field(step, "usage"),
    failure: failureOf(step),
    messageId: text(field(field(details, "message_creation"), "message_id")),
    calls: array(field(details, "tool_calls")).map(readCall),
  };
}

export function readMessage(message: unknown): Message {
  return {
    id: text(field(message, "id")),
    runId: text(field(message, "run_id")),
    startMs: moment(field(message, "created_at")),
    role: text(field(message, "role")) ?? "user",
    content: contentOf(field(message, "content")),
  };
}

/** Functions have a name and JSON arguments; every other tool is known by its type and keeps its own shape. */
function readCall(call: unknown): ToolCall {
  const id = text(field(call, "id"));
  const type = text(field(call, "type")) ?? "function";
  const details = field(call, type);
  if (type === "function") {
    const name = text(field(details, "name")) ?? type;
    return { id, type, name, input: parsed(field(details, "arguments")), output: field(details, "output") };
  }
  if (type === "code_interpreter") {
    return { id, type, name: type, input: field(details, "input"), output: field(details, "outputs") };
  }
  if (type === "file_search") {
    return { id, type, name: type, input: field(details, "ranking_options"), output: field(details, "results") };
  }
  return { id, type, name: type, input: field(details, "input") ?? details, output: field(details, "output") };
}

function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  const parts = content.map((part) => {
    const value = field(part, "type") === "text" ? field(part, "text") : undefined;
    if (value === undefined || typeof value === "string") return part;
    const annotations = array(field(value, "annotations"));
    return { type: "text", text: field(value, "value"), ...(annotations.length > 0 && { annotations }) };
  });
  const [only] = parts;
  return parts.length === 1 && only?.type === "text" && only.annotations === undefined ? only.text : parts;
}

/** Arguments are a string that should hold JSON; models do not always manage. */
function parsed(json: unknown): unknown {
  if (typeof json !== "string") return json;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
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

/** 1e11 seconds are in the year 5138, 1e11 milliseconds were in 1973. */
const SECONDS_BELOW = 1e11;

/** Epoch milliseconds. */
export function moment(value: unknown): number | undefined {
  const digits = typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value);
  const number = typeof value === "number" || digits ? Number(value) : undefined;
  let ms = number;
  if (number !== undefined && number < SECONDS_BELOW) ms = number * 1000;
  else if (value instanceof Date) ms = value.getTime();
  else if (typeof value === "string" && !digits) ms = Date.parse(value);
  return ms !== undefined && Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** The value under a snake_case name or its camelCase twin; `null` is absent. */
export function field(object: unknown, name: string): any {
  if (typeof object !== "object" || object === null) return undefined;
  const values = object as Record<string, unknown>;
  return values[name] ?? values[name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())] ?? undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

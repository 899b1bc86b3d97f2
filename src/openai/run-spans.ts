import type { GenAi, Level, OpenAIDetails, Usage } from "../core/record.ts";
import { field, known, text } from "./fields.ts";
import type { Items } from "./lists.ts";
import { type ModelMessage, toolDefinitions } from "./messages.ts";
import type { PlannedSpan } from "./plan.ts";
import { callPart } from "./read.ts";
import type { Failure, Run, Step, ToolCall } from "./shapes.ts";

/** Everything that is known of a run, and when. */
export interface RunData {
  readonly run: Run;
  readonly steps: Items;
  readonly messages: Items;
  readonly threadId: string | undefined;
  readonly assistant: unknown;
  /** Instead of what the messages say. */
  readonly input: unknown;
  readonly output: unknown;
  readonly observedMs: number;
  /** Epoch seconds: the first `started_at` of several. Default: the run's. */
  readonly startedAt?: number;
  /** Epoch seconds: when the run was first seen as `cancelling`. */
  readonly cancellingSince?: number;
}

interface Outcome {
  readonly level: Level;
  /** By OpenTelemetry's names. */
  readonly finishReason: string;
}

/** The states that a run does not leave. To cancel is the caller's decision, and half an answer is an answer. */
const OUTCOMES: ReadonlyMap<string, Outcome> = new Map([
  ["completed", { level: "DEFAULT", finishReason: "stop" }],
  ["incomplete", { level: "WARNING", finishReason: "length" }],
  ["cancelled", { level: "WARNING", finishReason: "error" }],
  ["failed", { level: "ERROR", finishReason: "error" }],
  ["expired", { level: "ERROR", finishReason: "error" }],
]);

export function isTerminal(status: string): boolean {
  return OUTCOMES.has(status);
}

export function agentSpan(data: RunData, said: { input: unknown; output: unknown }, stepCount: number): PlannedSpan {
  const { run, assistant, observedMs } = data;
  const outcome = OUTCOMES.get(run.status);
  const name = text(field(assistant, "name"));
  const finishReason = outcome?.finishReason ?? (run.pending.length > 0 ? "tool_call" : undefined);
  return {
    key: [run.id],
    name: `invoke_agent ${name ?? run.assistantId ?? ""}`.trimEnd(),
    type: "agent",
    kind: "client",
    startMs: run.startMs ?? observedMs,
    endMs: (outcome && run.endMs) ?? observedMs,
    unfinished: outcome === undefined,
    failure: runFailure(run),
    patch: {
      input: said.input,
      output: data.output ?? ended(said.output, outcome?.finishReason),
      level: outcome?.level ?? "WARNING",
      statusMessage: statusMessage(run),
      metadata: Object.keys(run.metadata ?? {}).length === 0 ? undefined : { run_metadata: run.metadata },
      genAi: {
        ...genAiOf(data),
        operation: "invoke_agent",
        finishReasons: finishReason === undefined ? undefined : [finishReason],
        agent: { id: run.assistantId, name, description: text(field(assistant, "description")) },
        systemInstructions: run.instructions === undefined ? undefined : [{ type: "text", content: run.instructions }],
        toolDefinitions: toolDefinitions(run.tools),
        outputType: text(field(run.parameters["response_format"], "type"))?.startsWith("json") ? "json" : undefined,
        openai: { ...detailsOf(run, data.threadId), ...runFacts(data, stepCount) },
      },
    },
  };
}

/** The model call of a run whose steps are not known: all that the agent is, with the tokens. */
export function runChat(data: RunData, agent: PlannedSpan, usage: Usage | undefined): PlannedSpan {
  const { input, output, level, statusMessage, genAi } = agent.patch;
  return {
    ...agent,
    key: [...agent.key, "chat"],
    name: chatName(data.run),
    type: "generation",
    patch: {
      input,
      output,
      level,
      statusMessage,
      usage,
      genAi: { ...genAiOf(data), operation: "chat", finishReasons: genAi?.finishReasons },
    },
  };
}

/** The model call of one step. Its input is what came since the call before it: first the messages, then tool results. */
export function stepChat(
  data: RunData,
  agent: PlannedSpan,
  step: Step,
  call: { usage: Usage; input: unknown; output: unknown; isLast: boolean },
): PlannedSpan {
  const called = step.calls.map(callPart);
  const isToolCall = called.length > 0;
  const last = call.isLast ? OUTCOMES.get(data.run.status)?.finishReason : undefined;
  const finishReason = isToolCall ? "tool_call" : (last ?? "stop");
  const output = isToolCall ? [{ role: "assistant", parts: called }] : call.output;
  return {
    ...stepSpan(data, agent, step),
    key: [...agent.key, step.id, "chat"],
    name: chatName(data.run),
    type: "generation",
    kind: "client",
    unfinished: false,
    patch: {
      input: call.input,
      output: ended(output, finishReason),
      usage: call.usage,
      genAi: {
        ...genAiOf(data, step),
        operation: "chat",
        finishReasons: [finishReason],
      },
    },
  };
}

export function toolSpan(data: RunData, agent: PlannedSpan, step: Step, call: ToolCall): PlannedSpan {
  const { parameters, requestModel, responseModel, ...genAi } = genAiOf(data, step);
  const stopped = step.status === "cancelled" || step.status === "expired";
  return {
    ...stepSpan(data, agent, step),
    key: [...agent.key, step.id, call.id ?? String(step.calls.indexOf(call))],
    name: `execute_tool ${call.name}`,
    type: "tool",
    kind: "internal",
    patch: {
      input: call.input,
      output: call.output,
      level: stopped ? "WARNING" : undefined,
      statusMessage: stopped ? step.status : undefined,
      genAi: {
        ...genAi,
        operation: "execute_tool",
        tool: { name: call.name, type: TOOL_TYPES.get(call.type) ?? "extension", callId: call.id },
      },
    },
  };
}

/** OpenTelemetry's kinds of tool: the caller runs it, it reads stored data, or (extension) the provider runs it. */
const TOOL_TYPES: ReadonlyMap<string, string> = new Map([
  ["function", "function"],
  ["file_search", "datastore"],
]);

function stepSpan(
  { run, observedMs }: RunData,
  agent: PlannedSpan,
  step: Step,
): Pick<PlannedSpan, "startMs" | "endMs" | "unfinished" | "failure"> {
  const unfinished = step.endMs === undefined && !isTerminal(run.status);
  return {
    startMs: step.startMs ?? agent.startMs,
    endMs: step.endMs ?? (unfinished ? observedMs : agent.endMs),
    unfinished,
    failure: step.status === "failed" ? (step.failure ?? { code: "failed", message: undefined }) : undefined,
  };
}

function genAiOf({ run, threadId }: RunData, step?: Step): GenAi {
  return {
    provider: "openai",
    requestModel: run.model,
    responseModel: run.model,
    conversationId: threadId,
    parameters: run.parameters as GenAi["parameters"],
    openai: detailsOf(run, threadId, step),
  };
}

function detailsOf(run: Run, threadId: string | undefined, step?: Step): OpenAIDetails {
  return {
    apiType: "assistants",
    threadId,
    runId: run.id,
    runStatus: run.status,
    runStepId: step?.id,
    assistantId: run.assistantId,
  };
}

/** What rules want to know of a run. */
function runFacts(data: RunData, stepCount: number): OpenAIDetails {
  const { run, startedAt, cancellingSince } = data;
  return {
    createdAt: run.startMs === undefined ? undefined : run.startMs / 1000,
    startedAt: startedAt ?? run.startedAt,
    expiresAt: run.expiresAt,
    cancellingSince,
    errorCode: run.failure?.code,
    errorMessage: run.failure?.message,
    incompleteReason: run.incompleteReason,
    pendingToolCalls:
      run.pending.length === 0 ? undefined : run.pending.map(({ id, name }) => ({ ...known({ id }), name })),
    stepCount: stepCount === 0 ? undefined : stepCount,
    missing: missing(data),
  };
}

function missing({ steps, messages, output }: RunData): string | undefined {
  const parts = [
    ...(steps.missing === undefined ? [] : [`steps: ${steps.missing}`]),
    ...(messages.missing === undefined || output !== undefined ? [] : [`messages: ${messages.missing}`]),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** The last message of an answer says why it ends. */
function ended(output: unknown, finishReason: string | undefined): unknown {
  const last = Array.isArray(output) ? (output.at(-1) as Partial<ModelMessage> | undefined) : undefined;
  if (finishReason === undefined || !Array.isArray(last?.parts) || last.finish_reason !== undefined) return output;
  return [...(output as unknown[]).slice(0, -1), { ...last, finish_reason: finishReason }];
}

function chatName({ model }: Run): string {
  return `chat ${model ?? ""}`.trimEnd();
}

function runFailure({ status, failure }: Run): Failure | undefined {
  if (status === "failed") return failure ?? { code: "failed", message: undefined };
  if (status === "expired") return { code: "expired", message: failure?.message ?? "the run expired before it ended" };
  return undefined;
}

function statusMessage({ status, failure, incompleteReason }: Run): string | undefined {
  if (!isTerminal(status)) return `recorded before terminal: ${status}`;
  const reason = incompleteReason ?? (failure && [failure.code, failure.message].filter(Boolean).join(": "));
  return status === "completed" ? undefined : [status, reason].filter(Boolean).join(": ");
}

import type { GenAi, JsonObject, Level, OpenAIDetails } from "../core/record.ts";
import { field, known, moment, seconds, text } from "./fields.ts";
import type { Items } from "./lists.ts";
import { type ModelMessage, type Part, toolDefinitions } from "./messages.ts";
import { errorOf } from "./model-call.ts";
import type { Plan, PlannedSpan } from "./plan.ts";
import { inputMessages, instructionParts, itemMessages } from "./response-items.ts";
import { type ToolRun, toolRuns, toolSpans } from "./response-tool-spans.ts";
import { paidForResponse } from "./response-usage.ts";

/** A turn of an agent or subagent, and what is known of it. */
export interface TurnData {
  readonly turn: unknown;
  /** Its own, oldest first. */
  readonly items: Items;
  /** Of the agent that ran it. */
  readonly agent: unknown;
  readonly model: string | undefined;
  readonly sessionId: string | undefined;
  /** Instead of what the items say. */
  readonly input: unknown;
  readonly output: unknown;
  readonly provider: string;
  readonly observedMs: number;
}

/** The states that a turn does not leave. */
const LEVELS: ReadonlyMap<string, Level> = new Map([
  ["completed", "DEFAULT"],
  ["cancelled", "WARNING"],
  ["failed", "ERROR"],
]);

/**
 * The spans of a turn: `invoke_agent`, and below it one `chat` with the turn's tokens once it has ended, and
 * `execute_tool` for every tool call. The turns of subagents are plans of their own.
 */
export function planTurn(data: TurnData): Plan {
  const { turn, sessionId } = data;
  const id = text(field(turn, "id")) ?? "";
  const status = statusOf(turn);
  const runs = toolRuns(data.items.items, "all");
  const agent = agentSpan(data, id, runs);
  const usage = paidForResponse(turn, runs, agent.startMs);
  // Without tokens and without an answer nothing says that a model was called at all.
  const wasCalled = usage.usage !== undefined || agent.patch.output !== undefined || status === "completed";
  const chat = LEVELS.has(status) && wasCalled ? [chatSpan(data, agent, usage)] : [];
  return {
    id,
    status,
    isTerminal: LEVELS.has(status),
    conversationId: sessionId,
    previousId: undefined,
    spans: [agent, ...chat, ...toolSpans(agent, runs)],
  };
}

export function statusOf(turn: unknown): string {
  return text(field(turn, "status")) ?? "unknown";
}

function agentSpan(data: TurnData, id: string, runs: readonly ToolRun[]): PlannedSpan {
  const { turn, agent, observedMs, items } = data;
  const status = statusOf(turn);
  const isTerminal = LEVELS.has(status);
  const name = text(field(agent, "name"));
  const agentId = text(field(turn, "subagent_id")) ?? text(field(turn, "agent_id")) ?? text(field(agent, "id"));
  const error = errorOf(turn);
  const { input, answer } = conversation(data);
  return {
    key: [id],
    name: `invoke_agent ${name ?? agentId ?? ""}`.trimEnd(),
    type: "agent",
    kind: "client",
    startMs: moment(field(turn, "created_at")) ?? observedMs,
    endMs: (isTerminal ? moment(field(turn, "completed_at")) : undefined) ?? observedMs,
    unfinished: !isTerminal,
    failure: status === "failed" ? (error ?? { code: "failed", message: undefined }) : undefined,
    patch: known({
      input,
      output: data.output ?? answer,
      level: LEVELS.get(status) ?? ("WARNING" as const),
      statusMessage: statusMessage(status, error),
      genAi: known({
        ...genAiOf(data),
        operation: "invoke_agent",
        agent: known({ id: agentId, name, description: text(field(agent, "description")) }),
        systemInstructions: instructionParts(field(agent, "instructions")) as GenAi["systemInstructions"],
        toolDefinitions: toolDefinitions(field(agent, "tools")),
        openai: detailsOf(turn, { error, pending: isTerminal ? [] : pendingCalls(runs), missing: items.missing }),
      }),
    }),
  };
}

/** The model calls of the turn together: the API tells neither their number nor their times. */
function chatSpan(data: TurnData, agent: PlannedSpan, paid: ReturnType<typeof paidForResponse>): PlannedSpan {
  const { level, statusMessage, genAi } = agent.patch;
  const { asked, answered } = conversation(data);
  return {
    ...agent,
    key: [...agent.key, "chat"],
    name: `chat ${data.model ?? ""}`.trimEnd(),
    type: "generation",
    patch: known({
      input: asked ?? agent.patch.input,
      output: answered ?? agent.patch.output,
      level,
      statusMessage,
      ...paid,
      genAi: known({ ...genAiOf(data), operation: "chat", openai: genAi?.openai }),
    }),
  };
}

interface Conversation {
  /** What the agent was asked, and what it said to whom asked it. */
  readonly input: unknown;
  readonly answer: ModelMessage[] | undefined;
  /** What its model was given, tool outputs too, and everything that came from it. */
  readonly asked: ModelMessage[] | undefined;
  readonly answered: ModelMessage[] | undefined;
}

const SAID = new Set(["text", "refusal", "blob", "uri", "file"]);

function conversation({ turn, items, input, agent }: TurnData): Conversation {
  const own = text(field(turn, "subagent_id")) ?? text(field(turn, "agent_id")) ?? text(field(agent, "id"));
  const isOwn = ({ role, name }: ModelMessage): boolean =>
    role === "assistant" || (role === "agent" && name !== undefined && name === own);
  const messages = itemMessages(items.items);
  const reason = finishReason(statusOf(turn));
  const asked = messages.filter((message) => !isOwn(message));
  const spoken = messages
    .filter(({ role }) => role === "assistant")
    .map((message) => ({ ...message, parts: message.parts.filter(({ type }: Part) => SAID.has(type)) }))
    .filter(({ parts }) => parts.length > 0);
  const given = input === undefined ? undefined : inputMessages(input);
  const questions = asked.filter(({ role }) => role !== "tool");
  return {
    input: given ?? (questions.length === 0 ? undefined : questions),
    answer: closed(spoken, reason),
    asked: given ?? (asked.length === 0 ? undefined : asked),
    answered: closed(messages.filter(isOwn), reason),
  };
}

function closed(messages: readonly ModelMessage[], reason: string | undefined): ModelMessage[] | undefined {
  if (messages.length === 0) return undefined;
  return messages.map((message, index) =>
    index === messages.length - 1 ? { ...message, ...known({ finish_reason: reason }) } : message,
  );
}

/** OpenTelemetry's words. A turn that waits does so for the outputs of tools. */
function finishReason(status: string): string | undefined {
  if (status === "completed") return "stop";
  if (status === "waiting") return "tool_call";
  return LEVELS.has(status) ? "error" : undefined;
}

function genAiOf({ turn, agent, model, sessionId, provider }: TurnData): GenAi {
  const status = statusOf(turn);
  const reason = finishReason(status);
  const parameters = known({
    reasoning_effort: field(field(agent, "reasoning"), "effort"),
    text_format: field(field(field(agent, "text"), "format"), "type"),
  });
  return known({
    provider,
    requestModel: model,
    responseModel: model,
    responseId: text(field(turn, "id")),
    responseStatus: status,
    conversationId: sessionId,
    finishReasons: reason === undefined ? undefined : [reason],
    parameters: Object.keys(parameters).length === 0 ? undefined : (parameters as JsonObject),
  });
}

interface TurnFacts {
  readonly error: ReturnType<typeof errorOf>;
  readonly pending: NonNullable<OpenAIDetails["pendingToolCalls"]>;
  readonly missing: string | undefined;
}

function detailsOf(turn: unknown, { error, pending, missing }: TurnFacts): OpenAIDetails {
  return known({
    apiType: "agents" as const,
    createdAt: seconds(field(turn, "created_at")),
    startedAt: seconds(field(turn, "started_at")),
    errorCode: error?.code,
    errorMessage: error?.message,
    pendingToolCalls: pending.length === 0 ? undefined : pending,
    missing,
  });
}

function pendingCalls(runs: readonly ToolRun[]): NonNullable<OpenAIDetails["pendingToolCalls"]> {
  const waiting = runs.filter(({ tool }) => !tool.isServer && tool.output === undefined && tool.error === undefined);
  return waiting.map(({ tool }) => ({ ...known({ id: tool.callId }), name: tool.name }));
}

function statusMessage(status: string, error: ReturnType<typeof errorOf>): string | undefined {
  if (!LEVELS.has(status)) return `recorded before terminal: ${status}`;
  if (status === "completed") return undefined;
  return [status, error?.code, error?.message].filter(Boolean).join(": ");
}

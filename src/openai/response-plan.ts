import { guard } from "../core/guard.ts";
import type { GenAi, JsonObject, Level, OpenAIDetails, Usage } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import type { RequestedSpan } from "./describe.ts";
import { array, field, known, picked, seconds, text } from "./fields.ts";
import { type ModelMessage, toolDefinitions } from "./messages.ts";
import { errorOf, requestedSpan } from "./model-call.ts";
import type { Plan, PlannedSpan } from "./plan.ts";
import { inputMessages, instructionParts, outputMessages } from "./response-items.ts";
import { type ToolRun, toolRuns, toolSpans } from "./response-tool-spans.ts";
import { imageModel, paidForResponse } from "./response-usage.ts";
import type { Failure } from "./shapes.ts";

/** A response of the Responses API, and what it was asked with. */
export interface ResponseData {
  readonly response: unknown;
  /** The body of the request, where it is known. */
  readonly request?: unknown;
  /** Instead of the request's input. */
  readonly input?: unknown;
  /** Instead of `chat {model}`. */
  readonly name?: string | undefined;
  readonly provider: string;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
}

/** The states that a response does not leave. To cancel is the caller's decision, and half an answer is an answer. */
const LEVELS: ReadonlyMap<string, Level> = new Map([
  ["completed", "DEFAULT"],
  ["incomplete", "WARNING"],
  ["cancelled", "WARNING"],
  ["failed", "ERROR"],
]);

/** It does not change any more. */
export function hasEnded(response: unknown): boolean {
  return LEVELS.has(statusOf(response));
}

/** The spans of a response: its generation, and below it `execute_tool` for what the provider's own tools did. */
export function planResponse(data: ResponseData): Plan {
  const { response, request, startMs, endMs } = data;
  const id = text(field(response, "id")) ?? "";
  const status = statusOf(response);
  const requested = responseRequest(request, data.provider, response);
  const tools = toolRuns(array(field(response, "output")));
  const isTerminal = LEVELS.has(status);
  const span: PlannedSpan = {
    key: id === "" ? [] : [id],
    name: data.name ?? requested.name,
    type: "generation",
    kind: "client",
    startMs,
    endMs,
    unfinished: !isTerminal,
    failure: failureOf(response, status),
    patch: patchOf(data, { id, status, requested, tools }),
  };
  return {
    id,
    status,
    isTerminal,
    conversationId: conversationOf(response) ?? conversationOf(request),
    previousId: text(field(response, "previous_response_id") ?? field(request, "previous_response_id")),
    spans: [span, ...toolSpans(span, tools)],
  };
}

interface ResponseFacts {
  readonly id: string;
  readonly status: string;
  readonly requested: RequestedSpan;
  readonly tools: readonly ToolRun[];
}

function patchOf(data: ResponseData, { id, status, requested, tools }: ResponseFacts): SpanPatch {
  const { response } = data;
  const { patch: asked } = requested;
  const finishReason = finishReasonOf(response, status, tools);
  const metadata = metadataOf(response, asked);
  const paid = LEVELS.has(status) ? paidForResponse(response, tools, data.startMs) : {};
  const model = guard(() => imageModel(data, paid.usage as Usage | undefined), undefined);
  return known({
    ...asked,
    input: data.input === undefined ? asked.input : inputMessages(data.input),
    output: outputOf(response, finishReason),
    level: LEVELS.get(status) ?? "WARNING",
    statusMessage: statusMessage(response, status),
    ...paid,
    metadata,
    genAi: known({
      ...asked.genAi,
      responseModel: text(field(response, "model")),
      responseId: id || undefined,
      responseStatus: status,
      conversationId: conversationOf(response) ?? asked.genAi?.conversationId,
      previousResponseId: text(field(response, "previous_response_id")) ?? asked.genAi?.previousResponseId,
      finishReasons: finishReason === undefined ? undefined : [finishReason],
      openai: { ...asked.genAi?.openai, ...detailsOf(response, status), ...known({ imageModel: model }) },
    }),
  }) as SpanPatch;
}

const PARAMETERS = [
  "temperature",
  "top_p",
  "max_output_tokens",
  "max_tool_calls",
  "tool_choice",
  "parallel_tool_calls",
  "truncation",
  "top_logprobs",
  "include",
  "store",
  "stream",
  "prompt_cache_retention",
];

/** A request as a span. A response repeats what it was asked with, and knows what was left to its defaults. */
export function responseRequest(request: unknown, provider: string, response?: unknown): RequestedSpan {
  const told = (name: string): unknown => field(response, name) ?? field(request, name);
  const prompt = told("prompt");
  const promptId = text(field(prompt, "id"));
  const version = text(field(prompt, "version"));
  const genAi: GenAi = known({
    conversationId: conversationOf(request),
    previousResponseId: text(field(request, "previous_response_id")),
    parameters: parametersOf(request, response),
    systemInstructions: instructionParts(told("instructions")) as GenAi["systemInstructions"],
    toolDefinitions: toolDefinitions(array(told("tools")).map(withoutCredentials)),
    prompt: promptId === undefined ? undefined : { name: promptId, ...known({ version }) },
    outputType: outputType(told("text")),
    openai: known({
      apiType: "responses" as const,
      requestServiceTier: text(field(request, "service_tier")),
      background: field(request, "background") === true ? true : undefined,
    }),
  });
  const input = inputMessages(field(request, "input"));
  const facts = { verb: "chat", type: "generation", input, genAi } as const;
  return requestedSpan(request, provider, facts, text(field(response, "model")));
}

/** Those that lie within objects get the names that chat completions have for them. */
function parametersOf(request: unknown, response: unknown): JsonObject | undefined {
  const parameters = known({
    ...picked(request, PARAMETERS),
    ...picked(response, PARAMETERS),
    reasoning_effort: field(field(response, "reasoning") ?? field(request, "reasoning"), "effort"),
    reasoning_summary: field(field(response, "reasoning") ?? field(request, "reasoning"), "summary"),
    text_format: field(field(field(response, "text") ?? field(request, "text"), "format"), "type"),
    verbosity: field(field(response, "text") ?? field(request, "text"), "verbosity"),
  });
  return Object.keys(parameters).length === 0 ? undefined : (parameters as JsonObject);
}

function outputType(config: unknown): GenAi["outputType"] {
  const format = text(field(field(config, "format"), "type"));
  if (format === "text") return "text";
  return format?.startsWith("json") ? "json" : undefined;
}

/** What a remote server is called with is the caller's secret; header names are the caller's own, so masking may not know them. */
function withoutCredentials(tool: unknown): unknown {
  if (field(tool, "type") !== "mcp") return tool;
  const { headers, authorization, ...rest } = tool as { [name: string]: unknown };
  return rest;
}

function conversationOf(object: unknown): string | undefined {
  const conversation = field(object, "conversation");
  return text(conversation) ?? text(field(conversation, "id"));
}

/** Some compatible servers leave the status out of an answer that is whole. */
function statusOf(response: unknown): string {
  const status = text(field(response, "status"));
  if (status !== undefined) return status;
  if (field(response, "error") !== undefined) return "failed";
  return Array.isArray(field(response, "output")) ? "completed" : "unknown";
}

function outputOf(response: unknown, finishReason: string | undefined): ModelMessage[] | undefined {
  const output = outputMessages(field(response, "output"), finishReason);
  const said = text(field(response, "output_text"));
  if (output !== undefined || said === undefined) return output;
  return outputMessages([{ type: "message", role: "assistant", content: said }], finishReason);
}

/** OpenTelemetry's words; reasons that it has no word for are as the API says them. */
const FINISH_REASONS: ReadonlyMap<string, string> = new Map([["max_output_tokens", "length"]]);

function finishReasonOf(response: unknown, status: string, tools: readonly ToolRun[]): string | undefined {
  if (status === "failed" || status === "cancelled") return "error";
  if (status === "incomplete") {
    const reason = incompleteReason(response) ?? "length";
    return FINISH_REASONS.get(reason) ?? reason;
  }
  if (status !== "completed") return undefined;
  const runs = new Set(tools.map(({ item }) => item));
  const asks = array(field(response, "output")).some((item) => guard(() => isForCaller(item, runs), false));
  return asks ? "tool_call" : "stop";
}

/** Calls that the provider does not run itself, and calls that it asks leave for. */
function isForCaller(item: unknown, runs: ReadonlySet<unknown>): boolean {
  const type = text(field(item, "type")) ?? "";
  return CALLER_CALLS.test(type) && !runs.has(item);
}

const CALLER_CALLS =
  /^(?:(?:function|custom_tool|computer|local_shell|shell|apply_patch|tool_search)_call|mcp_approval_request)$/;

function incompleteReason(response: unknown): string | undefined {
  return text(field(field(response, "incomplete_details"), "reason"));
}

function failureOf(response: unknown, status: string): Failure | undefined {
  if (status !== "failed") return undefined;
  return errorOf(response) ?? { code: "failed", message: undefined };
}

function statusMessage(response: unknown, status: string): string | undefined {
  if (!LEVELS.has(status)) return `recorded before terminal: ${status}`;
  if (status === "completed") return undefined;
  const error = errorOf(response);
  return [status, incompleteReason(response), error?.code, error?.message].filter(Boolean).join(": ");
}

function detailsOf(response: unknown, status: string): OpenAIDetails {
  const error = errorOf(response);
  return known({
    serviceTier: text(field(response, "service_tier")),
    background: field(response, "background") === true ? true : undefined,
    createdAt: seconds(field(response, "created_at")),
    errorCode: error?.code,
    errorMessage: error?.message,
    incompleteReason: status === "incomplete" ? incompleteReason(response) : undefined,
  });
}

/** A response repeats the metadata of its request. */
function metadataOf(response: unknown, asked: SpanPatch): Record<string, unknown> | undefined {
  const own = field(response, "metadata");
  const isEmpty = typeof own !== "object" || own === null || Object.keys(own).length === 0;
  const metadata = {
    ...(isEmpty ? asked.metadata : { response_metadata: own }),
    ...known({ prompt_cache_diagnostics: field(response, "prompt_cache_diagnostics") }),
  };
  return Object.keys(metadata).length === 0 ? undefined : metadata;
}

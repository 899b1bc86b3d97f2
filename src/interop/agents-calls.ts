import type { RecordingSpan } from "../core/recording-span.ts";
import type { Runtime } from "../core/runtime.ts";
import type { SpanPatch } from "../core/span.ts";
import { chatDescriber } from "../openai/chat.ts";
import { array, field, known, text } from "../openai/fields.ts";
import { drainOpenAnswers } from "../openai/open-answers.ts";
import type { Plan } from "../openai/plan.ts";
import { begin, finish } from "../openai/recorded.ts";
import { recall, remember } from "../openai/recorded-state.ts";
import { inputMessages } from "../openai/response-items.ts";
import { planResponse } from "../openai/response-plan.ts";
import type { AgentsEntry } from "./agents-context.ts";
import type { AgentsSpan } from "./agents-shapes.ts";

/** A span of the SDK that called a model. */
export interface AgentsCall {
  readonly provider: string;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * Says what a model was asked and answered, with its tokens, by the very objects of the API that the SDK keeps. A call that
 * has been recorded already (by `tracedFetch`, `recordResponse`) is not counted once more: then this is a plain span.
 */
export function describeCall(runtime: Runtime, entry: AgentsEntry, { spanData }: AgentsSpan, call: AgentsCall): void {
  const { provider } = call;
  const isResponse = field(spanData, "type") === "response";
  if (!isResponse && field(spanData, "type") !== "generation") {
    entry.span.update({ provider });
    return;
  }
  const plan = isResponse ? responsePlan(spanData, call) : completionPlan(spanData, call);
  const id = plan?.id ?? text(field(spanData, "response_id"));
  drainOpenAnswers(runtime);
  const before = id ? recall(runtime, id) : undefined;
  if (before !== undefined) {
    const metadata = { response_id: text(field(spanData, "response_id")) ?? id, recorded_as: before.spanId };
    entry.span.update({ name: "model call", type: "span", kind: "internal", metadata });
  }
  if (plan === undefined) {
    if (before === undefined) entry.span.update(unanswered(spanData, call, isResponse));
    return;
  }
  const [planned] = plan.spans;
  tellAgent(entry, planned.patch);
  if (before === undefined) write(runtime, entry, plan);
}

function write(runtime: Runtime, { span }: AgentsEntry, plan: Plan): void {
  const [{ name, patch, failure }, ...children] = plan.spans;
  span.update({ ...patch, name });
  if (failure !== undefined) span.fail({ name: failure.code, ...failure });
  const { traceId, spanId, recording } = span;
  if (!recording) return;
  const { trace, parentSpanId } = span as RecordingSpan;
  const parent = { traceId, spanId: parentSpanId, trace };
  const { id, status, isTerminal } = plan;
  remember(runtime, id, { parent, traceId, spanId, seq: 0, status, isTerminal });
  for (const child of children) finish(begin(runtime, { traceId, spanId, trace }, child, 0), child);
}

/** An agent is asked what its first call is asked, and answers what its last call answers. */
function tellAgent({ agent }: AgentsEntry, { input, output }: SpanPatch): void {
  if (agent === undefined || agent.ended) return;
  if (agent.input === undefined && input !== undefined) agent.span.update({ input: (agent.input = input) });
  if (output !== undefined) agent.span.update({ output });
}

function responsePlan(data: unknown, { provider, startMs, endMs }: AgentsCall): Plan | undefined {
  const response = field(data, "_response");
  if (response === undefined) return undefined;
  return planResponse({ response, input: wireInput(field(data, "_input")), provider, startMs, endMs });
}

/** The completion is the one item of the output. */
function completionPlan(data: unknown, { provider, startMs, endMs }: AgentsCall): Plan | undefined {
  const [answer] = array(field(data, "output"));
  if (!Array.isArray(field(answer, "choices"))) return undefined;
  const { model: _, base_url, ...parameters } = field(data, "model_config") ?? {};
  const request = { ...parameters, model: field(data, "model"), messages: field(data, "input") };
  return chatDescriber.plan({ request, answer, provider, startMs, endMs });
}

/** A call that failed, one whose data is kept out of traces, or one of another model. */
function unanswered(data: unknown, { provider }: AgentsCall, isResponse: boolean): SpanPatch {
  const messages = isResponse ? inputMessages(wireInput(field(data, "_input"))) : field(data, "input");
  return known({
    input: messages,
    output: isResponse ? undefined : field(data, "output"),
    usage: isResponse ? undefined : field(data, "usage"),
    genAi: known({ provider, responseId: text(field(data, "response_id")) }),
  });
}

/** The SDK's own item types by the names of the API. */
const WIRE_TYPES: ReadonlyMap<string, string> = new Map([
  ["function_call_result", "function_call_output"],
  ["computer_call_result", "computer_call_output"],
]);

/** What the SDK was given, as the API would be: items differ in some names only. */
function wireInput(input: unknown): unknown {
  return Array.isArray(input) ? input.map(wireItem) : input;
}

function wireItem(item: unknown): unknown {
  const type = text(field(item, "type"));
  // The provider's tools: what the API said of the call is in there.
  if (type === "hosted_tool_call" && typeof field(field(item, "providerData"), "type") === "string") {
    return field(item, "providerData");
  }
  const content = field(item, "content");
  if (Array.isArray(content)) return { ...(item as object), content: content.map(wirePart) };
  const wireType = type === undefined ? undefined : WIRE_TYPES.get(type);
  if (wireType === undefined) return item;
  const output = field(item, "output");
  return {
    ...(item as object),
    type: wireType,
    output: field(output, "type") === "text" ? field(output, "text") : output,
  };
}

function wirePart(part: unknown): unknown {
  const image = field(part, "image");
  return typeof image === "string" ? { ...(part as object), image_url: image, image: undefined } : part;
}

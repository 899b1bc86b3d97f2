import type { GenAi } from "../../core/record.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import type { SpanPatch } from "../../core/span.ts";
import { startUnder } from "../../core/start.ts";
import type { Describer } from "../describe.ts";
import { describers } from "../describers.ts";
import { field, known, text } from "../fields.ts";
import type { Plan } from "../plan.ts";
import { begin, finish, joinConversation, remember } from "../recorded.ts";
import { createAgentDescriber } from "./create-agent.ts";
import type { EndpointKind, Exchange } from "./exchange.ts";
import type { OpenExchange } from "./exchange-of.ts";
import type { ApiFailure } from "./failure.ts";
import { fetchResponseDescriber } from "./fetch-response.ts";

/** What makes a span of the calls of an endpoint; the others are known by their method and route. */
export function describerOf(kind: EndpointKind): Describer | undefined {
  if (kind === "assistant.create") return createAgentDescriber;
  if (kind === "response.retrieve") return fetchResponseDescriber;
  return Object.hasOwn(describers, kind) ? describers[kind as keyof typeof describers] : undefined;
}

/**
 * Starts the span of an exchange at its call; `undefined` when its trace is not sampled. What the request says is still to be
 * told, by `describeRequest`.
 */
export function openSpan(exchange: Exchange): RecordingSpan | undefined {
  const { runtime, parent, endpoint, method, startMs } = exchange;
  const options = { kind: "client", startTime: startMs } as const;
  const span = startUnder(runtime, parent, `${method} ${endpoint.route}`, options);
  return span.recording ? (span as RecordingSpan) : undefined;
}

export function describeRequest(span: RecordingSpan, exchange: OpenExchange): void {
  const requested = describerOf(exchange.endpoint.kind)?.request(exchange.request, exchange.provider);
  exchange.requested = requested;
  const { name, type } = requested ?? {};
  const patch = withoutContent(requested?.patch ?? httpPatch(exchange), exchange);
  span.update({ ...patch, ...known({ name, type }) });
}

/** Of a request that runs no model: whose thread or run it is about. */
function httpPatch({ endpoint: { ids }, provider }: Exchange): SpanPatch {
  const openai = known({ threadId: ids["thread_id"], runId: ids["run_id"], assistantId: ids["assistant_id"] });
  if (Object.keys(openai).length === 0) return {};
  return { genAi: { provider, ...known({ conversationId: ids["thread_id"] }), openai } };
}

/** What the answer says, whole or as far as it has come, on the span and below it. Does not end the span. */
export function describeAnswer(span: RecordingSpan, exchange: OpenExchange, answer: unknown): void {
  const plan = planOf(exchange, answer);
  if (plan !== undefined) applyPlan(span, exchange, plan);
  else if (field(answer, "object") === "thread") {
    span.update({ genAi: { openai: { ...known({ threadId: text(field(answer, "id")) }) } } });
  }
}

/** What is known of a stream while it still goes on; nothing of it is final. */
export function describeSoFar(span: RecordingSpan, exchange: OpenExchange, answer: unknown): void {
  const plan = planOf(exchange, answer);
  if (plan !== undefined) span.update(ofFirst(plan, exchange));
}

function planOf(exchange: OpenExchange, answer: unknown): Plan | undefined {
  const { endpoint, request, provider, requested, startMs } = exchange;
  return describerOf(endpoint.kind)?.plan({ request, answer, provider, requested, startMs, endMs: exchange.nowMs() });
}

function applyPlan(span: RecordingSpan, exchange: OpenExchange, plan: Plan): void {
  const { runtime } = exchange;
  const { id, status, isTerminal, spans } = plan;
  const [first, ...children] = spans;
  span.update(ofFirst(plan, exchange));
  if (first.failure !== undefined) span.fail({ name: first.failure.code, ...first.failure });
  const { traceId, spanId, parentSpanId, trace } = span;
  const parent = { traceId, spanId, trace };
  for (const child of children) {
    finish(begin(runtime, parent, child, 0), { ...child, patch: withoutContent(child.patch, exchange) });
  }
  const conversationId = joinConversation(runtime, span, plan);
  // A state that is not the last one may be recorded later, from the object.
  if (!isTerminal) return;
  const state = { traceId, spanId, seq: 0, status, isTerminal, conversationId };
  remember(runtime, id, { parent: { ...parent, spanId: parentSpanId }, ...state });
}

/** What the request says is on the span since the call, and is not captured again. */
function ofFirst({ spans: [first] }: Plan, exchange: OpenExchange): SpanPatch {
  const { name, type } = first;
  const patch = withoutContent(first.patch, exchange) as Partial<SpanPatch>;
  if (exchange.request !== undefined) delete patch.input;
  const said: GenAi = exchange.requested?.patch.genAi ?? {};
  const isNews = ([key, value]: [string, unknown]) => value !== said[key as keyof GenAi];
  const genAi: GenAi = Object.fromEntries(Object.entries(patch.genAi ?? {}).filter(isNews));
  return { ...patch, name, type, genAi };
}

/** On the span, without ending it: the error, and where it stands in the request. */
export function describeFailure(span: RecordingSpan, failure: ApiFailure): void {
  const { name, status, code, message, type, param } = failure;
  span.fail({ name, message, ...known({ status, code }) });
  if (type === undefined && param === undefined) return;
  span.update({ attributes: known({ "openai.error.type": type, "openai.error.param": param }) });
}

/** What is left of a patch where payloads are not recorded. */
export function withoutContent(patch: SpanPatch, { captures }: Pick<Exchange, "captures">): SpanPatch {
  const { input, output, genAi, ...rest } = patch;
  const { systemInstructions, toolDefinitions, ...details } = genAi ?? {};
  const shown: GenAi = { ...details, ...(captures.input && known({ systemInstructions, toolDefinitions })) };
  return {
    ...rest,
    ...(captures.input && input !== undefined && { input }),
    ...(captures.output && output !== undefined && { output }),
    ...(genAi !== undefined && { genAi: shown }),
  };
}

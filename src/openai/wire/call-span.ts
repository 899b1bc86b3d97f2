import type { GenAi } from "../../core/record.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import type { SpanPatch } from "../../core/span.ts";
import { startUnder } from "../../core/start.ts";
import type { Describer } from "../describe.ts";
import { describers } from "../describers.ts";
import { field, known, text } from "../fields.ts";
import type { Plan, PlannedSpan } from "../plan.ts";
import { begin, finish, joinConversation } from "../recorded.ts";
import { isRecordedElsewhere, type RecordedState, recall, remember } from "../recorded-state.ts";
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
 * told, by `describeRequest`. A spare one leaves no record while it is open.
 */
export function openSpan(exchange: Exchange, isSpare: boolean = false): RecordingSpan | undefined {
  const { runtime, parent, endpoint, method, startMs } = exchange;
  const options = { kind: "client", startTime: startMs } as const;
  const span = startUnder(runtime, parent, `${method} ${endpoint.route}`, options);
  if (!span.recording) return undefined;
  (span as RecordingSpan).isSpare = isSpare;
  return span as RecordingSpan;
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

/**
 * What the answer says, whole or as far as it has come, on the span and below it. Does not end the span. False: somebody
 * else has recorded the answer already, and what it has cost stands there.
 */
export function describeAnswer(span: RecordingSpan, exchange: OpenExchange, answer: unknown): boolean {
  const plan = planOf(exchange, answer);
  if (plan !== undefined) return applyPlan(span, exchange, plan);
  if (field(answer, "object") === "thread") {
    span.update({ genAi: { openai: { ...known({ threadId: text(field(answer, "id")) }) } } });
  }
  return true;
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

function applyPlan(span: RecordingSpan, exchange: OpenExchange, plan: Plan): boolean {
  const { runtime } = exchange;
  const { id, status, isTerminal, spans } = plan;
  const [first, ...children] = spans;
  const { traceId, spanId, parentSpanId, trace } = span;
  const before = id === "" ? undefined : recall(runtime, id);
  const patch = ofFirst(plan, exchange);
  const isElsewhere = isRecordedElsewhere(before, spanId);
  span.update(isElsewhere ? uncounted(patch, before) : patch);
  const failure = shownFailure(first, exchange);
  if (failure !== undefined) span.fail({ name: failure.code, ...failure });
  const conversationId = joinConversation(runtime, span, plan);
  if (isElsewhere) return false;
  const parent = { traceId, spanId, trace };
  for (const child of children) {
    finish(begin(runtime, parent, child, 0), shownSpan(child, exchange));
  }
  const state = { traceId, spanId, seq: 0, status, isTerminal, isOnWire: true, conversationId };
  // A state that is not the last one may be recorded later, from the object.
  const goesOn = isTerminal ? undefined : shownPlan(plan, exchange);
  remember(runtime, id, { parent: { ...parent, spanId: parentSpanId }, ...state }, goesOn);
  return true;
}

/** A call whose answer stands on another span: that one has its tokens. */
export function uncounted({ usage, cost, ...patch }: SpanPatch, { spanId }: RecordedState): SpanPatch {
  return { ...patch, type: "span", metadata: { ...patch.metadata, recorded_as: spanId } };
}

/** A plan as it is written here: without what is not recorded, with the facts of HTTP. */
export function shownPlan(plan: Plan, exchange: Pick<Exchange, "captures" | "http">): Plan {
  const [first, ...children] = plan.spans.map((span) => shownSpan(span, exchange));
  return { ...plan, spans: [{ ...first!, patch: { ...first!.patch, http: exchange.http } }, ...children] };
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
  span.update({ attributes: known({ "sightline.openai.error_type": type, "sightline.openai.error_param": param }) });
}

/** A span as it is written where payloads may not be recorded. */
export function shownSpan(span: PlannedSpan, exchange: Pick<Exchange, "captures">): PlannedSpan {
  return { ...span, patch: withoutContent(span.patch, exchange), failure: shownFailure(span, exchange) };
}

/** The message of a tool's error is what the tool says. */
function shownFailure({ failure }: PlannedSpan, { captures }: Pick<Exchange, "captures">): PlannedSpan["failure"] {
  return failure === undefined || captures.output ? failure : { code: failure.code, message: undefined };
}

/** What is left of a patch where payloads are not recorded. */
export function withoutContent(patch: SpanPatch, { captures }: Pick<Exchange, "captures">): SpanPatch {
  const { input, output, genAi, metadata, statusMessage, ...rest } = patch;
  const beside = metadata && withoutTexts(metadata, captures);
  const said = captures.output ? undefined : genAi?.openai?.errorMessage;
  return {
    ...rest,
    ...(beside !== undefined && Object.keys(beside).length > 0 && { metadata: beside }),
    ...(statusMessage !== undefined && { statusMessage: said ? statusMessage.split(`: ${said}`)[0]! : statusMessage }),
    ...(captures.input && input !== undefined && { input }),
    ...(captures.output && output !== undefined && { output }),
    ...(genAi !== undefined && { genAi: withoutDetails(genAi, captures) }),
  };
}

type Captures = Exchange["captures"];

/** Where the caller's own texts stand, and what an answer says besides. */
function withoutTexts(metadata: SpanPatch["metadata"] & object, captures: Captures): { [name: string]: unknown } {
  const { request_metadata, response_metadata, run_metadata, citations, ...rest } = metadata as Record<string, unknown>;
  return {
    ...rest,
    ...(captures.input && known({ request_metadata, response_metadata, run_metadata })),
    ...(captures.output && known({ citations })),
  };
}

function withoutDetails(genAi: GenAi, captures: Captures): GenAi {
  if (captures.input && captures.output) return genAi;
  const { systemInstructions, toolDefinitions, parameters, agent, openai, ...rest } = genAi;
  const { stop, ...named } = parameters ?? {};
  const { description, ...who } = agent ?? {};
  const { errorMessage, ...details } = openai ?? {};
  const asked = captures.input ? { systemInstructions, toolDefinitions, parameters, agent } : {};
  return {
    ...rest,
    ...known({
      parameters: parameters && (named as GenAi["parameters"]),
      agent: agent && who,
      openai: openai && (captures.output ? openai : details),
      ...known(asked),
    }),
  };
}

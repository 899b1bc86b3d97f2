import { guard } from "../core/guard.ts";
import { isTraceId } from "../core/ids.ts";
import { OFF_SPAN } from "../core/non-recording-span.ts";
import type { ObservationType } from "../core/record.ts";
import { activeRuntime, shared } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { type GenerationOptions, generation, type Recorded, startSpan } from "./manual.ts";
import { type TracePatch, updateTraceOf } from "./trace.ts";

/** Traces and spans held by id at once; the oldest are given up first and exported as `unfinished`. */
const MAX_HELD = 10_000;

type ClientType = ObservationType | "llm";

export interface Client {
  /** Starts a trace. Its root span is of type `agent` and carries the agent's id as its name. */
  startTrace(
    options: { agentId?: string; name?: string; input?: unknown; metadata?: Record<string, unknown> } & Pick<
      TracePatch,
      "userId" | "sessionId" | "tags"
    >,
  ): { id: string };
  /** Starts a span in a trace. `llm` is our `generation`. `parentSpanId` defaults to the trace's root. */
  startSpan(
    traceId: string,
    options: {
      name: string;
      type?: ClientType;
      input?: unknown;
      metadata?: Record<string, unknown>;
      parentSpanId?: string;
    },
  ): { id: string };
  endSpan(spanId: string, options?: EndById): void;
  endTrace(traceId: string, options?: EndById): void;
  /** Records a model call that has happened. `parentObservationId` and `usageDetails` are accepted as aliases. */
  generation(options: ClientGeneration): Recorded;
}

export interface EndById {
  output?: unknown;
  /** `success` is our `ok`. Default: ok. */
  status?: "ok" | "success" | "error";
  error?: unknown;
  metadata?: Record<string, unknown>;
}

export interface ClientGeneration extends Omit<GenerationOptions, "parent"> {
  traceId?: string;
  parentSpanId?: string;
  parentObservationId?: string;
  usageDetails?: unknown;
}

/**
 * Traces and spans by their ids, for flows whose span object is not at hand: the words of the Nexus article
 * (`startTrace`, `startSpan`, `endSpan`, `endTrace`) and of the Langfuse cookbook (`generation`). Unknown ids do nothing.
 *
 * @example
 * const trace = client.startTrace({ agentId: "openai-assistant", input: message });
 * const span = client.startSpan(trace.id, { name: "thread.create", type: "tool" });
 * client.endSpan(span.id, { output: { threadId } });
 * client.endTrace(trace.id, { status: "success", output: answer });
 */
export const client: Client = {
  startTrace: (options) => guard(() => startTrace(options), { id: OFF_SPAN.traceId }),
  startSpan: (traceId, options) => guard(() => startById(traceId, options), { id: OFF_SPAN.spanId }),
  endSpan: (spanId, options) => guard(() => endById(spanId, options), undefined),
  endTrace: (traceId, options) => guard(() => endById(traceId, options), undefined),
  generation: (options) => guard(() => generationById(options), { traceId: OFF_SPAN.traceId, spanId: OFF_SPAN.spanId }),
};

function startTrace(options: Parameters<Client["startTrace"]>[0]): { id: string } {
  const { agentId, name, input, metadata, ...info } = options ?? {};
  const root = startSpan(name ?? agentId ?? "trace", {
    parent: null,
    type: "agent",
    input,
    ...(metadata && { metadata }),
    ...(agentId !== undefined && { genAi: { agent: { id: agentId, name: agentId } } }),
  });
  const runtime = activeRuntime();
  if (runtime !== null) updateTraceOf(runtime, root, { name: name ?? agentId, ...info } as TracePatch);
  hold(root.traceId, root);
  return { id: root.traceId };
}

function startById(traceId: string, options: Parameters<Client["startSpan"]>[1]): { id: string } {
  const { name, type, input, metadata, parentSpanId } = options ?? {};
  const root = held().get(traceId);
  if (root === undefined && !isTraceId(traceId)) return { id: OFF_SPAN.spanId };
  const parent = parentSpanId === undefined ? undefined : held().get(parentSpanId);
  const span = startSpan(name, {
    parent: parent ?? (parentSpanId === undefined ? root : undefined) ?? { traceId, spanId: parentSpanId },
    type: type === "llm" ? "generation" : (type ?? "span"),
    input,
    ...(metadata && { metadata }),
  });
  hold(span.spanId, span);
  return { id: span.spanId };
}

function generationById(given: ClientGeneration): Recorded {
  const { traceId, parentSpanId, parentObservationId, usageDetails, ...options } = given ?? {};
  const isUnknown = traceId !== undefined && !held().has(traceId) && !isTraceId(traceId);
  if (isUnknown) return { traceId: OFF_SPAN.traceId, spanId: OFF_SPAN.spanId };
  const spanId = parentSpanId ?? parentObservationId;
  const parent =
    (spanId !== undefined && held().get(spanId)) || (spanId === undefined && traceId && held().get(traceId));
  return generation({
    ...options,
    ...(usageDetails !== undefined && { usage: usageDetails }),
    ...(parent ? { parent } : traceId !== undefined && { parent: { traceId, spanId } }),
  });
}

function held(): Map<string, Span> {
  return shared("client", () => new Map<string, Span>());
}

function hold(id: string, span: Span): void {
  const spans = held();
  if (span.recording) spans.set(id, span);
  if (spans.size <= MAX_HELD) return;
  for (const oldest of spans.keys()) {
    spans.delete(oldest);
    return;
  }
}

function endById(id: string, options?: EndById): void {
  const { output, status, error, metadata } = options ?? {};
  const span = held().get(id);
  held().delete(id);
  if (span === undefined) return;
  if (error !== undefined) span.fail(error);
  else if (status === "error") span.update({ level: "ERROR" });
  span.end({ output, ...(metadata && { metadata }) });
}

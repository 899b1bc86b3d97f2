import { guard } from "../core/guard.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import { startUnder } from "../core/start.ts";
import { mergeTraceInfo } from "../core/trace.ts";
import { text } from "../openai/fields.ts";
import { adoptSession } from "../openai/recorded.ts";
import { describeCall } from "./agents-calls.ts";
import { type AgentsEntry, agentsState, beginTrace, forgetEnded, parentOf, type TraceEntry } from "./agents-context.ts";
import type { AgentsSpan, AgentsTrace, AgentsTraceProcessor } from "./agents-shapes.ts";
import { readSpan } from "./agents-spans.ts";

export { agentsCarrier } from "./agents-context.ts";
export type { AgentsSpan, AgentsTrace, AgentsTraceProcessor } from "./agents-shapes.ts";

export interface AgentsTraceOptions {
  /** Whose models the agents call. Default: `openai`. */
  provider?: string;
}

/**
 * Records the runs of `@openai/agents`: agents, turns, model calls, tools, handoffs and guardrails, under the span that is
 * current where the run starts. Nothing is imported from the SDK and nothing is sent anywhere but to your sinks. Tokens
 * stand on the model calls alone; they, and the messages, are not known where the SDK keeps them out of its traces
 * (`traceIncludeSensitiveData: false`). A run's `groupId` becomes the session of a trace that has none.
 *
 * `setTraceProcessors` replaces the SDK's own processor, which posts every trace to OpenAI; `addTraceProcessor` keeps it.
 * The SDK makes no traces at all when `NODE_ENV` is `test` or `OPENAI_AGENTS_DISABLE_TRACING` is `1`. For what you observe
 * inside tools, see `agentsCarrier`.
 *
 * @example
 * setTraceProcessors([agentsTraceProcessor()]);
 */
export function agentsTraceProcessor(options: AgentsTraceOptions = {}): AgentsTraceProcessor {
  const provider = guard(() => options.provider, undefined) ?? "openai";
  const state = agentsState();
  state.open = openSpan;
  const told = async (tell: () => void): Promise<void> => guard(tell, undefined);
  return {
    onTraceStart: (trace) => told(() => void beginTrace(state, trace.traceId, trace)),
    onTraceEnd: (trace) => told(() => endTrace(trace)),
    onSpanStart: (span) => told(() => void openSpan(span)),
    onSpanEnd: (span) => told(() => endSpan(span, provider)),
    async shutdown(timeout) {
      await activeRuntime()?.flush(timeout === undefined ? undefined : { timeoutMs: timeout });
    },
    async forceFlush() {
      await activeRuntime()?.flush();
    },
  };
}

/** Begins our span for one of the SDK, once. */
function openSpan(span: AgentsSpan): AgentsEntry | undefined {
  const state = agentsState();
  const runtime = activeRuntime();
  const { spanId, traceId, parentId } = span;
  const known = state.spans.get(spanId);
  if (known !== undefined || runtime === null) return known;
  const trace = beginTrace(state, traceId, undefined);
  const parent = parentOf(state, runtime, trace, parentId);
  const { name, type, kind } = readSpan(span);
  const ours = startUnder(runtime, parent, name, { type, kind, startTime: timeOf(runtime, span.startedAt) });
  const above = parentId === null ? undefined : state.spans.get(parentId);
  const entry = { runtime, span: ours, parentId, trace, agent: above?.agent, ended: false };
  const own: AgentsEntry = type === "agent" ? withItself(entry) : entry;
  state.spans.set(spanId, own);
  trace.spanIds.add(spanId);
  if (above === undefined && ours.recording) tellTrace(trace, ours as RecordingSpan);
  return own;
}

function withItself(entry: AgentsEntry): AgentsEntry {
  const own = { ...entry, agent: undefined as AgentsEntry | undefined };
  own.agent = own;
  return own;
}

/** For a span that the SDK has nothing above: what is known of its trace. */
function tellTrace(entry: TraceEntry, span: RecordingSpan): void {
  const { about } = entry;
  const { traceId, trace, parentSpanId } = span;
  if (parentSpanId === undefined && entry.root === undefined) {
    entry.root = { traceId, trace };
    const name = text(about?.name);
    if (name !== undefined && trace.info.name === undefined) trace.info = mergeTraceInfo(trace.info, { name });
  }
  adoptSession(span, text(about?.groupId));
  const metadata = about?.metadata;
  if (metadata && Object.keys(metadata).length > 0) span.update({ metadata });
}

function endSpan(span: AgentsSpan, provider: string): void {
  const state = agentsState();
  const entry = openSpan(span);
  if (entry === undefined || entry.ended) return;
  const { runtime, span: ours } = entry;
  const endTime = timeOf(runtime, span.endedAt);
  guard(() => {
    const { name, type, patch } = readSpan(span);
    ours.update({ ...patch, name });
    if (type === "generation" && ours.recording) {
      const endMs = endTime ?? runtime.clock.epochMs();
      describeCall(runtime, entry, span, { provider, startMs: (ours as RecordingSpan).startMs, endMs });
    }
    fail(entry, span);
  }, undefined);
  entry.ended = true;
  ours.end({ endTime });
  forgetEnded(state, span.traceId);
}

/** The SDK knows a message and some data of an error, not the error. */
function fail({ span }: AgentsEntry, { error }: AgentsSpan): void {
  if (!error) return;
  const { message, data } = error;
  const detail = text(data?.["error"]);
  span.fail({ name: "AgentsError", message: detail === undefined ? message : `${message}: ${detail}` });
  if (data !== undefined) span.update({ metadata: { error: data } });
}

function endTrace({ traceId }: AgentsTrace): void {
  const state = agentsState();
  const trace = state.traces.get(traceId);
  if (trace === undefined) return;
  trace.ended = true;
  forgetEnded(state, traceId);
}

/** The SDK has whole milliseconds; where its time is that of this moment, our clock knows it better. */
const AGREE_MS = 2;

/** Epoch milliseconds; `undefined` is now. */
function timeOf(runtime: Runtime, iso: string | null): number | undefined {
  const ms = iso === null ? Number.NaN : Date.parse(iso);
  return Number.isFinite(ms) && Math.abs(runtime.clock.epochMs() - ms) > AGREE_MS ? ms : undefined;
}

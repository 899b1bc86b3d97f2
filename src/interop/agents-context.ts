import { asyncLocalCarrier, type Carrier } from "../core/context.ts";
import { guard } from "../core/guard.ts";
import { isMuted, NonRecordingSpan } from "../core/non-recording-span.ts";
import { type Runtime, shared } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import type { SpanRef } from "../core/start.ts";
import type { AgentsSpan, AgentsTrace } from "./agents-shapes.ts";

/** A span of the SDK and ours for it. */
export interface AgentsEntry {
  readonly runtime: Runtime;
  readonly span: Span;
  readonly parentId: string | null;
  readonly trace: TraceEntry;
  /** The nearest span of an agent above, or this one. */
  readonly agent: AgentsEntry | undefined;
  /** What the agent was first asked, for an agent. */
  input?: unknown;
  ended: boolean;
}

export interface TraceEntry {
  /** What the SDK said of the trace; unknown when it began before the processor was there. */
  readonly about: AgentsTrace | undefined;
  /** Ours, when it began with a span of the SDK: what the SDK holds together stays together. */
  root?: SpanRef;
  readonly spanIds: Set<string>;
  ended: boolean;
}

interface AgentsState {
  readonly spans: Map<string, AgentsEntry>;
  readonly traces: Map<string, TraceEntry>;
  /** What the context holds for a span of ours that was made current inside a span of the SDK. */
  readonly places: WeakMap<object, Place>;
  /** What a carrier of ours is put around. */
  readonly inners: WeakMap<Carrier, Carrier>;
  /** Begins our span for one of the SDK; set by the processor. */
  open?: (span: AgentsSpan) => AgentsEntry | undefined;
}

interface Place {
  readonly span: Span;
  /** The SDK's span that was current. */
  readonly under: string;
}

/** One for all loaded copies of the package. */
export function agentsState(): AgentsState {
  return shared("openai-agents", () => ({
    spans: new Map(),
    traces: new Map(),
    places: new WeakMap(),
    inners: new WeakMap(),
  }));
}

/** A trace whose end is never told is forgotten after this many others. */
const MAX_TRACES = 1_000;

export function beginTrace(state: AgentsState, traceId: string, about: AgentsTrace | undefined): TraceEntry {
  const known = state.traces.get(traceId);
  if (known !== undefined) return known;
  const entry: TraceEntry = { about, spanIds: new Set(), ended: false };
  state.traces.set(traceId, entry);
  if (state.traces.size > MAX_TRACES) {
    const [oldest] = state.traces.keys();
    for (const spanId of state.traces.get(oldest!)!.spanIds) state.spans.delete(spanId);
    state.traces.delete(oldest!);
  }
  return entry;
}

/** Spans of a streamed run may end after their trace: they are kept until then. */
export function forgetEnded(state: AgentsState, traceId: string): void {
  const trace = state.traces.get(traceId);
  if (trace === undefined || !trace.ended) return;
  for (const spanId of trace.spanIds)
    if (state.spans.get(spanId)?.ended !== false) trace.spanIds.delete(spanId) && state.spans.delete(spanId);
  if (trace.spanIds.size === 0) state.traces.delete(traceId);
}

/**
 * Carries the current span through the tools, guardrails and handoffs of `@openai/agents`: what you observe inside a tool
 * becomes a child of the tool's span. Give it the SDK's `getCurrentSpan`. `inner` carries everything else.
 *
 * @example
 * configure({ sinks: [consoleSink()], carrier: agentsCarrier(getCurrentSpan) });
 * setTraceProcessors([agentsTraceProcessor()]);
 */
export function agentsCarrier(getCurrentSpan: () => AgentsSpan | null, inner: Carrier = asyncLocalCarrier): Carrier {
  const state = agentsState();
  const current = (): AgentsSpan | null => guard(getCurrentSpan, null) ?? null;
  const carrier: Carrier = {
    get() {
      const here = inner.get();
      return guard(() => nearest(state, here, current()), ownSpan(state, here));
    },
    run(span, fn) {
      const within = isMuted(span) ? null : current();
      return inner.run(within === null ? span : placed(state, span, within.spanId), fn);
    },
  };
  state.inners.set(carrier, inner);
  return carrier;
}

/** The current span of ours, or the one for the SDK's: whichever became current inside the other. */
function nearest(state: AgentsState, here: Span | undefined, current: AgentsSpan | null): Span | undefined {
  const own = ownSpan(state, here);
  if (current === null || isMuted(here)) return own;
  const entry = state.spans.get(current.spanId) ?? late(state, current);
  return entry === undefined || isWithin(state, here, current.spanId) ? own : entry.span;
}

/** Other processors may make the SDK call ours after what the span is about has begun, and after its children. */
function late(state: AgentsState, span: AgentsSpan): AgentsEntry | undefined {
  if (!state.traces.has(span.traceId)) return undefined;
  const missing: AgentsSpan[] = [];
  let next: AgentsSpan | undefined = span;
  while (next?.startedAt && !state.spans.has(next.spanId) && missing.length < MAX_DEPTH) {
    missing.push(next);
    next = next.previousSpan;
  }
  for (const each of missing.reverse()) state.open?.(each);
  return state.spans.get(span.spanId);
}

/** Our span for a new span of the SDK belongs under this. */
export function parentOf(
  state: AgentsState,
  runtime: Runtime,
  trace: TraceEntry,
  parentId: string | null,
): Span | SpanRef | undefined {
  const { carrier } = runtime;
  const here = (state.inners.get(carrier) ?? carrier).get();
  if (isMuted(here)) return here;
  const own = ownSpan(state, here);
  const above = parentId === null ? undefined : state.spans.get(parentId);
  if (above !== undefined) return isWithin(state, here, parentId!) ? own : above.span;
  const isInTrace = (own as { trace?: unknown } | undefined)?.trace !== undefined;
  return isInTrace ? own : (trace.root ?? own);
}

/** Parents in a circle are none. */
const MAX_DEPTH = 1_000;

/** What is current here became so inside that span of the SDK. */
function isWithin(state: AgentsState, here: Span | undefined, spanId: string): boolean {
  let id: string | null | undefined = here && state.places.get(here)?.under;
  for (let depth = 0; id && depth < MAX_DEPTH; depth++) {
    if (id === spanId) return true;
    id = state.spans.get(id)?.parentId;
  }
  return false;
}

function ownSpan(state: AgentsState, here: Span | undefined): Span | undefined {
  return (here && state.places.get(here)?.span) ?? here;
}

/**
 * Stands for `span` in the context, to know where it became current. A carrier that knows nothing of this, configured
 * later, takes it for the same span in another process.
 */
function placed(state: AgentsState, span: Span, under: string): Span {
  const { reason = "remote", trace, info, witness } = span as Partial<NonRecordingSpan>;
  const options = { spanId: span.spanId, ...(trace && { trace }), ...(info && { info }), witness };
  const place = new NonRecordingSpan(reason, options);
  state.places.set(place, { span, under });
  return place;
}

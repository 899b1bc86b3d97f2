import { guard } from "../core/guard.ts";
import { derivedSpanId } from "../core/ids.ts";
import { isSuppressed, OFF_SPAN } from "../core/non-recording-span.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { type SpanRef, startUnder } from "../core/start.ts";
import { type Items, itemsOf } from "./lists.ts";
import { field, moment, readRun, text } from "./read.ts";
import { recallRun, rememberRun } from "./recorded-runs.ts";
import { isTerminal, type PlannedSpan } from "./run-spans.ts";
import { planRun } from "./run-tree.ts";
import type { Listable, Listed, MessageLike, Moment, RunLike, RunStepLike } from "./shapes.ts";

/** A run and what belongs to it, as data: nothing is fetched. */
export interface AssistantRun<Steps = Listable<RunStepLike>, Messages = Listable<MessageLike>> {
  run: RunLike;
  /** For the tool calls, and for tokens by step. */
  steps?: Steps;
  /** For input and output; only those with the run's id are taken for its output. */
  messages?: Messages;
  thread?: { readonly id?: string };
  /** For the name. */
  assistant?: { readonly name?: string | null; readonly description?: string | null };
  /** Instead of the messages before the run. */
  input?: unknown;
  /** Instead of the run's messages. */
  output?: unknown;
  /** When the run was read: the end of what has no end yet. Default: now. */
  observedAt?: Moment;
}

export interface RecordedRun {
  readonly traceId: string;
  /** The agent's span, to hang a score on. */
  readonly spanId: string;
  readonly runId: string;
  readonly status: string;
  /** False when nothing was written: tracing is off, or this state of the run has been recorded before. */
  readonly recorded: boolean;
}

/**
 * Records a run of the Assistants API under the current span: an agent span with a `chat` generation for each step that
 * has usage (or one with the run's usage) and a tool span for each tool call. Tokens are counted once.
 *
 * Takes runs, steps and messages of `openai` 4 to 7, of compatible hosts and of Azure's clients: snake_case or camelCase,
 * times as seconds, milliseconds, ISO 8601 or `Date`, lists as arrays or pages. With a promise or an async iterable among
 * the lists it returns a promise. Never throws and never rejects; what could not be read is named in the metadata.
 *
 * Record a run as often as you like: one run is one observation. A run that has not ended is written as unfinished, with
 * a warning and without usage, and completed by the next recording, whose spans stay where the first one put them.
 *
 * @example
 * const run = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
 * const messages = await openai.beta.threads.messages.list(thread.id);
 * recordAssistantRun({ run, messages, assistant });
 */
export function recordAssistantRun(data: AssistantRun<Listed<RunStepLike>, Listed<MessageLike>>): RecordedRun;
export function recordAssistantRun(data: AssistantRun): Promise<RecordedRun>;
export function recordAssistantRun(data: AssistantRun): RecordedRun | Promise<RecordedRun> {
  const nothing: RecordedRun = {
    traceId: OFF_SPAN.traceId,
    spanId: OFF_SPAN.spanId,
    ...identity(data),
    recorded: false,
  };
  return guard(() => {
    const runtime = activeRuntime();
    const parent = runtime?.carrier.get();
    const observedMs = moment(data.observedAt) ?? runtime?.clock.epochMs() ?? 0;
    const finish = (steps: Items, messages: Items): RecordedRun =>
      guard(
        () => (runtime === null ? nothing : record(runtime, parent, data, { steps, messages, observedMs })),
        nothing,
      );
    // Read also when tracing is off: a rejection that nobody handles would end the process.
    const [steps, messages] = [itemsOf(data.steps), itemsOf(data.messages)];
    if (steps instanceof Promise || messages instanceof Promise) {
      return Promise.all([steps, messages]).then((lists) => finish(...lists));
    }
    return finish(steps, messages);
  }, nothing);
}

function identity(data: AssistantRun): { runId: string; status: string } {
  return guard(() => ({ runId: text(data.run.id) ?? "", status: text(data.run.status) ?? "unknown" }), {
    runId: "",
    status: "unknown",
  });
}

function record(
  runtime: Runtime,
  parent: Span | undefined,
  data: AssistantRun,
  read: { steps: Items; messages: Items; observedMs: number },
): RecordedRun {
  const run = readRun(data.run);
  const { id: runId, status } = run;
  if (runId === "") throw new TypeError("recordAssistantRun: the run has no id");
  if (isSuppressed(parent)) return { traceId: parent!.traceId, spanId: parent!.spanId, runId, status, recorded: false };
  const known = recallRun(runtime, runId);
  if (known && (known.status === status || isTerminal(known.status))) {
    return { traceId: known.traceId, spanId: known.spanId, runId, status, recorded: false };
  }
  const { assistant, input, output, thread } = data;
  const threadId = run.threadId ?? text(field(thread, "id"));
  const [agent, ...children] = planRun({ run, threadId, assistant, input, output, ...read });
  const seq = known === undefined ? 0 : known.seq + 1;
  const span = begin(runtime, known?.parent ?? parent, agent!, seq);
  const { traceId, spanId } = span;
  if (!span.recording) return { traceId, spanId, runId, status, recorded: false };
  const { parentSpanId, trace } = span as RecordingSpan;
  // A parent in another process is kept as it is, for what it says of itself; of others only the ids and the trace.
  const isRemote = parent?.recording === false && parentSpanId !== undefined;
  const first = isRemote ? parent : { traceId, spanId: parentSpanId, trace };
  rememberRun(runtime, runId, { parent: known?.parent ?? first, traceId, spanId, seq, status });
  finish(span, agent!);
  for (const child of children) finish(begin(runtime, { traceId, spanId, trace }, child, seq), child);
  return { traceId, spanId, runId, status, recorded: true };
}

function begin(runtime: Runtime, parent: Span | SpanRef | undefined, planned: PlannedSpan, seq: number): Span {
  const { name, type, kind, key, startMs } = planned;
  return startUnder(runtime, parent, name, { type, kind, spanId: derivedSpanId(...key), seq, startTime: startMs });
}

function finish(span: Span, { patch, failure, endMs, unfinished }: PlannedSpan): void {
  span.update(patch);
  if (failure !== undefined) span.fail({ name: failure.code, ...failure });
  span.end({ endTime: endMs, unfinished });
}

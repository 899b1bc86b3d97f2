import { guard } from "../core/guard.ts";
import { OFF_SPAN } from "../core/non-recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { field, moment, text } from "./fields.ts";
import { type Items, itemsOf } from "./lists.ts";
import { readRun } from "./read.ts";
import { type RecordedObject, writePlan } from "./recorded.ts";
import { firstSeen } from "./run-memory.ts";
import { planRun } from "./run-tree.ts";
import type { Listable, Listed, MessageLike, Moment, RunLike, RunStepLike } from "./shapes.ts";
import { addGivenRun } from "./wire/given-run.ts";

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

export interface RecordedRun extends RecordedObject {
  /** The same as `id`. */
  readonly runId: string;
}

/**
 * Records a run of the Assistants API under the current span: an agent span with a `chat` generation for each step that
 * has usage (or one with the run's usage) and a tool span for each tool call. Tokens are counted once.
 *
 * Takes runs, steps and messages of `openai` 4 to 7, of compatible hosts and of Azure's clients: snake_case or camelCase,
 * times as seconds, milliseconds, ISO 8601 or `Date`, lists as arrays or pages. With a promise or an async iterable among
 * the lists it returns a promise. Never throws and never rejects; what could not be read is named in `genAi.openai.missing`.
 *
 * Record a run as often as you like: one run is one observation, where the first recording put it, and it keeps what each
 * of them knew. A run that has not ended is written as unfinished, with a warning and without usage, again when there is
 * news of it or when it is twice as old, and completed by a later recording. What is given after its end is added: steps,
 * messages. Its tokens stay where they are. `recorded` says whether anything was written.
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

function identity(data: AssistantRun): { id: string; runId: string; status: string } {
  const none = { id: "", runId: "", status: "unknown" };
  return guard(() => {
    const id = text(data.run.id) ?? "";
    return { id, runId: id, status: text(data.run.status) ?? "unknown" };
  }, none);
}

function record(
  runtime: Runtime,
  parent: Span | undefined,
  data: AssistantRun,
  read: { steps: Items; messages: Items; observedMs: number },
): RecordedRun {
  const run = readRun(data.run);
  if (run.id === "") throw new TypeError("recordAssistantRun: the run has no id");
  const { assistant, input, output, thread } = data;
  const added = addGivenRun(runtime, { id: run.id, run: data.run, assistant, input, output, ...read });
  if (added !== undefined) return { ...added, runId: run.id };
  const threadId = run.threadId ?? text(field(thread, "id"));
  const seen = firstSeen(runtime, run, read.observedMs);
  const plan = planRun({ run, threadId, assistant, input, output, ...seen, ...read });
  return { ...writePlan(runtime, parent, plan), runId: run.id };
}

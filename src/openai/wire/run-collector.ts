import { isSuppressed } from "../../core/non-recording-span.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import { type Runtime, shared } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import type { SpanRef } from "../../core/start.ts";
import { field, picked, text } from "../fields.ts";
import { mergePlans } from "../merge-plan.ts";
import type { Plan } from "../plan.ts";
import { adoptSession, begin, finish } from "../recorded.ts";
import { type RecordedState, recall, recallPlan, remember } from "../recorded-state.ts";
import { endAdmission, refreshAdmission } from "./admissions.ts";
import type { Wire } from "./chunk-head.ts";
import type { Exchange } from "./exchange.ts";
import { type LongSpan, longSpan, placeOf } from "./long-span.ts";
import { sayCosts } from "./run-costs.ts";
import { concerns, decide, hasEnded, newDecisions, planKnownRun, type RunDecisions } from "./run-plan.ts";
import { newRun, newThread, type RunState, type ThreadState, takeRun } from "./run-state.ts";

/** A run that is being watched, and its span while that is open. */
export interface WatchedRun {
  readonly state: RunState;
  readonly decisions: RunDecisions;
  /** Where its spans go, decided by the first one. */
  parent: Span | SpanRef | undefined;
  traceId: string;
  spanId: string;
  readonly long: LongSpan;
  /** Of the next writing. */
  seq: number;
  /** What had been recorded of it before it was seen here. */
  readonly before: Plan | undefined;
  /** In a trace that is not recorded, or written whole before it was seen here: nothing more is written. */
  isClosed: boolean;
}

export interface RunCollector {
  /** The run with this id; begins to watch it when it is new. `undefined` where nothing may be recorded. */
  watch(id: string, first: FirstSight): WatchedRun | undefined;
  /** The run, if it is watched. */
  find(id: string): WatchedRun | undefined;
  thread(id: string): ThreadState;
  /** Something was heard of the run; with news, or while it has not ended, a written run is opened once more. */
  touch(run: WatchedRun, isNews: boolean): void;
  /** The same for every run of a thread that one of these messages can belong to. True: there is a run of this thread. */
  touchThread(threadId: string, news: readonly Wire[]): boolean;
  /** Notes the name and model of an assistant. */
  nameAssistant(assistant: Wire): void;
  /** Notes the model of a run as its assistant's: surely, or where no other is known. */
  nameModel(run: Wire, isSure: boolean): void;
  /** That an assistant runs, as far as is known. */
  modelOf(assistantId: string): string | undefined;
}

/** The exchange by which a run is first seen. */
export interface FirstSight {
  readonly parent: Span | undefined;
  readonly provider: string;
  readonly captures: Exchange["captures"];
  readonly threadId: string | undefined;
  /** The run itself, where it is at hand: its time and name. */
  readonly run: Wire | undefined;
  readonly nowMs: number;
  /** When the request that made it was sent. */
  readonly sentMs?: number | undefined;
}

export interface CollectorOptions {
  /** How long a run that has ended waits for its steps and messages, when nothing else keeps its trace open. Default: 1 s. */
  readonly settleMs?: number;
  /** How long a run that has not ended may be silent then. Default: 10 min, as long as a run lives. */
  readonly silenceMs?: number;
  /** Runs that are kept. Default: 1,000. */
  readonly maxRuns?: number;
}

/** Characters of steps and messages of all runs. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
const MAX_NAMES = 1000;

/** The runs of Assistants APIs that requests of this process have shown, each as one agent span. */
export function createRunCollector(runtime: Runtime, options: CollectorOptions = {}): RunCollector {
  const { settleMs = 1000, silenceMs = 10 * 60_000, maxRuns = 1000 } = options;
  const runs = new Map<string, WatchedRun>();
  const threads = new Map<string, ThreadState>();
  const assistants = new Map<string, Wire>();
  const models = new Map<string, string>();

  const threadOf = (id: string): ThreadState => {
    const thread = threads.get(id) ?? newThread();
    threads.delete(id);
    threads.set(id, thread);
    if (threads.size > maxRuns) threads.delete(threads.keys().next().value!);
    return thread;
  };

  const noteModel = (assistantId: string, model: string | undefined): void => {
    if (model === undefined) return;
    models.delete(assistantId);
    models.set(assistantId, model);
    if (models.size > MAX_NAMES) models.delete(models.keys().next().value!);
  };

  const plan = (run: WatchedRun): Plan => {
    const { state, decisions } = run;
    state.said.assistant ??= assistants.get(String(field(state.run, "assistant_id")));
    const seen = planKnownRun(state, decisions, runtime.clock.epochMs());
    return run.before === undefined ? seen : mergePlans(run.before, seen);
  };

  const open = (run: WatchedRun): void => {
    const [agent] = plan(run).spans;
    const span = begin(runtime, run.parent, agent, run.seq, run.spanId || undefined) as RecordingSpan;
    run.isClosed = !span.recording;
    if (run.isClosed) return;
    if (run.spanId === "") run.parent = placeOf(span, run.parent);
    run.traceId = span.traceId;
    run.spanId = span.spanId;
    const { threadId } = run.state;
    adoptSession(span, threadId === undefined ? undefined : runtime.capture.text(threadId));
    run.long.hold(span);
  };

  const evict = (): void => {
    let characters = 0;
    for (const { state } of runs.values()) characters += state.steps.characters;
    for (const thread of threads.values()) characters += thread.messages.characters;
    for (const [id, run] of runs) {
      if (runs.size <= maxRuns && characters <= MAX_CHARACTERS) return;
      run.long.settle();
      runs.delete(id);
      characters -= run.state.steps.characters;
      const { threadId = "" } = run.state;
      if (![...runs.values()].some(({ state }) => state.threadId === threadId)) {
        characters -= threads.get(threadId)?.messages.characters ?? 0;
        threads.delete(threadId);
      }
    }
  };

  const self: RunCollector = {
    find: (id) => runs.get(id),
    thread: threadOf,
    nameAssistant(assistant) {
      const id = text(field(assistant, "id"));
      if (id === undefined) return;
      assistants.delete(id);
      assistants.set(id, picked(assistant, ["name", "description"]) ?? {});
      if (assistants.size > MAX_NAMES) assistants.delete(assistants.keys().next().value!);
      noteModel(id, text(field(assistant, "model")));
    },
    nameModel(run, isSure) {
      const id = text(field(run, "assistant_id"));
      if (id !== undefined && (isSure || !models.has(id))) noteModel(id, text(field(run, "model")));
    },
    modelOf: (assistantId) => models.get(assistantId),
    watch(id, first) {
      const watched = runs.get(id);
      if (watched !== undefined || isSuppressed(first.parent)) return watched;
      const { threadId, provider, captures, sentMs } = first;
      const thread = threadId === undefined ? newThread() : threadOf(threadId);
      const state = newRun(id, thread, { threadId, provider, captures, sentMs, answeredMs: first.nowMs });
      takeRun(state, first.run ?? { id, thread_id: threadId }, first.nowMs);
      const known = recall(runtime, id);
      const long: LongSpan = longSpan(runtime, (span) => write(runtime, run, span, plan(run)));
      const run: WatchedRun = {
        state,
        decisions: newDecisions(),
        long,
        before: recallPlan(runtime, id),
        ...placed(known, first.parent),
      };
      runs.set(id, run);
      if (!run.isClosed) open(run);
      evict();
      return run;
    },
    touch(run, isNews) {
      runs.delete(run.state.id);
      runs.set(run.state.id, run);
      const ended = hasEnded(run.state);
      if (!run.isClosed && run.long.span === undefined && (isNews || !ended)) open(run);
      if (!ended) refreshAdmission(run.state.id);
      else if (sayCosts(runtime, run, plan)) endAdmission(run.state.id);
      run.long.arm(ended ? settleMs : silenceMs);
      if (isNews) evict();
    },
    touchThread(threadId, news) {
      let isKnown = false;
      for (const run of [...runs.values()]) {
        if (run.state.threadId !== threadId) continue;
        isKnown = true;
        if (news.some((message) => concerns(run.state, message))) self.touch(run, true);
      }
      return isKnown;
    },
  };
  return self;
}

/** The collector of this configuration. */
export function runCollector(runtime: Runtime): RunCollector {
  const collectors = collectorsOf();
  let collector = collectors.get(runtime);
  if (collector === undefined) collectors.set(runtime, (collector = createRunCollector(runtime)));
  return collector;
}

/** The same, if any run has been seen on the wire. */
export function knownCollector(runtime: Runtime): RunCollector | undefined {
  return collectorsOf().get(runtime);
}

function collectorsOf(): WeakMap<Runtime, RunCollector> {
  return shared("runsOnTheWire", () => new WeakMap<Runtime, RunCollector>());
}

/** A run that has been recorded as data before goes on where that put it; one that was whole stays as it is. */
function placed(
  known: RecordedState | undefined,
  parent: Span | undefined,
): Pick<WatchedRun, "parent" | "traceId" | "spanId" | "seq" | "isClosed"> {
  if (known === undefined) return { parent, traceId: "", spanId: "", seq: 0, isClosed: false };
  const { traceId, spanId, seq, isTerminal } = known;
  return { parent: known.parent, traceId, spanId, seq: seq + 1, isClosed: isTerminal };
}

/** Writes all that is known, each time with a higher `seq`. */
function write(runtime: Runtime, run: WatchedRun, span: RecordingSpan, plan: Plan): void {
  const { state, decisions, seq } = run;
  const [agent, ...children] = plan.spans;
  const { traceId, spanId, trace } = span;
  const { status, isTerminal } = plan;
  decide(decisions, plan);
  run.seq++;
  remember(runtime, state.id, { parent: run.parent!, traceId, spanId, seq, status, isTerminal, isOnWire: true }, plan);
  span.update({ name: agent.name });
  finish(span, agent);
  for (const child of children) finish(begin(runtime, { traceId, spanId, trace }, child, seq), child);
  if (isTerminal) endAdmission(state.id);
}

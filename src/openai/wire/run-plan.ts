import { field, known, moment, text } from "../fields.ts";
import type { Items } from "../lists.ts";
import type { Plan, PlannedSpan } from "../plan.ts";
import { readRun } from "../read.ts";
import { isTerminal } from "../run-spans.ts";
import { planRun } from "../run-tree.ts";
import { shownSpan } from "./call-span.ts";
import type { Wire } from "./chunk-head.ts";
import { listOf, type RunState, statusOf } from "./run-state.ts";
import { onOurClock } from "./run-times.ts";

/** The step of calls whose step has not been seen. */
const UNSEEN = "unseen:";

/** What the first writing of a run has decided, and later ones keep. */
export interface RunDecisions {
  /** Where the tokens stand: with the run, or with these steps. */
  usageOn: "run" | ReadonlySet<string> | undefined;
  /** By the call's id: the key of a tool span that was written before its step was seen. */
  readonly toolKeys: Map<string, readonly string[]>;
}

export function newDecisions(): RunDecisions {
  return { usageOn: undefined, toolKeys: new Map() };
}

/** All that is known of a run as spans, with what only the wire knows of it. */
export function planKnownRun(state: RunState, decisions: RunDecisions, nowMs: number): Plan {
  const { id, said, threadId } = state;
  const run = readRun(state.run ?? { id, thread_id: threadId });
  const onSteps = decisions.usageOn instanceof Set;
  const plan = planRun({
    run: { ...run, usage: onSteps ? undefined : run.usage },
    steps: stepsOf(state, decisions),
    messages: messagesOf(state),
    threadId: run.threadId ?? threadId,
    assistant: said.assistant,
    input: said.input,
    output: said.output,
    // What has ended is as old as its last news; what has not is still going on, or silent, now.
    observedMs: isTerminal(run.status) ? state.seenMs : nowMs,
    ...(state.startedAt !== undefined && { startedAt: state.startedAt }),
    ...(state.cancellingSince !== undefined && { cancellingSince: state.cancellingSince }),
  });
  const [agent, ...children] = onOurClock(plan.spans, state);
  const shown = (span: PlannedSpan): PlannedSpan => shownSpan(span, state);
  return {
    ...plan,
    spans: [shown(agentOf(state, agent)), ...children.map((child) => shown(childOf(state, decisions, child)))],
  };
}

/** Notes where the tokens and the tools stand, once they are written. */
export function decide(decisions: RunDecisions, plan: Plan): void {
  decideUsage(decisions, plan.spans);
  for (const { key, patch } of plan.spans) {
    const callId = patch.genAi?.tool?.callId;
    if (callId !== undefined && key[1]?.startsWith(UNSEEN)) decisions.toolKeys.set(callId, key);
  }
}

/** The same of the tokens alone. */
export function decideUsage(decisions: RunDecisions, spans: readonly PlannedSpan[]): void {
  const chats = spans.filter(({ type }) => type === "generation");
  if (chats.length === 0) return;
  const steps = chats.flatMap(({ key }) => (key.length === 3 ? [key[1]!] : []));
  decisions.usageOn ??= steps.length === 0 ? "run" : new Set(steps);
}

function agentOf(state: RunState, agent: PlannedSpan): PlannedSpan {
  const { polls, http, firstChunkMs, steps } = state;
  const { genAi } = agent.patch;
  const { count, maxPerSecond } = polls;
  const error = hasEnded(state) ? undefined : state.streamError;
  return {
    ...agent,
    patch: {
      ...agent.patch,
      ...(firstChunkMs !== undefined && { completionStartTime: firstChunkMs }),
      ...(http !== undefined && { http: count === 0 ? http : { ...http, polls: { count, maxPerSecond } } }),
      genAi: {
        ...genAi,
        provider: state.provider,
        ...(http?.stream !== undefined && { stream: true }),
        openai: {
          ...genAi?.openai,
          ...known({ errorCode: error?.code, errorMessage: error?.message }),
          stepCount: steps.size === 0 ? undefined : steps.size,
        },
      },
    },
  };
}

function childOf(state: RunState, decisions: RunDecisions, child: PlannedSpan): PlannedSpan {
  const { genAi } = child.patch;
  const { runStepId, ...openai } = genAi?.openai ?? {};
  const isUnseen = runStepId?.startsWith(UNSEEN) ?? true;
  const callId = genAi?.tool?.callId;
  return {
    ...child,
    key: (callId === undefined ? undefined : decisions.toolKeys.get(callId)) ?? child.key,
    patch: {
      ...child.patch,
      genAi: { ...genAi, provider: state.provider, openai: isUnseen ? openai : { ...openai, runStepId: runStepId! } },
    },
  };
}

/** Steps without the tokens that stand elsewhere, and the calls that are known from the run alone. */
function stepsOf(state: RunState, { usageOn }: RunDecisions): Items {
  const steps = state.steps.values();
  const counted = (step: Wire): boolean => usageOn === undefined || (usageOn !== "run" && usageOn.has(step.id));
  const seen = steps.map((step) => ({ ...withOutputs(state, step), ...(!counted(step) && { usage: null }) }));
  const items = ordered([...seen, ...unseenSteps(state, steps)]);
  const missing = whyMissing(state.stepsMissing, state.steps.isFull, state.stepsListed || state.steps.size > 0);
  return { items, newestFirst: false, ...(missing !== undefined && { missing }) };
}

/** A step that was seen before the outputs were submitted does not have them. */
function withOutputs(state: RunState, step: Wire): Wire {
  const details = field(step, "step_details");
  const calls = listOf(field(details, "tool_calls"));
  const lacks = (call: Wire) => call["function"]?.output == null && state.calls.get(call["id"])?.output !== undefined;
  if (!calls.some(lacks)) return step;
  const tool_calls = calls.map((call) => {
    if (!lacks(call)) return call;
    return { ...call, function: { ...call["function"], output: state.calls.get(call["id"])!.output } };
  });
  return { ...step, step_details: { ...details, tool_calls } };
}

function unseenSteps(state: RunState, steps: readonly Wire[]): Wire[] {
  const seen = new Set(steps.flatMap((step) => callIds(step)));
  const groups = new Map<number, Wire[]>();
  for (const [id, { call, askedMs, output, answeredMs }] of state.calls) {
    if (seen.has(id)) continue;
    const group = groups.get(askedMs) ?? [];
    groups.set(askedMs, [...group, { call, output, answeredMs }]);
  }
  return [...groups].map(([askedMs, calls]) => {
    const tool_calls = calls.map(({ call, output }) => {
      return { ...call, function: { ...field(call, "function"), ...(output !== undefined && { output }) } };
    });
    const answeredMs = calls.every((call) => call["answeredMs"] !== undefined) ? calls[0]!["answeredMs"] : null;
    return {
      id: `${UNSEEN}${calls[0]!["call"].id}`,
      created_at: askedMs,
      completed_at: answeredMs,
      step_details: { type: "tool_calls", tool_calls },
    };
  });
}

function callIds(step: Wire): string[] {
  return listOf(field(field(step, "step_details"), "tool_calls")).map((call) => String(call["id"]));
}

function messagesOf(state: RunState): Items {
  const { thread, id } = state;
  const { messages, asked, listedMs } = thread;
  const known = messages.values();
  const items = ordered([...(listedMs !== undefined ? [] : asked), ...known]);
  const hasOwn = known.some((message) => field(message, "run_id") === id);
  const missing = whyMissing(thread.missing, messages.isFull, hasOwn || isListedSince(state));
  if (!state.captures.output) return { items, newestFirst: false, missing: "not captured" };
  return { items, newestFirst: false, ...(missing !== undefined && { missing }) };
}

/** A list that was read while the run went on says nothing of its answer. */
function isListedSince({ thread: { listedMs }, endedMs }: RunState): boolean {
  return listedMs !== undefined && (endedMs === undefined || listedMs >= endedMs);
}

function whyMissing(reason: string | undefined, isFull: boolean, isKnown: boolean): string | undefined {
  if (isFull) return "too large to keep";
  return reason ?? (isKnown ? undefined : "not listed");
}

/** Oldest first. Times are whole seconds: of two in one, the first that came is the first. */
function ordered(objects: readonly Wire[]): Wire[] {
  const timed = objects.map((object) => ({ object, at: moment(field(object, "created_at")) ?? 0 }));
  return timed.sort((a, b) => a.at - b.at).map(({ object }) => object);
}

/** Whether a message can be part of what a run was asked or has answered. */
export function concerns(state: RunState, message: Wire): boolean {
  const owner = text(field(message, "run_id"));
  if (owner !== undefined && owner === state.id) return true;
  const created = moment(field(state.run, "created_at"));
  return created === undefined || (moment(field(message, "created_at")) ?? 0) <= created;
}

export function hasEnded(state: RunState): boolean {
  return isTerminal(statusOf(state));
}

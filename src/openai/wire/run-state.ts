import type { HttpCall } from "../../core/record.ts";
import { field, moment, text } from "../fields.ts";
import { isTerminal } from "../run-spans.ts";
import type { Failure } from "../shapes.ts";
import type { Wire } from "./chunk-head.ts";
import type { Exchange } from "./exchange.ts";
import { newPolls, type Polls } from "./polls.ts";
import type { StepTimes } from "./run-times.ts";
import { createShelf, isSame, type Shelf } from "./shelf.ts";

/** What has been seen of a thread: its messages, by whatever request. */
export interface ThreadState {
  readonly messages: Shelf;
  /** What requests put in without an answer that gives it an id. */
  readonly asked: Wire[];
  /** When a list with all messages, or all of a run, was last seen; else why they are not all known. */
  listedMs: number | undefined;
  missing: string | undefined;
}

/** A function that the run asked for, and its output once that has been submitted. */
export interface AskedCall {
  readonly call: Wire;
  readonly askedMs: number;
  output: unknown;
  answeredMs: number | undefined;
}

/** What has been seen of a run, by whatever requests. */
export interface RunState {
  readonly id: string;
  thread: ThreadState;
  threadId: string | undefined;
  /** Its newest state. */
  run: Wire | undefined;
  readonly steps: Shelf;
  stepsListed: boolean;
  stepsMissing: string | undefined;
  readonly calls: Map<string, AskedCall>;
  /** Epoch seconds: the first one seen. */
  startedAt: number | undefined;
  cancellingSince: number | undefined;
  /** Epoch milliseconds. */
  seenMs: number;
  readonly sentMs: number | undefined;
  readonly answeredMs: number | undefined;
  endedMs: number | undefined;
  isEndStreamed: boolean;
  readonly stepTimes: Map<string, StepTimes>;
  firstChunkMs: number | undefined;
  readonly provider: string;
  readonly captures: Exchange["captures"];
  http: HttpCall | undefined;
  readonly polls: Polls;
  /** By which a stream ended, as the host had it. */
  streamError: Failure | undefined;
  /** Given by the user, instead of what the messages say. */
  said: { assistant: unknown; input: unknown; output: unknown };
}

/** More is no set of functions that a run waits for. */
const MAX_CALLS = 1000;
const MAX_ASKED = 100;
const MAX_TIMES = 1000;

export function newThread(): ThreadState {
  return { messages: createShelf(), asked: [], listedMs: undefined, missing: undefined };
}

export function newRun(
  id: string,
  thread: ThreadState,
  seen: Pick<RunState, "threadId" | "provider" | "captures" | "sentMs" | "answeredMs">,
): RunState {
  return {
    ...seen,
    id,
    thread,
    run: undefined,
    steps: createShelf(),
    stepsListed: false,
    stepsMissing: undefined,
    calls: new Map(),
    startedAt: undefined,
    cancellingSince: undefined,
    seenMs: 0,
    endedMs: undefined,
    isEndStreamed: false,
    stepTimes: new Map(),
    firstChunkMs: undefined,
    http: undefined,
    polls: newPolls(),
    streamError: undefined,
    said: { assistant: undefined, input: undefined, output: undefined },
  };
}

export function statusOf(state: RunState): string {
  return text(field(state.run, "status")) ?? "unknown";
}

/** The run as an answer or an event has it. True: that is news. A terminal state is never left: answers may overtake. */
export function takeRun(state: RunState, run: Wire, nowMs: number): boolean {
  const status = text(field(run, "status")) ?? "unknown";
  const isNothing = status === "unknown" && state.run !== undefined;
  if (isNothing || (isTerminal(statusOf(state)) && !isTerminal(status))) return false;
  state.seenMs = nowMs;
  if (isTerminal(status)) state.endedMs ??= nowMs;
  state.startedAt ??= secondsOf(field(run, "started_at"));
  if (status === "cancelling") state.cancellingSince ??= Math.floor(nowMs / 1000);
  const required = field(field(run, "required_action"), "submit_tool_outputs");
  for (const call of listOf(field(required, "tool_calls"))) {
    const id = text(field(call, "id"));
    if (id === undefined || state.calls.has(id) || state.calls.size >= MAX_CALLS) continue;
    state.calls.set(id, { call, askedMs: nowMs, output: undefined, answeredMs: undefined });
  }
  const isNews = !isSame(state.run, run);
  state.run = run;
  return isNews;
}

/** A step that has ended does not go on: what says so is an older answer. */
export function takeStep(state: RunState, step: Wire): boolean {
  const id = text(field(step, "id"));
  if (id === undefined) return false;
  const ended = text(field(state.steps.get(id), "status")) ?? "in_progress";
  if (ended !== "in_progress" && field(step, "status") === "in_progress") return false;
  return state.steps.put(id, step);
}

/** An event about a step: it came when it happened. */
export function timeStep({ stepTimes }: RunState, step: Wire, nowMs: number): void {
  const id = text(field(step, "id"));
  if (id === undefined || (!stepTimes.has(id) && stepTimes.size >= MAX_TIMES)) return;
  const isOpen = text(field(step, "status")) === "in_progress";
  const known = stepTimes.get(id);
  // A resumed stream begins with the end of a step: its start is as the API has it.
  if (known !== undefined && !isOpen) known.endMs ??= nowMs;
  else if (known === undefined && isOpen) stepTimes.set(id, { startMs: nowMs, endMs: undefined });
}

/** One page of a list, in the order of time. */
export function takeSteps(state: RunState, page: unknown, newestFirst: boolean): boolean {
  let isNews = false;
  for (const step of inOrder(page, newestFirst)) isNews = takeStep(state, step) || isNews;
  if (field(page, "has_more") !== true) state.stepsListed = true;
  state.stepsMissing = state.stepsListed ? undefined : "there are more pages";
  return isNews;
}

/** The messages of one page that say something new. */
export function takeMessages(thread: ThreadState, page: unknown, newestFirst: boolean, nowMs: number): Wire[] {
  const news = inOrder(page, newestFirst).filter((message) => takeMessage(thread, message));
  if (field(page, "has_more") !== true) thread.listedMs = nowMs;
  thread.missing = thread.listedMs !== undefined ? undefined : "there are more pages";
  return news;
}

export function takeMessage(thread: ThreadState, message: Wire): boolean {
  const id = text(field(message, "id"));
  return id !== undefined && thread.messages.put(id, message);
}

/** Messages of a request: they come to have ids that the answer does not tell, and the time of what was created with them. */
export function takeAsked(thread: ThreadState, messages: unknown, created: unknown): void {
  for (const message of listOf(messages)) {
    if (thread.asked.length >= MAX_ASKED) return;
    thread.asked.push({ ...message, created_at: field(created, "created_at") });
  }
}

/** `tool_outputs` of a request. */
export function takeOutputs(state: RunState, outputs: unknown, nowMs: number): void {
  for (const output of listOf(outputs)) {
    const asked = state.calls.get(String(field(output, "tool_call_id")));
    if (asked === undefined) continue;
    asked.output = field(output, "output");
    asked.answeredMs ??= nowMs;
  }
}

export function listOf(list: unknown): Wire[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === "object" && item !== null) : [];
}

function inOrder(page: unknown, newestFirst: boolean): Wire[] {
  const items = Array.isArray(page) ? listOf(page) : listOf(field(page, "data"));
  return newestFirst ? items.reverse() : items;
}

function secondsOf(time: unknown): number | undefined {
  const ms = moment(time);
  return ms === undefined ? undefined : Math.floor(ms / 1000);
}

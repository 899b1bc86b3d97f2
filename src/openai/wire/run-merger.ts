import { field, text } from "../fields.ts";
import { isObject, type Wire } from "./chunk-head.ts";
import { type RunState, takeMessage, takeRun, takeStep, timeStep } from "./run-state.ts";

/** What an event of a run's stream is about, by its data: the event's name is not always right. */
export type RunEventKind = "run" | "step" | "step.delta" | "message" | "message.delta" | "thread" | undefined;

const KINDS: { readonly [object: string]: RunEventKind } = {
  "thread.run": "run",
  "thread.run.step": "step",
  "thread.run.step.delta": "step.delta",
  "thread.message": "message",
  "thread.message.delta": "message.delta",
  thread: "thread",
};

export function runEventKind(name: string | undefined, data: unknown): RunEventKind {
  if (!isObject(data)) return undefined;
  const object = text(data.object);
  if (object !== undefined && Object.hasOwn(KINDS, object)) return KINDS[object];
  // `thread.run.step.completed` is about a `thread.run.step`.
  const subject = name?.slice(0, name.lastIndexOf(".")) ?? "";
  if (name?.endsWith(".delta") && Object.hasOwn(KINDS, name)) return KINDS[name];
  return Object.hasOwn(KINDS, subject) ? KINDS[subject] : undefined;
}

const STATUSES: ReadonlySet<string> = new Set([
  "queued",
  "in_progress",
  "requires_action",
  "cancelling",
  "completed",
  "incomplete",
  "failed",
  "cancelled",
  "expired",
]);

/** An event of a run whose name says another status than its data, which is what counts. */
export function mismatchOf(name: string | undefined, run: Wire): { event: string; status: string } | undefined {
  const said = name?.startsWith("thread.run.") ? name.slice("thread.run.".length) : "";
  const status = text(run.status);
  if (status === undefined || !STATUSES.has(said) || said === status) return undefined;
  return { event: name!, status };
}

/**
 * Adds one event of a stream to what is known of the run. Objects come whole and replace what was there; the pieces
 * (`delta`) only matter where a stream breaks before the whole. No event needs another one before it.
 */
export function mergeRunEvent(state: RunState, kind: RunEventKind, data: Wire, nowMs: number): boolean {
  state.seenMs = nowMs;
  if (kind === "run") return takeStreamedRun(state, data, nowMs);
  if (kind === "step") {
    timeStep(state, data, nowMs);
    return takeStep(state, data);
  }
  if (kind === "message") return takeMessage(state.thread, data);
  if (kind === "message.delta") mergeMessage(state, data, nowMs);
  else if (kind === "step.delta") mergeStep(state, data, nowMs);
  return false;
}

function takeStreamedRun(state: RunState, run: Wire, nowMs: number): boolean {
  const { endedMs } = state;
  const isNews = takeRun(state, run, nowMs);
  if (endedMs === undefined && state.endedMs !== undefined) state.isEndStreamed = true;
  return isNews;
}

/** More parts, or calls of one step, no message or step has. */
const MAX_INDEX = 1000;

function indexOf(part: Wire, fallback: number): number | undefined {
  const index = typeof part.index === "number" ? part.index : fallback;
  return Number.isInteger(index) && index >= 0 && index < MAX_INDEX ? index : undefined;
}

function mergeMessage(state: RunState, data: Wire, nowMs: number): void {
  const id = text(data.id);
  if (id === undefined || !isObject(data.delta)) return;
  const { messages } = state.thread;
  let message = messages.get(id);
  if (message === undefined) {
    message = { id, role: "assistant", run_id: state.id, created_at: nowMs, status: "in_progress", content: [] };
    if (!messages.put(id, message)) return;
  }
  if (message.status === "completed" || message.status === "incomplete") return;
  if (!Array.isArray(message.content)) message.content = [];
  for (const part of Array.isArray(data.delta.content) ? data.delta.content : []) {
    const index = isObject(part) ? indexOf(part, 0) : undefined;
    if (index === undefined) continue;
    // Parts come in their order; one that was skipped was not seen.
    const at = Math.min(index, message.content.length);
    const { index: _, ...rest } = part;
    const known = message.content[at];
    if (known === undefined) message.content[at] = started(rest, messages.take);
    else mergeText(known, rest, messages.take);
  }
}

function started(part: Wire, take: (text: string) => string): Wire {
  if (!isObject(part.text)) return part;
  return { ...part, text: { annotations: [], ...part.text, value: take(String(part.text.value ?? "")) } };
}

function mergeText(part: Wire, delta: Wire, take: (text: string) => string): void {
  if (typeof delta.refusal === "string") part.refusal = (part.refusal ?? "") + take(delta.refusal);
  if (!isObject(delta.text)) return;
  part.text ??= { value: "", annotations: [] };
  if (typeof delta.text.value === "string") part.text.value = (part.text.value ?? "") + take(delta.text.value);
  if (!Array.isArray(delta.text.annotations) || !Array.isArray(part.text.annotations)) return;
  for (const annotation of delta.text.annotations) {
    if (part.text.annotations.length < MAX_INDEX) part.text.annotations.push(annotation);
  }
}

function mergeStep(state: RunState, data: Wire, nowMs: number): void {
  const id = text(data.id);
  const details = field(data.delta, "step_details");
  if (id === undefined || !isObject(details)) return;
  let step = state.steps.get(id);
  if (step === undefined) {
    step = { id, run_id: state.id, status: "in_progress", created_at: nowMs, step_details: { type: details.type } };
    if (!state.steps.put(id, step)) return;
  }
  if (step.status !== "in_progress") return;
  step.step_details ??= { type: details.type };
  if (isObject(details.message_creation)) step.step_details.message_creation = details.message_creation;
  if (!Array.isArray(details.tool_calls)) return;
  if (!Array.isArray(step.step_details.tool_calls)) step.step_details.tool_calls = [];
  const calls: Wire[] = step.step_details.tool_calls;
  for (const delta of details.tool_calls) {
    const index = isObject(delta) ? indexOf(delta, calls.length) : undefined;
    if (index === undefined) continue;
    const at = Math.min(index, calls.length);
    calls[at] = mergeCall(calls[at], delta, state.steps.take);
  }
}

/** Arguments and code come in pieces, everything else whole. */
const IN_PIECES: ReadonlySet<string> = new Set(["arguments", "input"]);

function mergeCall(call: Wire | undefined, delta: Wire, take: (text: string) => string): Wire {
  const merged: Wire = { ...call };
  for (const [key, value] of Object.entries(delta)) {
    if (key === "index" || value === undefined || value === null) continue;
    merged[key] = isObject(value) ? mergeDetails(merged[key], value, take) : value;
  }
  return merged;
}

function mergeDetails(known: unknown, delta: Wire, take: (text: string) => string): Wire {
  const merged: Wire = isObject(known) ? known : {};
  for (const [key, value] of Object.entries(delta)) {
    if (value === undefined || value === null) continue;
    if (IN_PIECES.has(key) && typeof value === "string") merged[key] = (merged[key] ?? "") + take(value);
    else if (Array.isArray(value) && Array.isArray(merged[key]))
      merged[key] = [...merged[key], ...value].slice(0, MAX_INDEX);
    else merged[key] = typeof value === "string" ? take(value) : value;
  }
  return merged;
}

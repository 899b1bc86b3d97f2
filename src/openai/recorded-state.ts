import { guard } from "../core/guard.ts";
import { perRuntime, type Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import type { SpanRef } from "../core/start.ts";
import type { Plan } from "./plan.ts";

/** What is remembered of an object that has been recorded. */
export interface RecordedState {
  /** Decided by the first recording. Without a `spanId` the object is the root of its trace. */
  readonly parent: Span | SpanRef;
  readonly traceId: string;
  /** Where every later recording goes. */
  readonly spanId: string;
  /** Of the last writing. */
  readonly seq: number;
  readonly status: string;
  readonly isTerminal: boolean;
  /** For those that go on from it. */
  readonly conversationId?: string | undefined;
  /** How old the object was at the last writing. */
  readonly ageMs?: number;
  /** The wire wrote it, or is going to. */
  readonly isOnWire?: boolean;
  /** Its span is open on the wire, which will write it. */
  readonly isOpen?: boolean;
  /** Ends the open span as far as it has come, so that a recording of the object's end can go on from there. */
  readonly giveWay?: () => void;
}

/** An object is recorded again within minutes; one that has been pushed out starts afresh. */
const MAX_OBJECTS = 10_000;
/** Of all plans; beyond it the oldest are forgotten, and what they knew is not carried on. */
const MAX_PLAN_CHARACTERS = 16 * 1024 * 1024;

interface Memory {
  readonly states: Map<string, RecordedState>;
  /** As JSON: what a user's value was at its recording, whatever becomes of it. */
  readonly plans: Map<string, string>;
  characters: number;
}

/** The state of an object under this configuration, by its id; the one asked for becomes the newest. */
export function recall(runtime: Runtime, id: string): RecordedState | undefined {
  const { states } = memoryOf(runtime);
  const state = states.get(id);
  if (state === undefined) return undefined;
  states.delete(id);
  states.set(id, state);
  return state;
}

/** Whether an object that ends on the span of a call has been recorded whole by somebody else, with what it cost. */
export function isRecordedElsewhere(known: RecordedState | undefined, spanId: string): known is RecordedState {
  return known?.isTerminal === true && known.isOnWire !== true && known.spanId !== spanId;
}

/** What the last writing of an object said, if that is still known. */
export function recallPlan(runtime: Runtime, id: string): Plan | undefined {
  const text = memoryOf(runtime).plans.get(id);
  return text === undefined ? undefined : (JSON.parse(text) as Plan);
}

/** Notes the state of an object. Without its plan a later recording can only begin anew, and none follows a terminal one. */
export function remember(runtime: Runtime, id: string, state: RecordedState, plan?: Plan): void {
  if (id === "") return;
  const memory = memoryOf(runtime);
  forget(runtime, id);
  memory.states.set(id, state);
  if (memory.states.size > MAX_OBJECTS) forget(runtime, memory.states.keys().next().value!);
  const text = plan === undefined ? undefined : guard(() => JSON.stringify(plan, plainValue), undefined);
  if (text === undefined || text.length > MAX_PLAN_CHARACTERS) return;
  memory.plans.set(id, text);
  memory.characters += text.length;
  while (memory.characters > MAX_PLAN_CHARACTERS) forgetPlan(memory, memory.plans.keys().next().value!);
}

export function forget(runtime: Runtime, id: string): void {
  const memory = memoryOf(runtime);
  memory.states.delete(id);
  forgetPlan(memory, id);
}

function forgetPlan(memory: Memory, id: string): void {
  memory.characters -= memory.plans.get(id)?.length ?? 0;
  memory.plans.delete(id);
}

function plainValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function memoryOf(runtime: Runtime): Memory {
  return perRuntime(runtime, "recordedObjects", () => ({ states: new Map(), plans: new Map(), characters: 0 }));
}

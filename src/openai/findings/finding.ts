import type { FindingRecord, JsonObject } from "../../core/record.ts";
import type { Facts } from "./facts.ts";
import type { Limits } from "./options.ts";

/** What a rule says. At most one for each span, or one for the trace. */
export interface Finding {
  readonly severity: FindingRecord["severity"];
  /** The span it is about; absent: the trace. */
  readonly spanId?: string;
  /** What is wrong, in one sentence with its figures. */
  readonly message: string;
  /** What to do about it, in one sentence. */
  readonly nextStep: string;
  readonly evidence: JsonObject;
}

/** One run with what is known of its steps, by time. */
export interface RunFacts {
  readonly agent: Facts;
  /** The model calls that carry its tokens. */
  readonly calls: readonly Facts[];
  readonly tools: readonly Facts[];
}

/** What a rule looks at: one trace, and what came before it. */
export interface Scope {
  /** By start time. */
  readonly facts: readonly Facts[];
  readonly runs: readonly RunFacts[];
  /** Of this trace and of others before it, in order of arrival: runs, calls with tokens, requests over the limit. */
  readonly history: readonly Facts[];
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** The local root has ended: what the program was going to do in this trace, it has done. */
  readonly isOver: boolean;
  readonly options: Limits;
}

/** A pure function that names one thing that can go wrong. */
export interface Rule {
  readonly name: string;
  readonly run: (scope: Scope) => readonly Finding[];
}

export function scopeOf(
  facts: readonly Facts[],
  rest: { history: readonly Facts[]; nowMs: number; isOver: boolean; options: Limits },
): Scope {
  const ordered = [...facts].sort((a, b) => a.startMs - b.startMs);
  return { ...rest, facts: ordered, runs: runsOf(ordered) };
}

/** Spans belong to a run by its id, which all of them carry. */
export function runsOf(facts: readonly Facts[]): RunFacts[] {
  const parts = new Map<string, { agent: Facts | undefined; calls: Facts[]; tools: Facts[] }>();
  for (const fact of facts) {
    const { runId } = fact.openai;
    if (runId === undefined) continue;
    let run = parts.get(runId);
    if (run === undefined) parts.set(runId, (run = { agent: undefined, calls: [], tools: [] }));
    if (fact.type === "agent") run.agent ??= fact;
    else if (fact.type === "generation") run.calls.push(fact);
    else if (fact.type === "tool") run.tools.push(fact);
  }
  return [...parts.values()].flatMap(({ agent, ...rest }) => (agent === undefined ? [] : { agent, ...rest }));
}

/** When the newest state of a span was seen: for one that has not ended, the end of its record. */
export function observedMs(fact: Facts, { nowMs }: Scope): number {
  return fact.isUnfinished ? fact.endMs : nowMs;
}

/** `0.4 s`, `65 s`, `12 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  return seconds < 180 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** `1 run`, `3 runs`. */
export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** A run, response or request as people know it. */
export function nameOf({ openai, responseId, name }: Facts): string {
  if (openai.runId !== undefined) return `run ${openai.runId}`;
  return responseId === undefined ? `"${name}"` : `response ${responseId}`;
}

/** The same at the beginning of a sentence. */
export function subjectOf(fact: Facts): string {
  const name = nameOf(fact);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Evidence without what is not known. */
export function evidence(values: { readonly [name: string]: unknown }): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as JsonObject;
}

import type { Capture } from "../../core/capture.ts";
import type { Clock } from "../../core/clock.ts";
import { type Finder, registerFinder } from "../../core/finder.ts";
import { guard } from "../../core/guard.ts";
import { isLocalRoot } from "../../core/local-root.ts";
import type { FindingRecord, JsonObject, SpanRecord } from "../../core/record.ts";
import type { Draft } from "../../core/trace.ts";
import { type Facts, factsOf } from "./facts.ts";
import { scopeOf } from "./finding.ts";
import { createHistory } from "./history.ts";
import { checkOptions, type FindingsOptions } from "./options.ts";
import { findingId, look, type Named, recordOf } from "./records.ts";

/** Traces whose late records would still be recognised. */
const MAX_TRACES = 1_000;
const MAX_FACTS_PER_TRACE = 2_000;
/** Of all traces together: some 20 MB at most. */
const MAX_FACTS = 20_000;
/** Kept of a trace that is over, for what comes late: a trace may have roots without end, and each is looked at. */
const MAX_FACTS_WHEN_OVER = 250;

interface LiveTrace {
  readonly facts: Map<string, Facts>;
  /** Local roots that were exported before they ended. */
  readonly openRoots: Set<string>;
  rootsEnded: number;
  /** By id, what has been said, to tell whether it changes. */
  readonly said: Map<string, { readonly text: string; readonly seq: number }>;
  /** Something is new since it was looked at. */
  isDirty: boolean;
  /** It is to be looked at with the last of the records that wait together. */
  isDue: boolean;
  wasOver: boolean;
}

const NONE: readonly FindingRecord[] = [];

/**
 * Holds the facts of the traces of this process, and looks at a trace when its last open span has ended, when a local root of
 * it has, and when something comes after that.
 */
export function createFinder(options: FindingsOptions | undefined, clock: Clock, capture: Capture): Finder {
  const { limits, off } = checkOptions(options);
  const live = new Map<string, LiveTrace>();
  const history = createHistory();
  let total = 0;

  function see(draft: Draft, hasMore: boolean): readonly FindingRecord[] {
    const { record, trace } = draft;
    if (record.record !== "span") return NONE;
    const facts = factsOf(record);
    const isRoot = isLocalRoot(record);
    const known = facts === undefined ? live.get(record.traceId) : keep(facts);
    if (known === undefined) return NONE;
    const rootEnded = isRoot && noteRoot(known, record);
    known.isDue ||= rootEnded || trace.openSpans === 0;
    if (!known.isDue || hasMore) return NONE;
    known.isDue = false;
    return lookAt(known, draft);
  }

  function keep(facts: Facts): LiveTrace | undefined {
    const trace = touched(facts.traceId);
    const known = trace.facts.get(facts.spanId);
    if (known !== undefined && known.seq >= facts.seq) return trace;
    if (known === undefined) {
      if (trace.facts.size >= MAX_FACTS_PER_TRACE) return trace;
      total++;
    }
    trace.facts.set(facts.spanId, facts);
    trace.isDirty = true;
    history.add(facts, known);
    makeRoom();
    return trace;
  }

  /** The trace, as the newest of all. */
  function touched(traceId: string): LiveTrace {
    let trace = live.get(traceId);
    if (trace !== undefined) live.delete(traceId);
    else {
      trace = {
        facts: new Map(),
        openRoots: new Set(),
        rootsEnded: 0,
        said: new Map(),
        isDirty: false,
        isDue: false,
        wasOver: false,
      };
    }
    live.set(traceId, trace);
    return trace;
  }

  function makeRoom(): void {
    for (const [traceId, { facts }] of live) {
      if ((live.size <= MAX_TRACES && total <= MAX_FACTS) || live.size === 1) return;
      live.delete(traceId);
      total -= facts.size;
    }
  }

  function lookAt(trace: LiveTrace, draft: Draft): readonly FindingRecord[] {
    const isOver = trace.rootsEnded > 0 && trace.openRoots.size === 0;
    if (!trace.isDirty && isOver === trace.wasOver) return NONE;
    trace.isDirty = false;
    trace.wasOver = isOver;
    const nowMs = clock.epochMs();
    const scope = scopeOf([...trace.facts.values()], { history: history.facts, nowMs, isOver, options: limits });
    const found = look(scope, off).flatMap((finding) => news(trace, draft, finding, nowMs) ?? []);
    if (isOver) forgetOldest(trace);
    return found;
  }

  function forgetOldest({ facts, said }: LiveTrace): void {
    for (const spanId of facts.keys()) {
      if (facts.size <= MAX_FACTS_WHEN_OVER) break;
      facts.delete(spanId);
      total--;
    }
    for (const id of said.keys()) {
      if (said.size <= MAX_FACTS_WHEN_OVER) break;
      said.delete(id);
    }
  }

  /** The finding as a record, unless it has been said in the same words. */
  function news(trace: LiveTrace, draft: Draft, finding: Named, nowMs: number): FindingRecord | undefined {
    const traceId = draft.record.traceId!;
    const { name, severity, message, evidence } = finding;
    const text = JSON.stringify([name, severity, message, evidence]);
    const id = findingId(traceId, finding);
    const before = trace.said.get(id);
    if (before?.text === text) return undefined;
    const seq = before === undefined ? 0 : before.seq + 1;
    trace.said.set(id, { text, seq });
    return recordOf(masked(finding, capture), { id, traceId, trace: draft.trace.info, nowMs, seq });
  }

  return { see: (draft, hasMore = false) => guard(() => see(draft, hasMore), NONE) };
}

/** True when the root has ended. */
function noteRoot(trace: LiveTrace, { spanId, unfinished }: SpanRecord): boolean {
  if (unfinished === true) {
    trace.openRoots.add(spanId);
    return false;
  }
  trace.openRoots.delete(spanId);
  trace.rootsEnded++;
  return true;
}

/** What rules take from messages of errors and names of tools passes through the one door, as everything does. */
function masked(finding: Named, capture: Capture): Named {
  return {
    ...finding,
    message: capture.text(finding.message),
    nextStep: capture.text(finding.nextStep),
    evidence: (capture.value(finding.evidence, "evidence").value ?? {}) as JsonObject,
  };
}

registerFinder(({ clock, capture, options }) => createFinder(options, clock, capture));

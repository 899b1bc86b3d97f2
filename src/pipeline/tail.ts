import { isLocalRoot } from "../core/local-root.ts";
import type { TraceRecord } from "../core/record.ts";
import { seal } from "../core/trace.ts";
import type { TailRule } from "../sinks/sink.ts";
import type { Held } from "./budget.ts";
import { createChain, type Link } from "./chain.ts";

/** Records that wait for their trace to be decided. Each that is offered comes out exactly once, by whichever call. */
export interface Tail {
  readonly records: number;
  /** Estimated heap bytes of the records that wait. */
  readonly bytes: number;
  /** When `due` is to be called next, by `now`: it may be past. `Infinity`: nothing waits. */
  readonly dueAt: number;
  /** Takes a record. Decides nothing but to make room. */
  offer(held: Held): TailOutput;
  /** Decides what is due, some 256 records at a time: when more is due, `dueAt` is still past. */
  due(): TailOutput;
  /** Gives up one trace as if the buffer were full: for a lane whose shared memory is. */
  giveWay(): TailOutput;
  /** Decides the traces whose root has ended, without the rest of their grace: what `flush` can answer for. */
  decideEnded(): TailOutput;
  /** Decides everything by what is known: exit and shutdown. */
  decideAll(): TailOutput;
}

/** What came out: of each trace in the order in which it was offered. */
export interface TailOutput {
  readonly go: readonly Held[];
  readonly sampledOut: readonly Held[];
  /** For want of room: `tail_full`. */
  readonly dropped: readonly Held[];
}

type Decision = keyof TailOutput;

/** A trace that waits: in the chain of those that are going on, or in the one of those whose root has ended. */
interface Waiting extends Link<Waiting> {
  readonly traceId: string;
  readonly held: Held[];
  bytes: number;
  isEnded: boolean;
  dueAt: number;
}

/** Decisions kept for the records that come after them. */
const MAX_DECISIONS = 10_000;
/** What one call of `due` decides, more or less: `keepIf` takes up to 10 µs a trace, and the host's event loop waits. */
const DUE_RECORDS = 256;
const NOTHING: TailOutput = Object.freeze({ go: [], sampledOut: [], dropped: [] });

/**
 * Traces, each decided as a whole by `rule`. Pure but for `now` (monotonic milliseconds); O(1) for each record, amortised.
 *
 * When there is no room, the trace whose root ended first is decided at once; when none has ended, the oldest goes on
 * undecided or is dropped, as `whenFull` says. Later records of a trace follow its decision until that is forgotten.
 */
export function createTail(rule: TailRule, now: () => number): Tail {
  const waiting = new Map<string, Waiting>();
  // Each in the order in which its traces become due.
  const going = createChain<Waiting>();
  const ended = createChain<Waiting>();
  const decisions = createDecisions();
  const undecided: Decision = rule.whenFull === "keep" ? "go" : "dropped";
  let records = 0;
  let bytes = 0;

  function add(traceId: string, held: Held): void {
    const trace = waiting.get(traceId) ?? begin(traceId);
    trace.held.push(held);
    trace.bytes += held.draft.bytes;
    bytes += held.draft.bytes;
    records++;
    if (trace.isEnded || !endsTrace(held.draft.record)) return;
    going.remove(trace);
    trace.isEnded = true;
    trace.dueAt = now() + rule.graceMs;
    ended.push(trace);
  }

  function begin(traceId: string): Waiting {
    const trace: Waiting = { traceId, held: [], bytes: 0, isEnded: false, dueAt: now() + rule.maxWaitMs };
    waiting.set(traceId, trace);
    going.push(trace);
    return trace;
  }

  function isFull(): boolean {
    return waiting.size > rule.maxTraces || bytes > rule.maxBytes;
  }

  function giveUpOne(out: Output): void {
    const trace = ended.first ?? going.first;
    if (trace !== undefined) take(trace, trace.isEnded ? judge : () => undecided, out);
  }

  /** Out of the books first: a rule of the user's may well record something itself. */
  function take(trace: Waiting, decide: (trace: Waiting) => Decision, out: Output): void {
    waiting.delete(trace.traceId);
    (trace.isEnded ? ended : going).remove(trace);
    bytes -= trace.bytes;
    records -= trace.held.length;
    const decision = decide(trace);
    decisions.remember(trace.traceId, decision);
    for (const held of trace.held) out[decision].push(held);
  }

  /** A rule that fails keeps: what was lost by mistake is worse than what was kept by mistake. */
  function judge({ held }: Waiting): Decision {
    try {
      return rule.keep(held.map(({ draft }) => seal(draft))) ? "go" : "sampledOut";
    } catch {
      return "go";
    }
  }

  return {
    get records() {
      return records;
    },
    get bytes() {
      return bytes;
    },
    get dueAt() {
      return Math.min(ended.first?.dueAt ?? Number.POSITIVE_INFINITY, going.first?.dueAt ?? Number.POSITIVE_INFINITY);
    },
    offer(held) {
      const { traceId } = held.draft.record;
      const decision = traceId === undefined ? "go" : decisions.recall(traceId);
      if (decision !== undefined) return { ...NOTHING, [decision]: [held] };
      add(traceId!, held);
      if (!isFull()) return NOTHING;
      const out = newOutput();
      while (isFull()) giveUpOne(out);
      return out;
    },
    due() {
      const out = newOutput();
      const time = now();
      const leave = records - DUE_RECORDS;
      for (const chain of [ended, going]) {
        while (chain.first !== undefined && chain.first.dueAt <= time && records > leave) take(chain.first, judge, out);
      }
      return out;
    },
    giveWay() {
      const out = newOutput();
      giveUpOne(out);
      return out;
    },
    decideEnded() {
      const out = newOutput();
      // Counted beforehand: a rule of the user's may end further traces.
      for (let left = waiting.size; left > 0 && ended.first !== undefined; left--) take(ended.first, judge, out);
      return out;
    },
    decideAll() {
      const out = newOutput();
      for (let left = waiting.size; left > 0; left--) take((ended.first ?? going.first)!, judge, out);
      return out;
    },
  };
}

interface Output extends TailOutput {
  readonly go: Held[];
  readonly sampledOut: Held[];
  readonly dropped: Held[];
}

function newOutput(): Output {
  return { go: [], sampledOut: [], dropped: [] };
}

function endsTrace(record: TraceRecord): boolean {
  return isLocalRoot(record) && (record as { unfinished?: true }).unfinished !== true;
}

/** What was decided of the last traces; the oldest decision makes way. */
function createDecisions(): {
  recall(traceId: string): Decision | undefined;
  remember(traceId: string, decision: Decision): void;
} {
  const decisions = new Map<string, Decision>();
  const ring: string[] = [];
  let next = 0;
  return {
    recall: (traceId) => decisions.get(traceId),
    remember(traceId, decision) {
      if (!decisions.has(traceId)) {
        decisions.delete(ring[next]!);
        ring[next] = traceId;
        next = (next + 1) % MAX_DECISIONS;
      }
      decisions.set(traceId, decision);
    },
  };
}

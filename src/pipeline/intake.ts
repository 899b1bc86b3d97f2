import type { Finder } from "../core/finder.ts";
import { guard } from "../core/guard.ts";
import { markCopy } from "../core/line.ts";
import type { Cost, SpanRecord } from "../core/record.ts";
import type { Draft } from "../core/trace.ts";
import { totalUsd } from "../core/usd.ts";

/** What prices a record. The intake does not know price books; `configure` hands it this view of one. */
export interface Pricing {
  /** Reads the prices: some 35 ms, once. Absent when there is nothing to read. */
  prepare?(): void;
  /** The cost of the record, or `undefined` when it is not known. Says so once for each model. */
  costOf(record: SpanRecord): Cost | undefined;
}

export interface IntakeOptions {
  /** Absent: records keep the cost that they come with, or none. */
  readonly pricing?: Pricing | undefined;
  /** Asked until there is one: the rules may be loaded after `configure`. */
  readonly finder?: (() => Finder | undefined) | undefined;
  readonly emit: (draft: Draft) => void;
  /** `false`: the prices are read in the turn of the first record that needs them. Default: true. */
  readonly mayWait?: boolean;
}

/** What every finished record passes before the lanes: it gets its cost, then the rules look at it. */
export interface Intake {
  /** Never throws. Order is kept. */
  emit(draft: Draft): void;
  /** Lets everything go on that waits for prices; they are read now if they have not been. For flush and shutdown. */
  drain(): void;
  /** The same for process `exit`: from here on nothing waits. */
  finish(): void;
  /** Records that were priced in vain. */
  readonly unpriced: number;
}

/** Records that wait while the prices are read, at most; one turn of the event loop is seldom longer. */
const MAX_WAITING = 1_000;
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** What a cost adds to the estimated heap bytes of a record. */
const COST_BYTES = 160;
/** Estimated heap bytes of a finding: texts of two sentences and the values that its rule read. */
const FINDING_BYTES = 1_500;

/**
 * Reading the prices takes 35 ms, which is neither the user's call's nor `configure`'s to wait for: from the first record
 * that needs them, all records wait until a turn of their own has read them. Programs without such records never do.
 */
export function createIntake({ pricing, finder, emit, mayWait = true }: IntakeOptions): Intake {
  let isReady = pricing?.prepare === undefined;
  let waiting: Draft[] = [];
  let waitingBytes = 0;
  let unpriced = 0;
  let isFinished = !mayWait;
  let found: Finder | undefined;

  const price = (draft: Draft): Draft => {
    if (pricing === undefined || !needsPrice(draft)) return draft;
    const record = draft.record as SpanRecord;
    const cost = guard(() => pricing.costOf(record), undefined);
    if (cost === undefined) {
      unpriced++;
      return draft;
    }
    return { record: markCopy({ ...record, cost }, record), trace: draft.trace, bytes: draft.bytes + COST_BYTES };
  };

  const look = (draft: Draft, hasMore: boolean): void => {
    const { record } = draft;
    if (finder === undefined) return;
    if (found === undefined) {
      if (record.record !== "span" || !isOfInterest(record)) return;
      found = finder();
    }
    const findings = found?.see(draft, hasMore) ?? [];
    for (const finding of findings) emit({ record: finding, trace: draft.trace, bytes: FINDING_BYTES });
  };

  const pass = (draft: Draft, hasMore: boolean): void => {
    const priced = price(draft);
    guard(() => look(priced, hasMore), undefined);
    emit(priced);
  };

  const drain = (): void => {
    if (waiting.length === 0) return;
    if (!isReady) {
      isReady = true;
      guard(() => pricing?.prepare?.(), undefined);
    }
    const drafts = waiting;
    waiting = [];
    waitingBytes = 0;
    const last = lastOfTraces(drafts);
    for (const draft of drafts) pass(draft, last.get(draft.record.traceId) !== draft);
  };

  const wait = (draft: Draft): void => {
    waiting.push(draft);
    waitingBytes += draft.bytes;
    if (isFinished || waiting.length >= MAX_WAITING || waitingBytes > MAX_WAITING_BYTES) drain();
    // It keeps the process alive: otherwise the last records would go at `exit`, where only some sinks can write.
    else if (waiting.length === 1) setImmediate(drain);
  };

  return {
    emit(draft) {
      if (draft.isPlain === true && found === undefined && waiting.length === 0) emit(draft);
      else if (waiting.length > 0 || (!isReady && needsPrice(draft))) wait(draft);
      else pass(draft, false);
    },
    drain,
    finish() {
      isFinished = true;
      drain();
    },
    get unpriced() {
      return unpriced;
    },
  };
}

/** The last span of each trace: the trace may have ended before the first of them goes on. */
function lastOfTraces(drafts: readonly Draft[]): ReadonlyMap<string | undefined, Draft> {
  return new Map(drafts.flatMap((draft) => (draft.record.record === "span" ? [[draft.record.traceId, draft]] : [])));
}

/** Rules look at model calls, at requests and at errors of the API. */
function isOfInterest({ genAi, http, error }: SpanRecord): boolean {
  return genAi !== undefined || http !== undefined || error !== undefined;
}

/** Usage stands on model calls alone; a cost that is stated has the word. */
function needsPrice({ record }: Draft): boolean {
  if (record.record !== "span" || record.usage === undefined) return false;
  return (record.type === "generation" || record.type === "embedding") && totalUsd(record.cost) === undefined;
}

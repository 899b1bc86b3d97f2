import { isLocalRoot } from "../../core/local-root.ts";
import type { FindingRecord, TraceInfo, TraceRecord } from "../../core/record.ts";
import { type Facts, factsOf } from "./facts.ts";
import { scopeOf } from "./finding.ts";
import { createHistory } from "./history.ts";
import { checkOptions, type FindingsOptions } from "./options.ts";
import { findingId, look, recordOf } from "./records.ts";

interface TraceFacts {
  readonly traceId: string;
  info: TraceInfo;
  readonly facts: Facts[];
  rootsEnded: number;
  rootsOpen: number;
}

/**
 * What went wrong with the model calls and runs in these records, by 26 rules: stuck, expired and incomplete runs, quota
 * and rate limits, retries, lost streams, tool loops, caches that never hit. Takes records from anywhere, of any number of
 * traces: a memory sink, a store, or `readRecords`, for which it gives a promise; of a span that was written several times
 * the newest counts. Pure.
 *
 * The findings come by trace, in the order of their rules; the id of one is the same whenever it is found. They are the same
 * that the process itself sends when a trace has ended, once `sightline/openai` is loaded.
 *
 * @throws ConfigError for an option that does not exist or makes no sense
 * @example
 * for (const { name, message, nextStep } of findings(sink.records, { stuckAfterMs: 30_000, off: ["queue_delay"] })) {
 *   console.log(`${name}: ${message} ${nextStep}`);
 * }
 */
export function findings(records: Iterable<TraceRecord>, options?: FindingsOptions): FindingRecord[];
export function findings(records: AsyncIterable<TraceRecord>, options?: FindingsOptions): Promise<FindingRecord[]>;
export function findings(
  records: Iterable<TraceRecord> | AsyncIterable<TraceRecord>,
  options?: FindingsOptions,
): FindingRecord[] | Promise<FindingRecord[]> {
  const checked = checkOptions(options);
  return Symbol.asyncIterator in records
    ? collected(records).then((list) => findingsOf(list, checked))
    : findingsOf(records, checked);
}

async function collected(records: AsyncIterable<TraceRecord>): Promise<TraceRecord[]> {
  const list: TraceRecord[] = [];
  for await (const record of records) list.push(record);
  return list;
}

function findingsOf(
  records: Iterable<TraceRecord>,
  { limits, off, nowMs = Date.now() }: ReturnType<typeof checkOptions>,
): FindingRecord[] {
  const traces = tracesOf(records);
  const history = createHistory();
  return traces.flatMap(({ traceId, info, facts, rootsEnded, rootsOpen }) => {
    const isOver = rootsEnded > 0 && rootsOpen === 0;
    for (const fact of facts) history.add(fact);
    const scope = scopeOf(facts, { history: history.facts, nowMs, isOver, options: limits });
    const found = look(scope, off);
    return found.map((finding) => {
      const id = findingId(traceId, finding);
      return recordOf(finding, { id, traceId, trace: info, nowMs, seq: 0 });
    });
  });
}

/** By their first model call. */
function tracesOf(records: Iterable<TraceRecord>): TraceFacts[] {
  const traces = new Map<string, TraceFacts>();
  for (const { traceId, info, isRoot, isUnfinished, facts } of newest(records)) {
    let trace = traces.get(traceId);
    if (trace === undefined) traces.set(traceId, (trace = { traceId, info, facts: [], rootsEnded: 0, rootsOpen: 0 }));
    trace.info = info;
    if (isRoot) trace[isUnfinished ? "rootsOpen" : "rootsEnded"]++;
    if (facts !== undefined) trace.facts.push(facts);
  }
  const start = ({ facts }: TraceFacts) => facts.reduce((min, { startMs }) => Math.min(min, startMs), Infinity);
  return [...traces.values()].filter(({ facts }) => facts.length > 0).sort((a, b) => start(a) - start(b));
}

interface Seen {
  readonly traceId: string;
  readonly seq: number;
  readonly info: TraceInfo;
  readonly isRoot: boolean;
  readonly isUnfinished: boolean;
  readonly facts: Facts | undefined;
}

/** In order of arrival. What is no span, or no record at all, is left out. */
function newest(records: Iterable<TraceRecord>): Iterable<Seen> {
  const byId = new Map<string, Seen>();
  for (const record of records) {
    try {
      if (record?.record !== "span") continue;
      const { traceId, spanId, seq, trace: info } = record;
      if (typeof traceId !== "string" || typeof spanId !== "string") continue;
      const key = `${traceId} ${spanId}`;
      const known = byId.get(key);
      if (known !== undefined && !(seq > known.seq)) continue;
      const isUnfinished = record.unfinished === true;
      byId.set(key, { traceId, seq, info, isRoot: isLocalRoot(record), isUnfinished, facts: factsOf(record) });
    } catch {
      // A getter or a proxy that throws, and no fault of ours.
    }
  }
  return byId.values();
}

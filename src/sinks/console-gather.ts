import { toMillis } from "../core/clock.ts";
import { isRootHere } from "../core/local-root.ts";
import type { ErrorInfo, FindingRecord, ScoreRecord, SpanRecord, TraceInfo, TraceRecord } from "../core/record.ts";
import { buildTraces, rows, type SpanNode } from "../core/tree.ts";

/** What is printed at once: a whole trace, or what arrived after it. */
export interface Picture {
  readonly title: string;
  readonly info: TraceInfo;
  readonly roots: readonly SpanNode[];
  /** Scores that belong to no span of the picture. */
  readonly scores: readonly ScoreRecord[];
  /** Findings about the whole trace, and those about spans that are not in the picture. */
  readonly findings: readonly FindingRecord[];
  /** The time axis in epoch milliseconds; absent without spans. */
  readonly axis?: Axis | undefined;
  /** Why this is not a whole trace: `late, under get_response`. */
  readonly remark?: string | undefined;
}

export interface Axis {
  readonly start: number;
  readonly end: number;
}

/** Holds records until they make a picture. */
export interface Gathering {
  /** The pictures that the batch completes, and those that must go because too much waits. */
  add(batch: readonly TraceRecord[]): Picture[];
  /** All that still waits. */
  rest(): Picture[];
}

/** Traces that wait for their root, or whose late spans would still be recognised. */
const MAX_TRACES = 256;
/** Waiting records and known ids of printed spans over all traces: some 10 MB, as payloads are left out. */
const MAX_RECORDS = 10_000;

interface Held {
  readonly traceId: string;
  waiting: TraceRecord[];
  /** By span id, what has been printed. */
  readonly printed: Map<string, { readonly seq: number; readonly name: string }>;
  axis?: Axis;
}

/** A span can be printed when it is a local root, or when its parent or an earlier record of it has been printed. */
export function gather(): Gathering {
  const traces = new Map<string, Held>();

  /** True when the record, with what waits below it, can be printed now. */
  function hold(record: TraceRecord, held: Held): boolean {
    if (record.record !== "span") {
      held.waiting.push(record);
      return held.printed.size > 0;
    }
    const before = held.printed.get(record.spanId);
    if (before && before.seq >= record.seq) return false;
    held.waiting.push(withoutPayload(record));
    return isRootHere(record) || isLate(record, held);
  }

  function add(batch: readonly TraceRecord[]): Picture[] {
    const pictures: Picture[] = [];
    const ready = new Set<Held>();
    for (const record of batch) {
      const { traceId } = record;
      if (traceId === undefined) {
        const { trace, sessionId } = record as ScoreRecord;
        pictures.push({
          title: `session ${sessionId}`,
          info: trace,
          roots: [],
          scores: [record as ScoreRecord],
          findings: [],
        });
        continue;
      }
      let held = traces.get(traceId);
      if (!held) traces.set(traceId, (held = { traceId, waiting: [], printed: new Map() }));
      if (hold(record, held)) ready.add(held);
    }
    for (const held of ready) pictures.push(...take(held, false));
    for (let left = [...traces.values()]; isTooMuch(left); left = [...traces.values()]) {
      const held = left.find(({ waiting }) => waiting.length === 0) ?? left[0]!;
      pictures.push(...take(held, true));
      traces.delete(held.traceId);
    }
    return pictures;
  }

  return { add, rest: () => [...traces.values()].flatMap((held) => take(held, true)) };
}

/** Draws from what waits: trees that are complete, or everything. */
function take(held: Held, everything: boolean): Picture[] {
  const [tree] = buildTraces(held.waiting);
  if (!tree) return [];
  const whole: SpanNode[] = [];
  const late: SpanNode[] = [];
  const open: SpanNode[] = [];
  for (const root of tree.roots) {
    const ripe = everything || isRootHere(root.record);
    (isLate(root.record, held) ? late : ripe ? whole : open).push(root);
  }
  const canShow = everything || whole.length > 0 || held.printed.size > 0;
  let { scores, findings } = canShow ? tree : { scores: [], findings: [] };
  held.waiting = [...rows(open)].flatMap(({ node }) => [node.record, ...node.scores, ...node.findings]);
  if (!canShow) held.waiting.push(...tree.scores, ...tree.findings);

  const pictures: Picture[] = [];
  const picture = (roots: SpanNode[], axis: Axis | undefined, remark: string | undefined) => {
    pictures.push({ title: `trace ${shortId(tree.traceId)}`, info: tree.info, roots, scores, findings, axis, remark });
    scores = findings = [];
  };
  const isWhole = whole.every(({ record }) => isRootHere(record));
  if (whole.length > 0) picture(whole, axisOf(whole), isWhole ? undefined : "incomplete");
  const parents = new Set(late.map(({ record }) => held.printed.get(record.parentSpanId!)?.name));
  const [parent] = parents.size === 1 ? parents : [];
  if (late.length > 0) picture(late, axisOf(late, held.axis), parent ? `late, under ${parent}` : "late");
  if (scores.length + findings.length > 0) picture([], undefined, "late");

  if (whole.length + late.length > 0) held.axis = axisOf([...whole, ...late], held.axis);
  for (const { node } of rows([...whole, ...late])) {
    held.printed.set(node.record.spanId, { seq: node.record.seq, name: node.record.name });
  }
  return pictures;
}

/** The record with no more than is drawn: what waits must not keep inputs and outputs alive. */
function withoutPayload(record: SpanRecord): SpanRecord {
  const { input, output, events, links, metadata, attributes, genAi, error, ...drawn } = record;
  return {
    ...drawn,
    ...(genAi && { genAi: { requestModel: genAi.requestModel, responseModel: genAi.responseModel } }),
    ...(error && { error: shortened(error) }),
  } as SpanRecord;
}

function shortened({ type, message, status, causes }: ErrorInfo): ErrorInfo {
  const [cause] = causes ?? [];
  return {
    type,
    ...(message !== undefined && { message: message.slice(0, 500) }),
    ...(status !== undefined && { status }),
    ...(cause?.message !== undefined && { causes: [{ type: cause.type, message: cause.message.slice(0, 200) }] }),
  };
}

function isLate(record: SpanRecord, { printed }: Held): boolean {
  return printed.has(record.parentSpanId!) || printed.has(record.spanId);
}

function isTooMuch(traces: readonly Held[]): boolean {
  const records = traces.reduce((sum, { waiting, printed }) => sum + waiting.length + printed.size, 0);
  return traces.length > MAX_TRACES || records > MAX_RECORDS;
}

/** From the first root to the last end. A child that begins before its root has a coarser clock, as OpenAI's runs do. */
function axisOf(roots: readonly SpanNode[], known?: Axis): Axis {
  const start = known?.start ?? Math.min(...roots.map(({ record }) => toMillis(record.startTime)));
  let end = known?.end ?? start;
  for (const { node } of rows(roots)) end = Math.max(end, toMillis(node.record.endTime));
  return { start, end };
}

/** A UUIDv7 layout begins with the time, so that neighbours differ in the end only. */
function shortId(traceId: string): string {
  return traceId.length > 17 ? `${traceId.slice(0, 8)}…${traceId.slice(-8)}` : traceId;
}

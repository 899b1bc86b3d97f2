import type { TraceRecord } from "../core/record.ts";
import type { TraceQuery, TraceStore, TraceSummary } from "../store/trace-store.ts";

/** Spans that are fetched at once. */
const AT_ONCE = 64;

/**
 * All records of the traces that a query finds, newest traces first, some at a time: of each trace its spans by start, then
 * its scores and findings. `limit` is of traces. A trace that is deleted meanwhile is passed over.
 */
export async function* recordsOf(
  store: TraceStore,
  { limit, ...query }: TraceQuery = {},
): AsyncGenerator<readonly TraceRecord[]> {
  const project = query.project === undefined ? {} : { project: query.project };
  let small: TraceSummary[] = [];
  let spans = 0;

  const fetchSmall = async () => {
    const fetched = await Promise.all(small.map(({ traceId }) => wholeTrace(store, traceId, project)));
    small = [];
    spans = 0;
    return fetched.flat();
  };

  for await (const summary of summariesOf(store, { ...query, ...(limit !== undefined && { limit }) })) {
    if (spans + summary.spans > AT_ONCE && small.length > 0) yield await fetchSmall();
    if (summary.spans > AT_ONCE) yield* piecesOf(store, summary.traceId, project);
    else {
      small.push(summary);
      spans += summary.spans;
    }
  }
  if (small.length > 0) yield await fetchSmall();
}

/** `limit` may be more than a page; without it, all. */
export async function* summariesOf(
  store: TraceStore,
  { limit = Infinity, ...query }: TraceQuery,
): AsyncGenerator<TraceSummary> {
  let after: string | undefined;
  let left = limit;
  do {
    const page = await store.traces({ ...query, limit: Math.min(500, left), ...(after !== undefined && { after }) });
    yield* page.items;
    left -= page.items.length;
    after = page.next;
  } while (after !== undefined && left > 0);
}

async function wholeTrace(store: TraceStore, traceId: string, project: { project?: string }): Promise<TraceRecord[]> {
  const pieces: TraceRecord[] = [];
  for await (const piece of piecesOf(store, traceId, project)) pieces.push(...piece);
  return pieces;
}

async function* piecesOf(
  store: TraceStore,
  traceId: string,
  project: { project?: string },
): AsyncGenerator<readonly TraceRecord[]> {
  let after: string | undefined;
  do {
    const page = await store.spans(traceId, { ...project, ...(after !== undefined && { after }) });
    for (let i = 0; i < page.items.length; i += AT_ONCE) {
      const rows = page.items.slice(i, i + AT_ONCE);
      const records = await Promise.all(rows.map(({ spanId }) => store.span(traceId, spanId, project)));
      yield records.filter((record) => record !== undefined);
    }
    after = page.next;
  } while (after !== undefined);
  const { scores = [], findings = [] } = (await store.trace(traceId, project)) ?? {};
  if (scores.length + findings.length > 0) yield [...scores, ...findings];
}

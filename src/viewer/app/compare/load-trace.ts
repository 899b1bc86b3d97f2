import type { SpanRow, StoredTrace } from "../../../store/trace-store.ts";
import { api } from "../api.ts";

export interface LoadedTrace {
  readonly trace: StoredTrace;
  readonly spans: readonly SpanRow[];
  /** There are more spans than are compared. */
  readonly isCut: boolean;
}

/** More than this nobody reads side by side, and the rows of both must fit the browser's memory. */
const MOST = 20_000;
const PAGE = 10_000;

/** A trace with all its spans. Rejects with `ApiFailure`, 404 for one that is not known. */
export async function loadTrace(traceId: string, signal: AbortSignal): Promise<LoadedTrace> {
  const { spans: first, ...trace } = await api.trace(traceId, { signal });
  const spans = [...first.items];
  let after = first.next;
  while (after !== undefined && spans.length < MOST) {
    const page = await api.spans(traceId, { after, limit: PAGE }, { signal });
    spans.push(...page.items);
    after = page.next;
  }
  return { trace, spans: spans.slice(0, MOST), isCut: after !== undefined || spans.length > MOST };
}

import { type ReadonlySignal, signal } from "@preact/signals";
import type { TraceAnswer } from "../../../collector/api.ts";
import type { SpanRow } from "../../../store/trace-store.ts";
import { api } from "../api.ts";
import { onTail } from "../live.ts";
import { paced } from "./paced.ts";
import { spanPages } from "./span-pages.ts";

const PAGE = 10_000;
const REFRESH_MS = 1_500;

export interface TraceLoader {
  readonly answer: ReadonlySignal<TraceAnswer | undefined>;
  readonly error: ReadonlySignal<Error | undefined>;
  /** Spans received so far, and whether that is all. */
  readonly loading: ReadonlySignal<{ readonly spans: number; readonly isDone: boolean }>;
  reload(): void;
  stop(): void;
}

/** Gets a trace page by page, and again what changes; `show` is told of all its spans. */
export function traceLoader(traceId: string, show: (spans: Iterable<SpanRow>) => void): TraceLoader {
  const spans = new Map<string, SpanRow>();
  const answer = signal<TraceAnswer | undefined>(undefined);
  const error = signal<Error | undefined>(undefined);
  const loading = signal({ spans: 0, isDone: false });
  let abort = new AbortController();

  const keep = (rows: readonly SpanRow[]) => {
    for (const row of rows) {
      const known = spans.get(row.spanId);
      if (!known || row.seq >= known.seq) spans.set(row.spanId, row);
    }
  };
  const pages = spanPages((after) => api.spans(traceId, { after, limit: PAGE }, { signal: abort.signal }));
  const showLast = () => {
    show(spans.values());
    loading.value = { spans: spans.size, isDone: true };
  };
  /** Draws what comes anew each time that twice as much is there: all in all twice the work of drawing once. */
  const showAll = async (parts: AsyncIterable<readonly SpanRow[]>) => {
    let shown = spans.size;
    if (shown > 0) show(spans.values());
    for await (const items of parts) {
      keep(items);
      // What is only looked up again stays whole meanwhile.
      if (!loading.peek().isDone) loading.value = { spans: spans.size, isDone: false };
      if (spans.size < 2 * shown) continue;
      shown = spans.size;
      show(spans.values());
    }
    showLast();
  };
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
      error.value = undefined;
    } catch (problem) {
      if ((problem as Error).name !== "AbortError") error.value = problem as Error;
    }
  };
  const load = () => {
    abort.abort();
    abort = new AbortController();
    return attempt(async () => {
      const first = await api.trace(traceId, { signal: abort.signal });
      keep(first.spans.items);
      answer.value = first;
      await showAll(pages.all(first.spans.next));
    });
  };
  /** What has changed, as far as that can be told from the summary. */
  const lookAgain = () =>
    attempt(async () => {
      const before = answer.peek();
      const first = await api.trace(traceId, { signal: abort.signal });
      answer.value = first;
      const { summary, spans: page } = first;
      if (loading.peek().isDone && JSON.stringify(before?.summary) === JSON.stringify(summary)) return;
      keep(page.items);
      for await (const items of pages.again(page.next)) keep(items);
      if (spans.size < summary.spans) for await (const items of pages.all(page.next)) keep(items);
      showLast();
    });

  let loaded = load();
  const refresh = paced(() => loaded.then(lookAgain), REFRESH_MS);
  const endTail = onTail((event) => {
    if (event.event === "monitors") return;
    // How far a file is read is told at once, and it may have reached the trace before changes are heard of.
    if (event.event === "changed" && event.traceIds.length > 0 && !event.traceIds.includes(traceId)) return;
    refresh.ask();
  });
  return {
    answer,
    error,
    loading,
    reload() {
      loaded = load();
    },
    stop() {
      abort.abort();
      refresh.stop();
      endTail();
    },
  };
}

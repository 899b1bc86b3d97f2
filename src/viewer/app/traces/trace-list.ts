import { batch, type ReadonlySignal, signal } from "@preact/signals";
import type { Page, TraceQuery, TraceSummary } from "../../../store/trace-store.ts";

export interface TraceListState {
  readonly items: readonly TraceSummary[];
  /** There are more. */
  readonly next?: string | undefined;
  /** `first`: nothing is known yet; `more`: a further page is on its way. */
  readonly loading: "first" | "more" | undefined;
  readonly error: Error | undefined;
}

export interface TraceList {
  readonly state: ReadonlySignal<TraceListState>;
  /** Traces that have come and are not shown, so that nothing jumps under the reader. */
  readonly waiting: ReadonlySignal<number>;
  /** Asks anew, from the top. */
  reset(query: TraceQuery): void;
  retry(): void;
  more(): void;
  /** Something has changed: shows what is new at once, or keeps it waiting. Known traces are brought up to date. */
  refresh(query: TraceQuery, isShown: boolean): Promise<void>;
  showWaiting(): void;
  stop(): void;
}

type Load = (query: TraceQuery, signal: AbortSignal) => Promise<Page<TraceSummary>>;

const NOTHING: TraceListState = { items: [], loading: "first", error: undefined };

/** The pages of a list that grows at both ends. */
export function traceList(load: Load): TraceList {
  const state = signal<TraceListState>(NOTHING);
  const waiting = signal(0);
  let query: TraceQuery = {};
  let held: Page<TraceSummary> | undefined;
  let abort = new AbortController();
  let isRefreshing = false;

  const ask = async (after?: string): Promise<void> => {
    const { signal: mine } = abort;
    try {
      const page = await load({ ...query, ...(after !== undefined && { after }) }, mine);
      if (mine.aborted) return;
      const items = after === undefined ? page.items : union(state.peek().items, page.items);
      state.value = { items, next: page.next, loading: undefined, error: undefined };
    } catch (error) {
      if (!mine.aborted) state.value = { ...state.peek(), loading: undefined, error: error as Error };
    }
  };

  return {
    state,
    waiting,
    reset(asked) {
      abort.abort();
      abort = new AbortController();
      query = asked;
      held = undefined;
      batch(() => {
        waiting.value = 0;
        state.value = { ...state.peek(), loading: "first", error: undefined };
      });
      void ask();
    },
    retry() {
      const { items, next } = state.peek();
      state.value = { ...state.peek(), loading: items.length > 0 ? "more" : "first", error: undefined };
      void ask(items.length > 0 ? next : undefined);
    },
    more() {
      const { next, loading, error } = state.peek();
      if (next === undefined || loading !== undefined || error !== undefined) return;
      state.value = { ...state.peek(), loading: "more" };
      void ask(next);
    },
    async refresh(asked, isShown) {
      if (isRefreshing || state.peek().loading === "first") return;
      isRefreshing = true;
      const { signal: mine } = abort;
      try {
        const page = await load(asked, mine);
        if (mine.aborted) return;
        query = asked;
        const { items } = state.peek();
        const fresh = newOnes(items, page.items);
        if (isShown || items.length === 0 || fresh.length === 0) {
          held = undefined;
          batch(() => {
            waiting.value = 0;
            state.value = { ...state.peek(), ...joined(state.peek(), page), error: undefined };
          });
          return;
        }
        held = page;
        batch(() => {
          waiting.value = fresh.length;
          state.value = { ...state.peek(), items: union(items, page.items, false) };
        });
      } catch {
        // What is shown stays; the next change asks again.
      } finally {
        isRefreshing = false;
      }
    },
    showWaiting() {
      if (held === undefined) return;
      const page = held;
      held = undefined;
      batch(() => {
        waiting.value = 0;
        state.value = { ...state.peek(), ...joined(state.peek(), page) };
      });
    },
    stop: () => abort.abort(),
  };
}

/** The list with a fresh first page. Where the two do not meet there may be others between them: the page alone. */
export function joined(
  known: Pick<TraceListState, "items" | "next">,
  page: Page<TraceSummary>,
): Pick<TraceListState, "items" | "next"> {
  const ids = new Set(known.items.map(({ traceId }) => traceId));
  const meets = page.next === undefined || page.items.some(({ traceId }) => ids.has(traceId));
  if (!meets || known.items.length <= page.items.length) return { items: page.items, next: page.next };
  const oldest = page.items.at(-1);
  // What was on the first page and is not any more no longer fits the question.
  const kept = known.items.filter((each) => oldest === undefined || order(each, oldest) > 0);
  return { items: union(page.items, kept), next: known.next };
}

export function newOnes(known: readonly TraceSummary[], page: readonly TraceSummary[]): TraceSummary[] {
  const ids = new Set(known.map(({ traceId }) => traceId));
  return page.filter(({ traceId }) => !ids.has(traceId));
}

/** Newest first; of two of the same trace, the second. Without `withNew`, only those that `known` has. */
function union(known: readonly TraceSummary[], fresh: readonly TraceSummary[], withNew = true): TraceSummary[] {
  const byId = new Map(known.map((each) => [each.traceId, each]));
  for (const each of fresh) {
    if (withNew || byId.has(each.traceId)) byId.set(each.traceId, each);
  }
  return [...byId.values()].sort(order);
}

function order(one: TraceSummary, other: TraceSummary): number {
  return other.startUs - one.startUs || (one.traceId < other.traceId ? -1 : one.traceId > other.traceId ? 1 : 0);
}

import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { ApiFailure } from "./api.ts";

/** What is being fetched. `value` stays while it is fetched anew, so that a page does not jump. */
export interface Data<T> {
  readonly value: T | undefined;
  readonly error: ApiFailure | Error | undefined;
  readonly isLoading: boolean;
}

export interface DataHandle<T> {
  readonly state: ReadonlySignal<Data<T>>;
  /** Fetches again with the same key. */
  reload(): void;
}

/**
 * Fetches when the component appears and whenever `key` changes; an answer that is no longer wanted is aborted.
 *
 * ```tsx
 * const { state } = useData(JSON.stringify(query), (signal) => api.traces(query, { signal }));
 * if (state.value.error) return <ErrorState error={state.value.error} />;
 * ```
 */
export function useData<T>(key: string, load: (signal: AbortSignal) => Promise<T>): DataHandle<T> {
  const handle = useMemo(() => {
    const state = signal<Data<T>>({ value: undefined, error: undefined, isLoading: true });
    let abort: AbortController | undefined;
    let latest = load;
    const reload = () => {
      abort?.abort();
      const mine = (abort = new AbortController());
      if (!state.peek().isLoading) state.value = { ...state.peek(), isLoading: true };
      latest(mine.signal).then(
        (value) => {
          if (!mine.signal.aborted) state.value = { value, error: undefined, isLoading: false };
        },
        (error: Error) => {
          if (!mine.signal.aborted) state.value = { ...state.peek(), error, isLoading: false };
        },
      );
    };
    return {
      state,
      reload,
      use: (next: typeof load) => {
        latest = next;
      },
      stop: () => abort?.abort(),
    };
  }, []);
  handle.use(load);
  useEffect(() => {
    handle.reload();
    return handle.stop;
  }, [key]);
  return handle;
}

import type { Sink } from "../sinks/sink.ts";

/** The calls of a sink that are no write. Each resolves to what went wrong, and never rejects. */
export interface Endings {
  flush(): Promise<string | undefined>;
  close(): Promise<string | undefined>;
  /** Nobody waits for a flush any more. */
  abandon(reason: Error): void;
  /** After a spill: what a sink still gathers, such as traces without their root, it may write now. */
  finishSync(): void;
}

/** `complain` notes an error and gives it in words. */
export function createEndings(sink: Sink, complain: (error: unknown) => string): Endings {
  let flushing: AbortController | undefined;

  async function settle(work: () => unknown): Promise<string | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      return complain(error);
    }
  }

  return {
    flush() {
      flushing = new AbortController();
      const { signal } = flushing;
      return settle(() => sink.flush?.(signal));
    },
    close: () => settle(() => sink.close?.()),
    abandon: (reason) => flushing?.abort(reason),
    finishSync() {
      if (sink.writeSync === undefined) return;
      // A spool, which counts what it takes, stays open, as it has more to take; what waits before it goes there now.
      const isSpool = sink.stats?.().taken !== undefined;
      void settle(() => (isSpool ? sink.writeSync!([]) : sink.close?.()));
    },
  };
}

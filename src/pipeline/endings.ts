import type { Sink } from "../sinks/sink.ts";

/** The calls of a sink that are no write. Each resolves to what went wrong, and never rejects. */
export interface Endings {
  /** `isLast`: the process ends. */
  flush(isLast: boolean): Promise<string | undefined>;
  close(): Promise<string | undefined>;
  /** Nobody waits for what is under way any more. */
  abandon(reason: Error): void;
  /** After a spill: what a sink still gathers, such as traces without their root, it may write now, or counts as lost. */
  finishSync(): void;
}

/** `complain` notes an error and gives it in words. */
export function createEndings(sink: Sink, complain: (error: unknown) => string): Endings {
  // Made when they are wanted: the first of a process takes 0.4 ms.
  let flushing: AbortController | undefined;
  let closing: AbortController | undefined;

  async function settle(work: () => unknown): Promise<string | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      return complain(error);
    }
  }

  return {
    flush(isLast) {
      flushing = new AbortController();
      const { signal } = flushing;
      return settle(() => sink.flush?.(signal, isLast));
    },
    close() {
      closing ??= new AbortController();
      const { signal } = closing;
      return settle(() => sink.close?.(signal));
    },
    abandon(reason) {
      flushing?.abort(reason);
      closing?.abort(reason);
    },
    finishSync() {
      if (closing) return closing.abort(new Error("the process ends"));
      if (sink.writeSync === undefined) {
        // One that keeps records has no more time: it puts its books in order.
        if (sink.stats !== undefined) void settle(() => sink.flush?.(AbortSignal.abort(), true));
      }
      // A spool, which counts what it takes, stays open, as it has more to take; what waits before it goes there now.
      else if (sink.stats?.().taken !== undefined) void settle(() => sink.writeSync!([]));
      else void settle(() => sink.close?.());
    },
  };
}

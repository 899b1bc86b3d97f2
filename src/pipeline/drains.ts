/** One flush of one lane. */
export interface Drain {
  /** Resolves when waiting longer is of no use. Never rejects, but lasts as long as the sink does. */
  readonly done: Promise<void>;
  /** How many of the records that were there at the call are still there. */
  pending(): number;
  /** What the sink's own flush failed with, or that it has not ended. */
  error(): string | undefined;
}

/** Those who wait for a lane to be empty. */
export interface Drains {
  readonly waiting: boolean;
  /** `isLast`: the process ends. */
  begin(deadline: number, pending: () => number, isLast: boolean): Drain;
  /** Lets go who has nothing pending, and who would wait in vain: nothing is sent before `dueAt`. */
  release(dueAt: number): void;
}

/** `flushSink` never rejects; it is called once for all who are let go together. */
export function createDrains(flushSink: (isLast: boolean) => Promise<string | undefined>): Drains {
  let waiters: {
    deadline: number;
    pending: () => number;
    isLast: boolean;
    resolve: (error: string | undefined) => void;
  }[] = [];
  /** Of those who share the next flush. */
  let isLast = false;
  let flushing: Promise<string | undefined> | undefined;

  /** In a later microtask, so that all who ask in one turn share it. */
  function flushOnce(): Promise<string | undefined> {
    flushing ??= Promise.resolve().then(() => {
      flushing = undefined;
      const outcome = flushSink(isLast);
      isLast = false;
      return outcome;
    });
    return flushing;
  }

  return {
    get waiting() {
      return waiters.length > 0;
    },
    begin(deadline, pending, isLast) {
      let error: string | undefined = "not finished in time";
      const done = new Promise<void>((resolve) => {
        waiters.push({
          deadline,
          pending,
          isLast,
          resolve(outcome) {
            error = outcome;
            resolve();
          },
        });
      });
      return { done, pending, error: () => error };
    },
    release(dueAt) {
      const ready = waiters.filter((waiter) => waiter.pending() === 0 || waiter.deadline < dueAt);
      if (ready.length === 0) return;
      waiters = waiters.filter((waiter) => !ready.includes(waiter));
      isLast ||= ready.some((waiter) => waiter.isLast);
      void flushOnce().then((error) => {
        for (const waiter of ready) waiter.resolve(error);
      });
    },
  };
}

import type { TraceRecord } from "../core/record.ts";
import { isThenable } from "./outcome.ts";
import type { Batch } from "./queue.ts";

/** Calls of `sink.write` that have not ended. */
export interface Attempts {
  readonly count: number;
  /** False when it has ended before this returns. */
  start(batch: Batch, records: TraceRecord[]): boolean;
  /** Whatever the sink still says of calls in flight comes too late. */
  forget(): void;
  /** Tells the sink to stop. */
  abort(reason: Error): void;
}

export interface AttemptEnds {
  delivered(batch: Batch, result: unknown): void;
  /** `said`: the sink's own error, which may say what it has taken, where `error` is that it took too long. */
  failed(batch: Batch, error: unknown, said?: unknown): void;
}

interface Attempt {
  readonly batch: Batch;
  controller?: AbortController;
  timeout?: NodeJS.Timeout;
  isLate?: boolean;
}

/** Each attempt that is not forgotten ends once, after `attemptMs` at the latest. A synchronous sink costs no promise. */
export function createAttempts(
  write: (records: TraceRecord[], signal: AbortSignal) => unknown,
  attemptMs: number,
  ends: AttemptEnds,
): Attempts {
  const inFlight = new Set<Attempt>();

  function conclude(attempt: Attempt, tell: () => void): void {
    clearTimeout(attempt.timeout);
    if (inFlight.delete(attempt)) tell();
  }

  function watch(attempt: Attempt, outcome: PromiseLike<unknown>): void {
    const { batch } = attempt;
    attempt.timeout = setTimeout(() => {
      const late = new Error(`no answer within ${attemptMs} ms`);
      attempt.isLate = true;
      attempt.controller?.abort(late);
      // What an aborted sink says at once may still name what it has taken; that it has taken all is not believed.
      void answer.then((said) => conclude(attempt, () => ends.failed(batch, late, said)));
      setImmediate(() => conclude(attempt, () => ends.failed(batch, late)));
    }, attemptMs).unref();
    const answer = Promise.resolve(outcome).then(
      (result) => {
        if (attempt.isLate !== true) conclude(attempt, () => ends.delivered(batch, result));
      },
      (error: unknown) => {
        if (attempt.isLate !== true) conclude(attempt, () => ends.failed(batch, error));
        return error;
      },
    );
  }

  return {
    get count() {
      return inFlight.size;
    },
    start(batch, records) {
      const attempt: Attempt = { batch };
      inFlight.add(attempt);
      let outcome: unknown;
      try {
        // In here: with a frozen `globalThis` its first use throws.
        attempt.controller = new AbortController();
        outcome = write(records, attempt.controller.signal);
        if (isThenable(outcome)) {
          watch(attempt, outcome);
          return true;
        }
      } catch (error) {
        conclude(attempt, () => ends.failed(batch, error));
        return false;
      }
      conclude(attempt, () => ends.delivered(batch, outcome));
      return false;
    },
    forget: () => inFlight.clear(),
    abort(reason) {
      for (const { controller } of inFlight) controller?.abort(reason);
    },
  };
}

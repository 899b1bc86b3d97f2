import type { TraceRecord } from "../core/record.ts";
import { isThenable } from "./outcome.ts";

/** Calls of `sink.write`, one at a time. */
export interface Attempts {
  start(records: TraceRecord[]): void;
  /** Whatever the sink still says of the call in flight comes too late. */
  forget(): void;
  /** Tells the sink to stop. */
  abort(reason: Error): void;
}

export interface AttemptEnds {
  delivered(result: unknown): void;
  /** `said`: the sink's own error, which may say what it has taken, where `error` is that it took too long. */
  failed(error: unknown, said?: unknown): void;
}

interface Attempt {
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
  let inFlight: Attempt | undefined;

  function conclude(attempt: Attempt, tell: () => void): void {
    clearTimeout(attempt.timeout);
    if (inFlight !== attempt) return;
    inFlight = undefined;
    tell();
  }

  function watch(attempt: Attempt, outcome: PromiseLike<unknown>): void {
    attempt.timeout = setTimeout(() => {
      const late = new Error(`no answer within ${attemptMs} ms`);
      attempt.isLate = true;
      attempt.controller?.abort(late);
      // What an aborted sink says at once may still name what it has taken; that it has taken all is not believed.
      void answer.then((said) => conclude(attempt, () => ends.failed(late, said)));
      setImmediate(() => conclude(attempt, () => ends.failed(late)));
    }, attemptMs).unref();
    const answer = Promise.resolve(outcome).then(
      (result) => {
        if (attempt.isLate !== true) conclude(attempt, () => ends.delivered(result));
      },
      (error: unknown) => {
        if (attempt.isLate !== true) conclude(attempt, () => ends.failed(error));
        return error;
      },
    );
  }

  return {
    start(records) {
      const attempt: Attempt = (inFlight = {});
      let outcome: unknown;
      try {
        // In here: with a frozen `globalThis` its first use throws.
        attempt.controller = new AbortController();
        outcome = write(records, attempt.controller.signal);
        if (isThenable(outcome)) return watch(attempt, outcome);
      } catch (error) {
        return conclude(attempt, () => ends.failed(error));
      }
      conclude(attempt, () => ends.delivered(outcome));
    },
    forget: () => void (inFlight = undefined),
    abort: (reason) => inFlight?.controller?.abort(reason),
  };
}

import type { Clock } from "../core/clock.ts";
import { callBack } from "../core/guard.ts";
import { type Refusal, refusalOf } from "./refusal.ts";

/** Whether the store keeps what it is given. */
export interface StoreHealth {
  /** After each write, with what went wrong. */
  written(error?: unknown): void;
  /** Of the last write. */
  readonly isWriting: boolean;
  /**
   * Why it does not, for as long as senders were told to wait. Then nobody knows, until somebody has sent again: a balancer
   * that waits for this to be well has to send something for it to become so.
   */
  readonly trouble: Refusal | undefined;
}

/** Says a line when it begins to fail, and one when it writes again. */
export function createStoreHealth(clock: Clock, log: (line: string) => void): StoreHealth {
  let failed: { readonly refusal: Refusal; readonly untilMs: number } | undefined;
  const say = (line: string): void => void callBack(() => log(line));
  return {
    written(error) {
      const refusal = error === undefined ? undefined : refusalOf(error);
      if (refusal !== undefined) {
        if (failed?.refusal.code !== refusal.code) say(`nothing can be kept: ${refusal.message}`);
        failed = { refusal, untilMs: clock.monotonicMs() + Number(refusal.headers["retry-after"] ?? 1) * 1_000 };
      } else if (error === undefined && failed !== undefined) {
        say("records are kept again");
        failed = undefined;
      }
    },
    get isWriting() {
      return failed === undefined;
    },
    get trouble() {
      return failed !== undefined && clock.monotonicMs() < failed.untilMs ? failed.refusal : undefined;
    },
  };
}

import { grouped } from "../../core/grouped.ts";
import { oneLine } from "../../core/one-line.ts";
import { slot } from "../../core/runtime.ts";
import { type ExitTarget, installExitHooks } from "../../pipeline/exit.ts";
import { sayLosses } from "../../pipeline/losses.ts";
import { installSignalHooks } from "../../pipeline/signals.ts";
import type { DeadLetter } from "./dead-letters.ts";

/** What a notifier does as the process ends. */
export interface Ending {
  /** How many messages it has been given. */
  told(): number;
  flush(signal: AbortSignal): Promise<void>;
  /** What is under way would only keep the process alive. */
  callOff(): void;
  /** There is no later: what waits is kept, or is a dead letter. */
  spill(): void;
  /** Dead letters that stderr is to hear of. */
  letters(): readonly DeadLetter[];
  lastError(channel: string): string | undefined;
}

export interface ExitWatch {
  /** The process ends, and whatever comes now is spilled at once. */
  readonly isOver: boolean;
  start(): void;
  /** There is nothing to tell any more. */
  stop(): void;
  /** Something has come, maybe after the end. */
  came(): void;
}

const MAX_ERROR_LENGTH = 300;

/**
 * Has a notifier flushed and spilled together with the pipelines, whether an `alerts()` has it or not. A signal that no
 * pipeline listens for ends the process as it would without us.
 */
export function exitWatch(ending: Ending): ExitWatch {
  const said = new WeakSet<DeadLetter>();
  let letGo: (() => void)[] = [];
  let isOver = false;
  let isAsked = false;

  const target: ExitTarget = {
    async exportOpen() {},
    flush: ({ timeoutMs = 0 } = {}) => ending.flush(AbortSignal.timeout(Math.max(0, Math.floor(timeoutMs)))),
    abandon: ending.callOff,
    spillSync() {
      isOver = true;
      // Where another listener of the signal keeps the process alive, it goes on.
      setImmediate(() => {
        isOver = false;
      }).unref();
      ending.spill();
    },
    stats: () => ({ notifier: { emitted: ending.told() } }),
    losses() {
      isAsked = true;
      const letters = ending.letters().filter((letter) => !said.has(letter));
      for (const letter of letters) said.add(letter);
      const counts = new Map<string, number>();
      for (const { channel } of letters) counts.set(channel, (counts.get(channel) ?? 0) + 1);
      return counts.size === 0 ? undefined : [...counts].map(lossText).join(". ");
    },
  };

  function lossText([channel, count]: [string, number]): string {
    const what = count === 1 ? "1 notification" : `${grouped(count)} notifications`;
    const text = `${what} for "${channel}" ${count === 1 ? "was" : "were"} not delivered`;
    const error = ending.lastError(channel);
    return error === undefined ? text : `${text}; last error: ${oneLine(error, MAX_ERROR_LENGTH)}`;
  }

  return {
    get isOver() {
      return isOver;
    },
    start() {
      if (letGo.length === 0) letGo = [installExitHooks(slot, target), installSignalHooks(slot, target, false)];
    },
    stop() {
      for (const release of letGo.splice(0)) release();
    },
    came() {
      if (!isOver) return;
      ending.spill();
      if (isAsked) sayLosses([target]);
    },
  };
}

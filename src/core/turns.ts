/** How long the event loop is held up by all such work together. */
const TURN_MS = 5;

/**
 * To be awaited before and between the steps of long work. Resolves at once while the turn lasts, whoever has begun it; then those who
 * wait begin the next ones, each in an iteration of the event loop of its own: however many work, whatever else there is to do waits
 * for one of them.
 */
export type TakeTurn = () => Promise<void>;

export function createTurns(nowMs: () => number = () => performance.now()): TakeTurn {
  const waiting: (() => void)[] = [];
  let end = 0;

  function begin(): void {
    end = nowMs() + TURN_MS;
    waiting.shift()!();
    if (waiting.length > 0) setImmediate(begin);
  }

  return async () => {
    if (nowMs() < end) return;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(begin);
    });
  };
}

/** Those of this process: it has one event loop. */
export const takeTurn: TakeTurn = createTurns();

/** How often something was asked about. */
export interface Polls {
  count: number;
  maxPerSecond: number;
  /** Epoch milliseconds at which the second began that is being counted, and its count. */
  windowMs: number;
  inWindow: number;
}

const SECOND = 1000;

export function newPolls(): Polls {
  return { count: 0, maxPerSecond: 0, windowMs: Number.NEGATIVE_INFINITY, inWindow: 0 };
}

export function countPoll(polls: Polls, nowMs: number): void {
  polls.count++;
  if (nowMs - polls.windowMs >= SECOND) {
    polls.windowMs = nowMs;
    polls.inWindow = 0;
  }
  polls.maxPerSecond = Math.max(polls.maxPerSecond, ++polls.inWindow);
}

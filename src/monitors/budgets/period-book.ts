import type { Period } from "./calendar.ts";

/** What is kept of one period. */
export interface Page<T> {
  readonly period: Period;
  readonly value: T;
  /** Opened by a wall clock that went back, with what the page that it left had. */
  readonly isCarried?: boolean;
}

/** The pages of the current period and of those before it, whatever the wall clock does. */
export interface PeriodBook<T> {
  /** The page of the period that the wall clock says. */
  at(epochMs: number): Page<T>;
  /** The pages that are kept, the one that was used last at the end. */
  pages(): Page<T>[];
}

/** The current one, and two that a wall clock which goes back, or a report on yesterday, may ask for. */
const KEPT = 3;

/**
 * The wall clock has the word on which period it is. When it jumps ahead and back, the page that was left is there again.
 * When it goes back to a period that is not known any more, or never was, `open` is given the page that is left: so that
 * nothing which is used up is opened anew.
 *
 * @param restored from an earlier process, the one that was used last at the end
 */
export function periodBook<T>(
  periodAt: (epochMs: number) => Period,
  open: (period: Period, left: Page<T> | undefined, epochMs: number) => T,
  restored: readonly Page<T>[],
): PeriodBook<T> {
  const kept = new Map(restored.slice(-KEPT).map((page) => [page.period.key, page]));
  let current: Page<T> | undefined = restored.at(-1);

  /** A clock that jumps about must not push out the page that all the others have their amounts from. */
  const leastNeeded = (): string => {
    const others = [...kept.values()].filter((page) => page !== current);
    return (others.find(({ isCarried }) => isCarried) ?? others[0]!).period.key;
  };

  return {
    at(epochMs) {
      const period = periodAt(epochMs);
      if (current?.period.key === period.key) return current;
      const left = current !== undefined && period.startMs < current.period.startMs ? current : undefined;
      current = kept.get(period.key) ?? {
        period,
        value: open(period, left, epochMs),
        isCarried: left !== undefined,
      };
      kept.delete(period.key);
      kept.set(period.key, current);
      if (kept.size > KEPT) kept.delete(leastNeeded());
      return current;
    },
    pages: () => [...kept.values()],
  };
}

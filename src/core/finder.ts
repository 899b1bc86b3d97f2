import type { Capture } from "./capture.ts";
import type { Clock } from "./clock.ts";
import type { FindingRecord } from "./record.ts";
import { slot } from "./runtime.ts";
import type { Draft } from "./trace.ts";

/** Looks at the records of this process as they leave, and says what went wrong with the model calls and runs in them. */
export interface Finder {
  /**
   * Takes the draft of every record, before it goes on, and gives what is found with it: findings about its trace, to be
   * sent before it with the same `trace`. `hasMore`: spans of the same trace wait behind this one; the last of them is the
   * one to find something with. Never throws.
   */
  see(draft: Draft, hasMore?: boolean): readonly FindingRecord[];
}

/** Made once for each configuration. */
export type FinderFactory = (parts: {
  readonly clock: Clock;
  readonly capture: Capture;
  /** What `configure({ findings })` was given; checked. */
  readonly options?: object | undefined;
}) => Finder;

/** Where a part of the package that knows rules leaves its factory; programs that do not load one pay nothing. */
const KEY = "finder";

/** The factory that has been registered, if any. It may come after `configure()`. */
export function finderFactory(): FinderFactory | undefined {
  return slot.shared.get(KEY) as FinderFactory | undefined;
}

export function registerFinder(factory: FinderFactory): void {
  if (!slot.shared.has(KEY)) slot.shared.set(KEY, factory);
}

import type { RecordingSpan } from "./recording-span.ts";

/** More spans than this open at once means that they are being forgotten. */
const MAX_OPEN = 100_000;
/** Exported together: the first of a large `Set` takes 7 µs to find, as earlier ones leave holes before it. */
const PORTION = 1_000;
const SWEEP_MS = 60_000;

/** The spans that have started and not ended, oldest first. What stays too long is exported as `unfinished`. */
export interface OpenSpans {
  readonly started: number;
  readonly ended: number;
  readonly size: number;
  add(span: RecordingSpan): void;
  /** The span has ended. */
  remove(span: RecordingSpan): void;
  /**
   * Exports every open span as `unfinished`; each may still end, with a higher `seq`. After every portion `between` may make
   * room for the next.
   */
  exportAll(between?: () => void): void;
  /** Exports what has been open for longer than `maxOpenMs`. */
  sweep(): void;
  stop(): void;
}

export function openSpans(options: { maxOpenMs: number; monotonicMs: () => number }): OpenSpans {
  const open = new Set<RecordingSpan>();
  let abandoned = 0;
  let started = 0;
  let ended = 0;
  let timer: NodeJS.Timeout | undefined;

  const abandon = (span: RecordingSpan): void => {
    open.delete(span);
    abandoned++;
    span.exportUnfinished();
  };

  const abandonOldest = (): void => {
    let left = PORTION;
    for (const span of open) {
      if (left-- === 0) return;
      abandon(span);
    }
  };

  const self: OpenSpans = {
    get started() {
      return started;
    },
    get ended() {
      return ended;
    },
    get size() {
      return open.size + abandoned;
    },
    add(span) {
      started++;
      open.add(span);
      if (open.size > MAX_OPEN) abandonOldest();
      timer ??= setInterval(self.sweep, Math.min(SWEEP_MS, options.maxOpenMs)).unref();
    },
    remove(span) {
      ended++;
      if (!open.delete(span)) abandoned--;
    },
    exportAll(between) {
      while (open.size > 0) {
        abandonOldest();
        between?.();
      }
    },
    sweep() {
      const limit = options.monotonicMs() - options.maxOpenMs;
      for (const span of open) {
        if (span.startMonotonicMs > limit) break;
        abandon(span);
      }
      if (open.size === 0) self.stop();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
  return self;
}

import type { RecordingSpan } from "./recording-span.ts";

/** More spans than this open at once means that they are being forgotten. */
const MAX_OPEN = 100_000;
/** The same for what open spans have captured. */
const MAX_OPEN_BYTES = 32 * 1024 * 1024;
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
  /** The same a portion in a turn of the event loop, so that the host runs and sinks keep up. One portion: at once. */
  exportInTurns(): Promise<void> | undefined;
  /** The span has captured so many estimated heap bytes more. */
  grow(span: RecordingSpan, bytes: number): void;
  /** Exports what has been open for longer than `maxOpenMs`. */
  sweep(): void;
  stop(): void;
}

export function openSpans(options: { maxOpenMs: number; monotonicMs: () => number }): OpenSpans {
  const open = new Set<RecordingSpan>();
  let abandoned = 0;
  let started = 0;
  let ended = 0;
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const leave = (span: RecordingSpan): boolean => {
    if (!open.delete(span)) return false;
    bytes -= span.bytes;
    span.trace.openSpans--;
    return true;
  };

  const abandon = (span: RecordingSpan): void => {
    leave(span);
    abandoned++;
    span.exportUnfinished();
  };

  const abandonOldest = (isDue?: (span: RecordingSpan) => boolean): void => {
    let left = PORTION;
    for (const span of open) {
      if (left-- === 0 || isDue?.(span) === false) return;
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
      bytes += span.bytes;
      span.trace.openSpans++;
      if (open.size > MAX_OPEN) abandonOldest();
      timer ??= setInterval(self.sweep, Math.min(SWEEP_MS, options.maxOpenMs)).unref();
    },
    remove(span) {
      ended++;
      if (!leave(span)) abandoned--;
    },
    exportAll(between) {
      while (open.size > 0) {
        abandonOldest();
        between?.();
      }
    },
    exportInTurns() {
      abandonOldest();
      if (open.size === 0) return undefined;
      return new Promise((resolve) => setImmediate(resolve)).then(() => self.exportInTurns());
    },
    grow(span, more) {
      span.bytes += more;
      if (!open.has(span)) return;
      bytes += more;
      if (bytes > MAX_OPEN_BYTES) abandonOldest((oldest) => bytes > MAX_OPEN_BYTES && oldest !== span);
    },
    sweep() {
      const limit = options.monotonicMs() - options.maxOpenMs;
      abandonOldest((span) => span.startMonotonicMs <= limit);
      const [oldest] = open;
      if (oldest === undefined) self.stop();
      else if (oldest.startMonotonicMs <= limit) setImmediate(self.sweep).unref();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
  return self;
}

import { guard } from "./guard.ts";
import type { RecordingSpan } from "./recording-span.ts";
import type { SettleReason } from "./trace.ts";

/** More spans than this open at once means that they are being forgotten. */
const MAX_OPEN = 100_000;
/** The same for what open spans have captured. */
const MAX_OPEN_BYTES = 32 * 1024 * 1024;
/** Exported together, in one turn of the event loop. */
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
   * The span waits for more that may become known of it: a retry, the steps of a run. `settle` must end it, or hold it
   * again; it is called once, when no span of the trace is open but such that wait, or when everything is exported.
   */
  hold(span: RecordingSpan, settle: (reason: SettleReason) => void): void;
  /** The span does not wait any more; it is open as any other. */
  release(span: RecordingSpan): void;
  /** For a flush: settles the spans that wait in traces where nothing else is open. */
  settle(): void;
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

export function openSpans(options: {
  maxOpenMs: number;
  monotonicMs: () => number;
  /** Hears of every span that has ended or is given up as forgotten. One that is only exported may still end. */
  left?: ((span: RecordingSpan) => void) | undefined;
}): OpenSpans {
  const { left } = options;
  // Linked through the spans themselves: a `Set` takes a sixth of what a sync call costs.
  let oldest: RecordingSpan | undefined;
  let newest: RecordingSpan | undefined;
  let size = 0;
  const waiting = new Set<RecordingSpan>();
  let abandoned = 0;
  let started = 0;
  let ended = 0;
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;

  const enter = (span: RecordingSpan): void => {
    span.isListed = true;
    span.older = newest;
    if (newest === undefined) oldest = span;
    else newest.newer = span;
    newest = span;
    size++;
  };

  const leave = (span: RecordingSpan): boolean => {
    if (!span.isListed) return false;
    const { older, newer } = span;
    if (older === undefined) oldest = newer;
    else older.newer = newer;
    if (newer === undefined) newest = older;
    else newer.older = older;
    span.isListed = false;
    span.older = span.newer = undefined;
    size--;
    bytes -= span.bytes;
    span.trace.openSpans--;
    if (waiting.size > 0) release(span);
    return true;
  };

  const release = (span: RecordingSpan): void => {
    if (waiting.delete(span)) span.trace.held?.delete(span);
  };

  /** Ends what only waited for the rest of its trace. A fault in there leaves the span to be exported as it is. */
  const settle = (span: RecordingSpan, reason: SettleReason): boolean => {
    const end = span.trace.held?.get(span);
    if (end === undefined) return false;
    release(span);
    guard(() => end(reason), undefined);
    return span.ended;
  };

  /** Before the last span of a trace that does not wait leaves it, so that its record comes after theirs. */
  const settleOthers = (span: RecordingSpan): void => {
    const { held } = span.trace;
    if (held !== undefined && held.size > 0) settleHeld(span, held);
  };

  const settleHeld = (span: RecordingSpan, held: ReadonlyMap<object, unknown>): void => {
    const { openSpans } = span.trace;
    const others = [...held.keys()].filter((other) => other !== span) as RecordingSpan[];
    if (openSpans - (span.isListed ? 1 : 0) === others.length) for (const other of others) settle(other, "quiet");
  };

  const abandon = (span: RecordingSpan): boolean => {
    if (settle(span, "exit")) return false;
    leave(span);
    abandoned++;
    span.exportUnfinished();
    return true;
  };

  const abandonOldest = (isDue?: (span: RecordingSpan) => boolean): void => {
    for (let room = PORTION; room > 0 && oldest !== undefined; room--) {
      const span = oldest;
      if (isDue?.(span) === false) return;
      if (abandon(span) && isDue !== undefined) left?.(span);
    }
  };

  /** Of what is older than the span, as much as is too much. */
  const shed = (span: RecordingSpan): void => abandonOldest((first) => bytes > MAX_OPEN_BYTES && first !== span);

  const self: OpenSpans = {
    get started() {
      return started;
    },
    get ended() {
      return ended;
    },
    get size() {
      return size + abandoned;
    },
    add(span) {
      started++;
      enter(span);
      bytes += span.bytes;
      span.trace.openSpans++;
      if (size > MAX_OPEN) abandonOldest(() => true);
      timer ??= setInterval(self.sweep, Math.min(SWEEP_MS, options.maxOpenMs)).unref();
    },
    remove(span) {
      ended++;
      settleOthers(span);
      if (!leave(span)) abandoned--;
      left?.(span);
    },
    hold(span, end) {
      if (!span.isListed) return end("exit");
      waiting.add(span);
      span.trace.held ??= new Map();
      span.trace.held.set(span, end);
    },
    release,
    settle() {
      for (const span of [...waiting]) if (span.trace.held?.size === span.trace.openSpans) settle(span, "flush");
    },
    exportAll(between) {
      while (oldest !== undefined) {
        abandonOldest();
        between?.();
      }
    },
    exportInTurns() {
      abandonOldest();
      if (oldest === undefined) return undefined;
      return new Promise((resolve) => setImmediate(resolve)).then(() => self.exportInTurns());
    },
    grow(span, more) {
      span.bytes += more;
      if (!span.isListed) return;
      bytes += more;
      if (bytes > MAX_OPEN_BYTES) shed(span);
    },
    sweep() {
      const limit = options.monotonicMs() - options.maxOpenMs;
      abandonOldest((span) => span.startMonotonicMs <= limit);
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

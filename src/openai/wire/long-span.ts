import { guard } from "../../core/guard.ts";
import type { NonRecordingSpan } from "../../core/non-recording-span.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import type { SpanRef } from "../../core/start.ts";

/** The span of something that lives longer than one request: it stays open for what later requests tell. */
export interface LongSpan {
  /** While it is open. */
  readonly span: RecordingSpan | undefined;
  /** Waits with this span until its trace is quiet. */
  hold(span: RecordingSpan): void;
  /** Writes the span after so many milliseconds, if no other span is open in its trace by then; each call starts anew. */
  arm(ms: number): void;
  /** Writes the span now. */
  settle(): void;
}

/** `write` says all that is known on the span, and ends it. */
export function longSpan(runtime: Runtime, write: (span: RecordingSpan) => void): LongSpan {
  let open: RecordingSpan | undefined;
  let timer: NodeJS.Timeout | undefined;

  const settle = (): void => {
    clearTimeout(timer);
    const span = open;
    open = timer = undefined;
    if (span === undefined) return;
    guard(() => write(span), undefined);
    // Where the data could not be read, the span is as it was begun.
    if (!span.ended) span.end({ unfinished: true });
  };

  /** Other spans of the trace that do not just wait settle this one when the last of them ends. */
  const onTimer = (): void => {
    const trace = open?.trace;
    if (trace !== undefined && trace.openSpans <= (trace.held?.size ?? 0)) settle();
  };

  return {
    get span() {
      return open;
    },
    hold(span) {
      open = span;
      runtime.open.hold(span, settle);
    },
    arm(ms) {
      clearTimeout(timer);
      timer = undefined;
      if (open === undefined) return;
      timer = setTimeout(() => guard(onTimer, undefined), ms);
      timer.unref();
    },
    settle,
  };
}

/**
 * Where a span is written again: under its first parent. One in another process is kept as it is, for what it says of
 * itself; of others only the ids and the trace.
 */
export function placeOf(span: RecordingSpan, parent: Span | SpanRef | undefined): Span | SpanRef {
  const { traceId, parentSpanId, trace } = span;
  const isRemote = parentSpanId !== undefined && (parent as NonRecordingSpan | undefined)?.recording === false;
  return isRemote ? parent! : { traceId, spanId: parentSpanId, trace };
}

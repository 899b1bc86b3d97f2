import type { TraceInfo } from "./record.ts";
import type { Span, StartWitness } from "./span.ts";
import type { Trace } from "./trace.ts";
import { formatTraceparent } from "./traceparent.ts";

/** Why a context is not recorded, or not yet. */
export type NonRecordingReason = "off" | "suppressed" | "unsampled" | "remote" | "external" | "seed";

const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);

/**
 * Stands in the context where nothing is recorded. `remote`: a parent in another process, its children are recorded.
 * `external`: a parent of another tracer in this process. `seed`: no trace yet, only attributes for the traces that will start below. `suppressed`, `unsampled`: nothing below
 * is recorded. `off`: what `startSpan` returns when tracing is off.
 */
export class NonRecordingSpan implements Span {
  readonly recording = false;
  readonly reason: NonRecordingReason;
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  /** For `remote` and `external`: the trace that its children join. */
  readonly trace: Trace | undefined;
  /** For `seed`: attributes of the traces to come. */
  info: TraceInfo;
  /** For `external`: our own span around it, which is what `currentSpan()` means there. */
  readonly enclosing: Span | undefined;
  /** Goes on to what starts here. */
  readonly witness: StartWitness | undefined;

  constructor(
    reason: NonRecordingReason,
    options: {
      trace?: Trace;
      spanId?: string;
      info?: TraceInfo;
      enclosing?: Span | undefined;
      witness?: StartWitness | undefined;
    } = {},
  ) {
    this.reason = reason;
    this.trace = options.trace;
    this.traceId = options.trace?.traceId ?? NO_TRACE;
    this.spanId = options.spanId ?? NO_SPAN;
    this.traceFlags = options.trace?.traceFlags ?? 0;
    this.info = options.info ?? {};
    this.enclosing = options.enclosing;
    this.witness = options.witness;
  }

  update(): this {
    return this;
  }

  event(): this {
    return this;
  }

  fail(): this {
    return this;
  }

  end(): void {}

  traceparent(): string {
    return formatTraceparent(this);
  }

  [Symbol.dispose](): void {}
}

/** True inside `suppress`. */
export function isSuppressed(span: Span | undefined): boolean {
  return span !== undefined && !span.recording && (span as NonRecordingSpan).reason === "suppressed";
}

/** True where nothing below may be recorded: inside `suppress`, or in a trace that is not sampled. */
export function isMuted(span: Span | undefined): span is NonRecordingSpan {
  if (span === undefined || span.recording) return false;
  const reason = (span as NonRecordingSpan).reason;
  return reason === "suppressed" || reason === "unsampled";
}

/** What `startSpan` returns when tracing is off. */
export const OFF_SPAN: Span = new NonRecordingSpan("off");
/** The context of our own work: nothing below is recorded. */
export const SUPPRESSED: NonRecordingSpan = new NonRecordingSpan("suppressed");

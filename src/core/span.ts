import type { TimeInput } from "./clock.ts";
import type { GenAi, HttpCall, Level, ObservationType, SpanKind } from "./record.ts";

/** What can be said of a span while it is open. Values are copied and masked at the moment of the call. */
export interface SpanPatch {
  name?: string;
  type?: ObservationType;
  kind?: SpanKind;
  input?: unknown;
  output?: unknown;
  /** Merged one level deep with what is there. */
  metadata?: Record<string, unknown>;
  attributes?: Record<string, unknown>;
  level?: Level;
  statusMessage?: string;
  model?: string;
  provider?: string;
  /** Request parameters by their wire names: `temperature`, `max_tokens`, … */
  modelParameters?: Record<string, unknown>;
  /** Token counts in any shape a provider uses; see `normalizeUsage`. */
  usage?: unknown;
  /** Stated in USD: a total, or its parts. */
  cost?: number | { total?: number; input?: number; output?: number; tools?: number };
  /** When the first chunk of a streamed answer arrived. */
  completionStartTime?: TimeInput;
  genAi?: GenAi;
  http?: HttpCall;
}

export interface EndOptions extends SpanPatch {
  endTime?: TimeInput | undefined;
  /** What is recorded is still going on: the record is marked `unfinished`, and one with a higher `seq` completes it. */
  unfinished?: boolean | undefined;
}

/** Told of every span that starts in a context or below it, whatever trace or parent it is given. Must not throw. */
export type StartWitness = (span: {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
}) => void;

/** A span in the hands of its user. Every method is safe at any time: after the end, when tracing is off, with any value. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** False when tracing is off, the trace is not sampled, or the span stands for another process. */
  readonly recording: boolean;
  /** Adds to the span. Ignored, and counted, once it has ended. */
  update(patch: SpanPatch): this;
  /** Adds a moment to the span. */
  event(name: string, attributes?: Record<string, unknown>): this;
  /** Records what was thrown and marks the span as failed. Does not end it. */
  fail(error: unknown): this;
  /** Ends the span. Only the first call counts. */
  end(patch?: EndOptions): void;
  /** The W3C `traceparent` header of this span. */
  traceparent(): string;
  [Symbol.dispose](): void;
}

/** What is read of `@openai/agents` (0.20), by its shape: the package is never imported. */

/** A trace of the SDK: one `run`, or what `withTrace` of the SDK holds together. */
export interface AgentsTrace {
  readonly traceId: string;
  readonly name: string;
  readonly groupId: string | null;
  readonly metadata?: Record<string, any> | undefined;
}

/** A span of the SDK. What it is about is in `spanData`, which fills up until the span ends. */
export interface AgentsSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  /** ISO 8601, in milliseconds. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly spanData: { readonly type: string };
  /** The span that was current when this one became so. */
  readonly previousSpan?: AgentsSpan | undefined;
  readonly error: { readonly message: string; readonly data?: Record<string, any> } | null;
}

/** `TracingProcessor` of the SDK. */
export interface AgentsTraceProcessor {
  onTraceStart(trace: AgentsTrace): Promise<void>;
  onTraceEnd(trace: AgentsTrace): Promise<void>;
  onSpanStart(span: AgentsSpan): Promise<void>;
  onSpanEnd(span: AgentsSpan): Promise<void>;
  shutdown(timeout?: number): Promise<void>;
  forceFlush(): Promise<void>;
}

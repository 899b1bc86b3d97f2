import type { Attributes } from "./attributes.ts";

/** An OTLP log record with an event name: what OpenTelemetry calls an event. */
export interface LogEvent {
  readonly name: string;
  /** Epoch nanoseconds, decimal. */
  readonly time: string;
  /** OpenTelemetry's severity: 5 DEBUG, 9 INFO, 13 WARN, 17 ERROR. */
  readonly severity?: number;
  readonly body?: string;
  readonly traceId?: string;
  readonly spanId?: string;
  readonly traceFlags?: number;
  readonly attributes: Attributes;
}

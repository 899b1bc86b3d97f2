import type { RecordingSpan } from "../../core/recording-span.ts";
import type { Exchange } from "./exchange.ts";

/** How a call was asked for first. Its attempts are asked for in the same way. */
export interface Asked {
  /** By whose ids the watches know it. */
  readonly span: RecordingSpan;
  /** That the caller's request names. */
  readonly model: string | undefined;
}

const asked = new WeakMap<Pick<Exchange, "endpoint">, Asked>();

export function askedFor(exchange: Pick<Exchange, "endpoint">): Asked | undefined {
  return asked.get(exchange);
}

export function noteAsked(exchange: Pick<Exchange, "endpoint">, how: Asked): void {
  asked.set(exchange, how);
}

/** Nothing is being sent for a call any more: what comes next asks again. */
export function release(exchange: Pick<Exchange, "endpoint" | "runtime">): void {
  const { modelCalls } = exchange.runtime;
  const span = modelCalls === undefined ? undefined : asked.get(exchange)?.span;
  if (span !== undefined) modelCalls?.ended(span.traceId, span.spanId);
}

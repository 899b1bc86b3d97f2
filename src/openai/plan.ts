import type { ObservationType, SpanKind } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import type { Failure } from "./shapes.ts";

/** One span of what is recorded from data. */
export interface PlannedSpan {
  /** What its span id derives from; empty for an object without an id, whose span gets an id of its own. */
  readonly key: readonly string[];
  readonly name: string;
  /** The user gave it the name, which then stays. */
  readonly isNamed?: boolean;
  readonly type: ObservationType;
  readonly kind: SpanKind;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly unfinished: boolean;
  readonly failure: Failure | undefined;
  readonly patch: SpanPatch;
}

/** An object of the API as spans: a run, a response, a completion, a turn. Made by pure functions; written by `recorded.ts`. */
export interface Plan {
  /** The object's own id, by which it is recorded once. */
  readonly id: string;
  readonly status: string;
  /** The object does not change any more. */
  readonly isTerminal: boolean;
  /** Becomes the session of a trace that has none. */
  readonly conversationId: string | undefined;
  /** The response that this one goes on from. */
  readonly previousId: string | undefined;
  /** Whatever is recorded of it says all there is: it is not written again. */
  readonly isWhole?: boolean;
  /** The first is the parent of all others. */
  readonly spans: readonly [PlannedSpan, ...PlannedSpan[]];
}

import type { TraceInfo } from "./record.ts";

/** A model call that is about to be made. */
export interface StartingCall {
  readonly traceId: string;
  /** Of the span that will be its record. The attempts of one call have the same. */
  readonly spanId: string;
  readonly provider?: string | undefined;
  /** As it is asked for. */
  readonly model?: string | undefined;
  /** Feature, team, user and the rest, as they are now. */
  readonly trace: TraceInfo;
}

/** What is to become of it. */
export interface Verdict {
  /** It is not made: `observe` throws a `BudgetExceededError` with these, `tracedFetch` answers a 402 with them. */
  readonly refuse?: { readonly code: string; readonly message: string };
  /** It is made with this model instead, where the request can be changed: in `tracedFetch`. */
  readonly model?: string;
}

/** Hears of model calls as they begin and end; part of a sink. Costs what it takes, in the caller's turn. */
export interface CallWatch {
  /** Before the request is made. `undefined`: it goes on as it is. */
  starting(call: StartingCall): Verdict | undefined;
  /** Its span has ended, or is given up. Called for spans of which `starting` was told, once each. */
  ended(traceId: string, spanId: string): void;
}

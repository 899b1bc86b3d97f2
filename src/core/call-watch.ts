import type { TraceInfo } from "./record.ts";

/** A model call that is about to be made. */
export interface StartingCall {
  readonly traceId: string;
  /** Of the span that will be its record. The attempts of one call have the same. */
  readonly spanId: string;
  readonly provider?: string | undefined;
  /** As it is asked for; of a run that names none, the model that its assistant is known by. */
  readonly model?: string | undefined;
  /** `false`: the request cannot be changed, and another model is no answer. */
  readonly canReroute?: boolean | undefined;
  /** Feature, team, user and the rest, as they are now. */
  readonly trace: TraceInfo;
}

/** What is to become of it. */
export interface Verdict {
  /** It is not made: `observe` throws a `BudgetExceededError` with these, `tracedFetch` answers a 402 with them. */
  readonly refuse?: { readonly code: string; readonly message: string };
  /**
   * It is made with this model instead, where the request can be changed: in `tracedFetch`, which asks again with
   * `canReroute: false` where it cannot. Other watches are asked about this model too. A function that is only observed is
   * called as it is.
   */
  readonly model?: string;
}

/** Hears of model calls as they begin and end; part of a sink. Costs what it takes, in the caller's turn. */
export interface CallWatch {
  /**
   * Before a request is made. `undefined`: it goes on as it is. Told again of the same span for the next attempt, also after
   * its end was told, and where another model comes into question; the last answer counts.
   */
  starting(call: StartingCall): Verdict | undefined;
  /**
   * Nothing is being sent for it any more: its span has ended, its attempt has failed and another may follow, or it is given
   * up. A run or response that goes on at the provider has ended when that has. Told of spans of which `starting` was told,
   * once for each time or several of them.
   */
  ended(traceId: string, spanId: string): void;
}

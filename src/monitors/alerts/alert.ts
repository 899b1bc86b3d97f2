import type { Dimension, Query } from "../reading.ts";

/** SEV1: total outage. SEV2: major degradation. SEV3: minor degradation. SEV4: low impact. */
export const SEVERITIES = ["sev1", "sev2", "sev3", "sev4"] as const;

export type Severity = (typeof SEVERITIES)[number];

/** When something is wrong, as data: `{ name, metric: "error_rate", comparison: ">", threshold: 0.05, … }`. */
export interface AlertRule {
  /** Told apart by it: `High error rate`. */
  readonly name: string;
  /** A metric of one of the sources. */
  readonly metric: string;
  readonly comparison: ">" | ">=" | "<" | "<=";
  readonly threshold: number;
  /** What a firing alert must reach to be over, on the good side of `threshold`. Default: the threshold itself. */
  readonly clear?: number;
  /** The figure is that of the last so many milliseconds. */
  readonly windowMs: number;
  /** Milliseconds for which it must hold before the alert fires. Default: 0. */
  readonly forMs?: number;
  /** Milliseconds for which it must be over before the alert is resolved. Default: 0. */
  readonly keepFiringMs?: number;
  /** Fewer samples are no data. Default: 1. */
  readonly minSamples?: number;
  /**
   * With fewer than `minSamples`, the window is made four times as wide, up to this: where there is little traffic, an hour
   * can tell what five minutes cannot. Default: it stays as it is.
   */
  readonly widenToMs?: number;
  /**
   * 0.99: the rule holds only where chance alone would have put so many samples beyond the threshold in less than 1 % of
   * all cases, by the exact binomial test; in its window, or in a wider one up to `widenToMs`. For shares of calls, and for
   * percentiles of sources that count (`Reading.above`). Default: the bare figure decides.
   */
  readonly confidence?: number;
  /** After it has fired, it is not told again for so many milliseconds. Default: five minutes. */
  readonly cooldownMs?: number;
  readonly severity: Severity;
  /**
   * Not told while an alert about one of these metrics, and the same group, pends or fires: that one says it better.
   * `["rate_limit_rate"]` for errors in general.
   */
  readonly unless?: readonly string[];
  /** An alert of its own for each value. */
  readonly by?: Dimension;
  readonly where?: Query["where"];
  readonly labels?: { readonly [name: string]: string };
  /** The id of a runbook, such as `rate_limit_exhaustion`, or the address of one. */
  readonly runbook?: string;
  /** One sentence for people. */
  readonly summary?: string;
}

/** `no_data`: its figure is missing, or made from too few samples. */
export type AlertState = "inactive" | "pending" | "firing" | "resolved" | "no_data";

/** A rule, and the group it is about, as they are now. Times are epoch milliseconds. */
export interface Alert {
  /** The same for the same rule and labels, in every process. */
  readonly fingerprint: string;
  readonly rule: AlertRule;
  readonly labels: { readonly [name: string]: string };
  readonly state: AlertState;
  /** The figure when it was last known. */
  readonly value: number | undefined;
  readonly samples: number;
  /** Since when it has been in this state. */
  readonly since: number;
  /** When the condition began to hold, for what is pending or firing or has fired. */
  readonly startedAt?: number;
  readonly firedAt?: number;
  readonly resolvedAt?: number;
  /** It fires, and its figure is missing at the moment. */
  readonly isStale?: boolean;
  readonly isSilenced?: boolean;
  /** `error_rate is 7 %, above 5 %`. */
  readonly message: string;
  /** Ids of traces that show it. */
  readonly traces: readonly string[];
}

/**
 * A change of an alert's state. From `firing` to `firing`: one that fired quietly, and is to be told now; or, quietly, one
 * whose silence begins or ends. From `inactive` to `inactive`: the first evaluation of one that is well, once for each rule and group in a process, and always quiet; so
 * whoever remembers from an earlier process that it fired learns that it does not.
 *
 * `isQuiet`: nobody is to be told. It is false for an alert that fires, unless it is silenced, has been told less than
 * `cooldownMs` ago or is covered by a graver one of the same metric; and false for the end of what has been told. True for
 * all other changes.
 */
export interface AlertEvent {
  readonly alert: Alert;
  readonly from: AlertState;
  readonly to: AlertState;
  /** Epoch milliseconds. */
  readonly time: number;
  readonly isQuiet: boolean;
}

/** What comes after alerts: `incidents()`, `notifier()`, or your own. */
export interface AlertListener {
  /** Called for each change of state, and for the first look at each alert, in order. */
  alert(event: AlertEvent): void;
  /** Called after each evaluation, with the same time in epoch milliseconds: clocks, escalation, deliveries. */
  tick?(now: number): void;
  /** Sends what waits, until the signal comes. */
  flush?(signal?: AbortSignal): Promise<void>;
  close?(signal?: AbortSignal): void | Promise<void>;
}

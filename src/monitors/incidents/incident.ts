import type { Alert, Severity } from "../alerts/alert.ts";

/** From detection on, in this order. */
export const INCIDENT_STATUSES = ["detected", "acknowledged", "mitigating", "resolved"] as const;

export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];

/** What to do about one kind of incident, written before it happens. */
export interface Runbook {
  /** `rate_limit_exhaustion`; alert rules name it. */
  readonly id: string;
  readonly name: string;
  /** When it applies, for people. */
  readonly trigger: string;
  readonly symptoms: readonly string[];
  readonly diagnosis: readonly string[];
  readonly actions: readonly RunbookAction[];
  /** From first to last: who is told, and after how many minutes without an acknowledgement or a resolution. */
  readonly escalation: readonly EscalationLevel[];
  readonly expectedMinutes: number;
  readonly href?: string;
}

export interface RunbookAction {
  /** `reduce_concurrency`; the name of a mitigation callback, where one is wired. */
  readonly id: string;
  readonly text: string;
}

export interface EscalationLevel {
  /** `L1`. */
  readonly level: string;
  readonly who: string;
  readonly task: string;
  /** Minutes after people were told of the incident at which this level is told, unless somebody has acknowledged (L2) or it is resolved (L3 and beyond). */
  readonly afterMinutes: number;
}

export interface TimelineEntry {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly kind:
    | "detected"
    | "alert"
    | "acknowledged"
    | "mitigating"
    | "action"
    | "escalated"
    | "overdue"
    | "note"
    | "resolved"
    | "reopened";
  readonly text: string;
  readonly by?: string;
  /** The runbook's action that was done, or tried. */
  readonly action?: string;
  /** The action was run, and failed. */
  readonly hasFailed?: boolean;
  /** How often the same has been told; only from two on. */
  readonly count?: number;
  /** When it was told last, where `count` is there. */
  readonly lastTime?: number;
  /** A note that the status page shows. */
  readonly isPublic?: boolean;
}

/** How long things took. Milliseconds for which the incident was open: time between a resolution and a reopening is none. */
export interface IncidentClocks {
  /** Until now, or until its alerts were over or somebody resolved it. */
  readonly openMs: number;
  /** The part of it since people were told, or were told again of a reopened one: escalation goes by it. */
  readonly episodeMs: number;
  /** From the beginning of the episode on, as `mitigatingAfterMs`. */
  readonly acknowledgedAfterMs?: number;
  readonly mitigatingAfterMs?: number;
  /** The runbook's expected minutes. */
  readonly expectedMs?: number;
  /** It took, or is taking, longer than expected. */
  readonly isOverdue: boolean;
}

/** Something that is wrong, from detection to resolution. Plain JSON; times are epoch milliseconds. */
export interface Incident {
  /**
   * `inc_` and a UUID v7: unique, and in order of `beganAt`. The same incident has the same id in the next process, as it
   * is made of what its first alert is about and when that began.
   */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly status: IncidentStatus;
  readonly runbook?: string;
  /** When the condition of its first alert began to hold. */
  readonly beganAt: number;
  readonly detectedAt: number;
  /** Since it was opened, or opened again; as `mitigatingAt`. */
  readonly acknowledgedAt?: number;
  readonly mitigatingAt?: number;
  readonly resolvedAt?: number;
  readonly acknowledgedBy?: string;
  /** The level that has been told last. */
  readonly level: string;
  readonly alerts: readonly Alert[];
  readonly traces: readonly string[];
  readonly timeline: readonly TimelineEntry[];
  /** An earlier incident of the same kind, and how many there have been in the last thirty days. */
  readonly similar: {
    readonly count: number;
    readonly last?: string;
    /** How many of them began in the last seven days. */
    readonly countInWeek?: number;
    /** Of those that are resolved. */
    readonly meanMsToResolve?: number;
    /** What was done in the last one, and did not fail: ids of actions. */
    readonly lastActions?: readonly string[];
  };
  /** What tells it from others of the same runbook: `{ feature: "summarizer" }`. */
  readonly labels: { readonly [name: string]: string };
  readonly clocks: IncidentClocks;
  /** When it was open: more than one where it was reopened. */
  readonly periods: readonly { readonly from: number; readonly to?: number }[];
  /** Alerts and entries of the timeline that were left out, as there were too many. */
  readonly leftOut: { readonly alerts: number; readonly entries: number };
}

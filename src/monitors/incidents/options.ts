import { checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
import type { Clock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Ids } from "../../core/ids.ts";
import { SEVERITIES, type Severity } from "../alerts/alert.ts";
import type { Notify } from "../channels/notification.ts";
import type { State } from "../state.ts";
import type { Incident, Runbook } from "./incident.ts";
import type { Mitigation } from "./mitigation.ts";
import { checkRunbooks } from "./runbook.ts";

export interface IncidentsOptions {
  /** Default: `defaultRunbooks`. */
  readonly runbooks?: readonly Runbook[] | undefined;
  /** Where people are told: `notifier()`. Default: nobody is told, and incidents are tracked. */
  readonly notify?: Notify | undefined;
  /** By the id of an action of a runbook: what `mitigate` runs. */
  readonly mitigations?: { readonly [actionId: string]: Mitigation } | undefined;
  /** Mitigations that are run by themselves as an incident opens, once each. Default: none. */
  readonly automatic?: readonly string[] | undefined;
  /** Labels that tell incidents of one runbook apart: those by which other people are at work. Default: feature and team. */
  readonly groupBy?: readonly string[] | undefined;
  /** An alert joins an open incident whose last news of an alert are not older. Default: as long as it is open. */
  readonly groupWindowMs?: number | undefined;
  /** Within this time after a resolution the same incident is opened again, instead of a new one. Default: 30 minutes. */
  readonly reopenMs?: number | undefined;
  /**
   * For how long all alerts must be over before an incident resolves itself; its clocks stop when they are over. Default: five
   * minutes, the window of most default rules: what comes back sooner is the same fault, and what flaps stays one incident.
   */
  readonly resolveAfterMs?: number | undefined;
  /**
   * For so long after people were told that an incident is open, they are not told again that one of the same runbook and
   * labels is open, or open again, unless it is graver; then they are, if something still fires. Default: ten minutes, so six
   * times an hour; as an incident stays open for five anyway, nobody is told later than after five.
   */
  readonly cooldownMs?: number | undefined;
  /** Incidents that are kept, the oldest resolved ones go first. Default: 500, a few MB. */
  readonly maxKept?: number | undefined;
  /** What is less severe is told as a ticket and opens no incident. Default: `sev3`. */
  readonly minSeverity?: Severity | undefined;
  /** Incidents and their clocks outlive the process in it: `stateFile(path)`. */
  readonly state?: State | undefined;
  /**
   * That of its part of the state: of several that share one, the last that was made goes on, and the others are silent from
   * then on. Default: `incidents`.
   */
  readonly name?: string | undefined;
  /** The address of a trace, for links. What is no text is no link. */
  readonly traceUrl?: ((traceId: string) => string) | undefined;
  /** Called for each change of an incident. What it throws, or rejects with, is swallowed. */
  readonly onChange?: ((incident: Incident) => void) | undefined;
  /**
   * A file that holds the status page: `.html` or `.json`. It is written at once, in a folder that is made if need be, so that
   * a path that cannot be written is known, and again on changes.
   */
  readonly statusPath?: string | undefined;
  /** Features that the status page shows also while nothing is wrong with them. */
  readonly statusComponents?: readonly string[] | undefined;
  /** Runbooks whose incidents users do not notice, such as `cost_spike`: they are not on the status page. Default: none. */
  readonly statusIgnore?: readonly string[] | undefined;
  /** The heading of the status page. Default: `Status`. */
  readonly statusTitle?: string | undefined;
  /** The status page shows the figures of alerts too. Default: false, it is fit for the public. */
  readonly statusDetails?: boolean | undefined;
  readonly clock?: Clock | undefined;
  /** Incidents' ids are made of one `spanId()` and of what they are about. */
  readonly ids?: Ids | undefined;
}

/** Throws a `ConfigError` for what could not work, or would not be noticed before the night it is needed. */
export function checkIncidentsOptions(options: IncidentsOptions, runbooks: readonly Runbook[]): void {
  const duration = [isDuration, "milliseconds from 0 on"] as const;
  checkOptions("incidents", options, {
    runbooks: [Array.isArray, "a list of runbooks"],
    notify: [(value) => has(value, "notify"), "an object with notify(), such as notifier()"],
    mitigations: [isFunctions, "an object of functions by the ids of actions"],
    automatic: [isTexts, "a list of ids of actions"],
    groupBy: [isTexts, "a list of labels"],
    groupWindowMs: duration,
    reopenMs: duration,
    resolveAfterMs: duration,
    cooldownMs: duration,
    maxKept: [(value) => Number.isInteger(value) && (value as number) >= 1, "a whole number from 1 on"],
    minSeverity: [(value) => (SEVERITIES as readonly unknown[]).includes(value), `one of ${SEVERITIES.join(", ")}`],
    state: [(value) => has(value, "load") && has(value, "changed"), "a state, such as stateFile(path)"],
    name: [(value) => typeof value === "string" && value !== "", "a text"],
    traceUrl: [isFunction, "a function from a trace id to an address"],
    onChange: [isFunction, "a function"],
    statusPath: [
      (value) => typeof value === "string" && /\.(?:html?|json)$/i.test(value),
      "a path that ends in .html or .json",
    ],
    statusComponents: [isTexts, "a list of names"],
    statusIgnore: [isTexts, "a list of ids of runbooks"],
    statusTitle: [(value) => typeof value === "string", "a text"],
    statusDetails: [isBoolean, "true or false"],
    clock: [(value) => has(value, "epochMs") && has(value, "monotonicMs"), "a clock with epochMs() and monotonicMs()"],
    ids: [(value) => has(value, "spanId"), "ids with spanId()"],
  });
  checkRunbooks(runbooks);
  const actions = new Set(runbooks.flatMap((runbook) => runbook.actions.map(({ id }) => id)));
  const { mitigations = {}, automatic = [] } = options;
  for (const id of Object.keys(mitigations)) {
    if (!actions.has(id)) {
      const known = [...actions].join(", ");
      throw wrong(
        `mitigations has "${id}", which is no action of a runbook. Actions: ${known}. Add it to a runbook's actions.`,
      );
    }
  }
  for (const id of automatic) {
    if (!Object.hasOwn(mitigations, id)) {
      throw wrong(`automatic has "${id}", but mitigations has no such callback. Add mitigations: { ${id}: … }.`);
    }
  }
}

function wrong(problem: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VALUE", `incidents(): ${problem}`);
}

function has(value: unknown, method: string): boolean {
  return typeof value === "object" && value !== null && isFunction((value as { [name: string]: unknown })[method]);
}

function isDuration(value: unknown): boolean {
  return typeof value === "number" && value >= 0;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function isFunctions(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.values(value).every(isFunction);
}

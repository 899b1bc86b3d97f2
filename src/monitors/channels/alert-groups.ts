import type { Clock } from "../../core/clock.ts";
import { uuid } from "../../core/ids.ts";
import type { Alert, AlertEvent } from "../alerts/alert.ts";
import { aboutAlerts } from "./about-alerts.ts";
import type { Notification } from "./notification.ts";
import { clip, oneLine, shortHash } from "./text.ts";

export interface AlertGroups {
  alert(event: AlertEvent): void;
  /** Tells what is due. `isNow`: without waiting for more of a group. */
  tick(isNow?: boolean): void;
  /** Of alerts that came and went within `groupWaitMs`. */
  readonly skipped: number;
  close(): void;
  save(): unknown;
}

export interface AlertGroupsOptions {
  /** `rule`, `severity`, or names of labels. */
  readonly groupBy: readonly string[];
  readonly groupWaitMs: number;
  readonly clock: Clock;
  readonly emit: (notification: Notification) => void;
  readonly changed: () => void;
  readonly saved?: unknown;
}

/** Alerts that are told of together. */
interface Group {
  readonly key: string;
  /** By fingerprint. */
  readonly firing: Map<string, Alert>;
  /** What fired and is over, since the group was first told of. */
  readonly gone: Map<string, Alert>;
  /** Fingerprints of what people believe to fire. */
  told: Set<string>;
  /** Something may have changed; on the monotonic clock, when to tell. */
  dueMs: number | undefined;
}

/** A rule over every user of a large service; who needs more asks the metrics. */
const MAX_ALERTS = 1_000;
const MAX_GROUPS = 1_000;
/** What is over already only adds to the picture. */
const MAX_GONE = 100;

/**
 * Makes messages of alerts. A group is triggered as its first alert fires, updated as others come or go, and resolved when
 * none is left. What was not told is not resolved; what was told is resolved even where the end is quiet (silenced
 * meanwhile), or a page would stay open.
 */
export function alertGroups(options: AlertGroupsOptions): AlertGroups {
  const { clock, groupWaitMs } = options;
  const groups = restored(options.saved);
  let skipped = 0;
  let timer: NodeJS.Timeout | undefined;

  function wait(group: Group): void {
    group.dueMs ??= clock.monotonicMs() + groupWaitMs;
    timer ??= setTimeout(later, groupWaitMs).unref();
    options.changed();
  }

  /** The clock of a test may stand still meanwhile. */
  function later(): void {
    timer = undefined;
    tick();
    const due = [...groups.values()].flatMap(({ dueMs }) => dueMs ?? []);
    if (due.length > 0) timer = setTimeout(later, Math.max(Math.min(...due) - clock.monotonicMs(), 1)).unref();
  }

  function tick(isNow = false): void {
    const nowMs = clock.monotonicMs();
    for (const group of [...groups.values()]) {
      if (group.dueMs === undefined || (group.dueMs > nowMs && !isNow)) continue;
      group.dueMs = undefined;
      tell(group);
    }
  }

  function tell(group: Group): void {
    const { key, firing, gone, told } = group;
    const action = told.size === 0 ? "trigger" : firing.size === 0 ? "resolve" : "update";
    const isNews = firing.size !== told.size || [...firing.keys()].some((fingerprint) => !told.has(fingerprint));
    if (firing.size === 0) groups.delete(key);
    if (!isNews) {
      // It came and went before anybody was told.
      if (told.size === 0) skipped++;
      return;
    }
    group.told = new Set(firing.keys());
    const about = aboutAlerts([...firing.values()], [...gone.values()]);
    options.emit({ id: uuid(), key, action, time: clock.epochMs(), links: [], ...about });
    options.changed();
  }

  return {
    alert({ alert, to, isQuiet }) {
      const key = groupKey(alert, options.groupBy);
      const known = groups.get(key);
      if (to === "firing") {
        if (known?.firing.has(alert.fingerprint)) known.firing.set(alert.fingerprint, alert);
        else if (!isQuiet) join(alert, known, key);
        return;
      }
      if (!known?.firing.delete(alert.fingerprint)) return;
      if (known.told.has(alert.fingerprint)) remember(known.gone, alert);
      wait(known);
    },
    tick,
    get skipped() {
      return skipped;
    },
    close: () => clearTimeout(timer),
    save: () =>
      [...groups.values()].map(({ firing, gone, told, ...group }) => ({
        key: group.key,
        firing: [...firing.values()],
        gone: [...gone.values()],
        told: [...told],
      })),
  };

  function join(alert: Alert, known: Group | undefined, key: string): void {
    const group = known ?? { key, firing: new Map(), gone: new Map(), told: new Set(), dueMs: undefined };
    if (known === undefined && groups.size >= MAX_GROUPS) return void skipped++;
    if (group.firing.size >= MAX_ALERTS) return void skipped++;
    groups.set(key, group);
    group.gone.delete(alert.fingerprint);
    group.firing.set(alert.fingerprint, alert);
    wait(group);
  }
}

function remember(gone: Map<string, Alert>, alert: Alert): void {
  gone.set(alert.fingerprint, alert);
  if (gone.size > MAX_GONE) gone.delete(gone.keys().next().value!);
}

function restored(saved: unknown): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { key, firing, gone, told } of Array.isArray(saved) ? saved : []) {
    const byFingerprint = (alerts: Alert[]) => new Map(alerts.map((alert) => [alert.fingerprint, alert]));
    // An earlier process may have ended while it waited for more of a group.
    groups.set(key, { key, firing: byFingerprint(firing), gone: byFingerprint(gone), told: new Set(told), dueMs: 0 });
  }
  return groups;
}

/** Readable, and of its own for each group: `High error rate sev2 1f2e3d4c5b6a7988`. */
function groupKey(alert: Alert, groupBy: readonly string[]): string {
  const values = groupBy.map((name) => {
    if (name === "rule") return alert.rule.name;
    return name === "severity" ? alert.rule.severity : (alert.labels[name] ?? alert.rule.labels?.[name] ?? "");
  });
  return `${clip(oneLine(values.join(" ")), 200)} ${shortHash(JSON.stringify(values))}`;
}

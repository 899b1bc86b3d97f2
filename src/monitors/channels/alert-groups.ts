import type { Clock } from "../../core/clock.ts";
import { uuid } from "../../core/ids.ts";
import { type Alert, type AlertEvent, SEVERITIES, type Severity } from "../alerts/alert.ts";
import { aboutAlerts } from "./about-alerts.ts";
import type { Notification } from "./notification.ts";
import { MAX_TIMEOUT_MS } from "./options.ts";
import { clip, oneLine, shortHash } from "./text.ts";

export interface AlertGroups {
  alert(event: AlertEvent): void;
  /** Tells what is due. `isNow`: without waiting for more of a group. */
  tick(isNow?: boolean): void;
  /** Alerts that came and went before they could be told. */
  readonly skipped: number;
  close(): void;
  /** They are somebody else's from now on. */
  forget(): void;
  save(): unknown;
}

export interface AlertGroupsOptions {
  /** `rule`, `severity`, or names of labels. */
  readonly groupBy: readonly string[];
  readonly groupWaitMs: number;
  readonly cooldownMs: number;
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
  /** When it was triggered last, on the monotonic clock. */
  triggered: { readonly atMs: number; readonly severity: Severity } | undefined;
}

/** A rule over every user of a large service; who needs more asks the metrics. */
const MAX_ALERTS = 1_000;
const MAX_GROUPS = 1_000;
/** What is over already only adds to the picture. */
const MAX_GONE = 100;

/**
 * Makes messages of alerts. A group is triggered as its first alert fires, updated as others come or go, and resolved when
 * none is left; then it is not triggered again within `cooldownMs`, unless it is graver: told at the end of that, if something
 * still fires. What was not told is not resolved; what was told is resolved even where the end is quiet (silenced
 * meanwhile), or a page would stay open.
 */
export function alertGroups(options: AlertGroupsOptions): AlertGroups {
  const { clock, groupWaitMs, cooldownMs } = options;
  const groups = restored(options.saved, clock);
  let skipped = 0;
  let timer: NodeJS.Timeout | undefined;
  let timerMs = Number.POSITIVE_INFINITY;

  function wait(group: Group): void {
    group.dueMs = Math.min(group.dueMs ?? Number.POSITIVE_INFINITY, clock.monotonicMs() + groupWaitMs);
    wake(group.dueMs);
    options.changed();
  }

  function wake(dueMs: number): void {
    if (timer !== undefined && timerMs <= dueMs) return;
    clearTimeout(timer);
    timerMs = dueMs;
    timer = setTimeout(later, Math.min(Math.max(dueMs - clock.monotonicMs(), 1), MAX_TIMEOUT_MS)).unref();
  }

  /** The clock of a test may stand still meanwhile. */
  function later(): void {
    timer = undefined;
    tick();
    const due = [...groups.values()].flatMap(({ dueMs }) => dueMs ?? []);
    if (due.length > 0) wake(Math.min(...due));
  }

  function sleep(): void {
    clearTimeout(timer);
    timer = undefined;
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
    const coolMs = (group.triggered?.atMs ?? Number.NEGATIVE_INFINITY) + cooldownMs;
    const isCooling = coolMs > clock.monotonicMs();
    if (firing.size === 0 && !isCooling) groups.delete(key);
    if (isCooling && (firing.size === 0 || (action === "trigger" && !isGraver(group)))) {
      group.dueMs = coolMs;
      wake(coolMs);
      if (action === "trigger") return;
    }
    if (!isNews) return;
    group.told = new Set(firing.keys());
    const about = aboutAlerts([...firing.values()], [...gone.values()]);
    if (action === "trigger") group.triggered = { atMs: clock.monotonicMs(), severity: about.severity };
    if (action === "resolve") gone.clear();
    options.emit({ id: uuid(), key, action, time: clock.epochMs(), links: [], ...about });
    options.changed();
  }

  function isGraver({ firing, triggered }: Group): boolean {
    const gravest = Math.min(...[...firing.values()].map(({ rule }) => SEVERITIES.indexOf(rule.severity)));
    return triggered !== undefined && gravest < SEVERITIES.indexOf(triggered.severity);
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
      else skipped++;
      wait(known);
    },
    tick,
    get skipped() {
      return skipped;
    },
    close: sleep,
    forget() {
      sleep();
      groups.clear();
    },
    save: () =>
      [...groups.values()].map(({ key, firing, gone, told, triggered }) => ({
        key,
        firing: [...firing.values()],
        gone: [...gone.values()],
        told: [...told],
        ...(triggered !== undefined && {
          triggeredAt: clock.epochMs() - (clock.monotonicMs() - triggered.atMs),
          severity: triggered.severity,
        }),
      })),
  };

  function join(alert: Alert, known: Group | undefined, key: string): void {
    const fresh = { firing: new Map(), gone: new Map(), told: new Set<string>(), dueMs: undefined };
    const group = known ?? { key, ...fresh, triggered: undefined };
    if (known === undefined && groups.size >= MAX_GROUPS && !makeRoom()) return void skipped++;
    if (group.firing.size >= MAX_ALERTS) return void skipped++;
    groups.set(key, group);
    group.gone.delete(alert.fingerprint);
    group.firing.set(alert.fingerprint, alert);
    wait(group);
  }

  /** Of a group that is over only its cooldown is lost. */
  function makeRoom(): boolean {
    const over = [...groups.values()].find(({ firing, told }) => firing.size === 0 && told.size === 0);
    return over !== undefined && groups.delete(over.key);
  }
}

function remember(gone: Map<string, Alert>, alert: Alert): void {
  gone.set(alert.fingerprint, alert);
  if (gone.size > MAX_GONE) gone.delete(gone.keys().next().value!);
}

function restored(saved: unknown, clock: Clock): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const { key, firing, gone, told, triggeredAt, severity } of Array.isArray(saved) ? saved : []) {
    const byFingerprint = (alerts: Alert[]) => new Map(alerts.map((alert) => [alert.fingerprint, alert]));
    // An earlier process may have ended while it waited for more of a group.
    const alerts = { firing: byFingerprint(firing), gone: byFingerprint(gone), told: new Set<string>(told) };
    // A wall clock that was set back meanwhile: no time has passed.
    const atMs = clock.monotonicMs() - Math.max(0, clock.epochMs() - triggeredAt);
    const triggered = Number.isFinite(atMs) ? { atMs, severity } : undefined;
    groups.set(key, { key, ...alerts, triggered, dueMs: 0 });
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

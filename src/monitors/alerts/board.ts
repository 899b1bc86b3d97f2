import type { Clock } from "../../core/clock.ts";
import { debug, guard, swallow } from "../../core/guard.ts";
import type { Metric, Query, Reading, Source } from "../reading.ts";
import { type Alert, type AlertEvent, type AlertRule, type AlertState, SEVERITIES } from "./alert.ts";
import { checkReadings } from "./check-reading.ts";
import { groupOf, judge, type Read } from "./judge.ts";
import { cooldownLeft, fromSaved, toSaved } from "./saved.ts";
import type { Silences } from "./silences.ts";
import { end, type Now, step } from "./step.ts";
import { toAlert, type Watched, watch } from "./watched.ts";

/** Sources cap their groups themselves; this is for one that does not. A group is about 1 KB. */
const MAX_GROUPS = 1_000;

/** All alerts, and how they change. No timers, no listeners. */
export interface Board {
  evaluate(now: Now): readonly AlertEvent[];
  all(): readonly Alert[];
  /** Something pends, fires or cools down: what it is saved as changes with time. */
  isBusy(): boolean;
  /** Plain JSON, for `load` of the next process. */
  save(): readonly unknown[];
  load(saved: readonly unknown[], gapMs: number): void;
  /** The last thing that went wrong with a source, until it goes well again. */
  problem(): string | undefined;
}

interface Known {
  readonly rule: AlertRule;
  readonly metric: Metric;
  readonly source: Source;
}

interface Change {
  readonly watched: Watched;
  readonly from: AlertState;
}

export function createBoard(options: {
  readonly rules: readonly Known[];
  readonly silences: Silences;
  readonly clock: Clock;
  readonly staleMs: number;
}): Board {
  const { rules, silences, clock, staleMs } = options;
  const groups = new Map(rules.map(({ rule }) => [rule, new Map<string, Watched>()]));
  /** Of rules that are gone: told as over by the next evaluation. */
  let orphans: Watched[] = [];
  const problems = new Map<string, string>();

  function everything(): Watched[] {
    return [...orphans, ...[...groups.values()].flatMap((ofRule) => [...ofRule.values()])];
  }

  function readClock(): Now {
    return { epochMs: clock.epochMs(), monotonicMs: clock.monotonicMs() };
  }

  function advance(known: Known, read: Read, now: Now, changes: Change[]): void {
    const { rule, metric } = known;
    const ofRule = groups.get(rule)!;
    const full = `groups of ${rule.name}`;
    let isFull = false;
    const wanted = (group: string, { labels }: Reading) => {
      if (!ofRule.has(group) && ofRule.size >= MAX_GROUPS) {
        isFull = true;
        said(problems, full, `more than ${MAX_GROUPS} groups: the rest has no alerts`);
        return false;
      }
      if (!ofRule.has(group)) ofRule.set(group, watch(rule, metric.unit, labels, now.epochMs));
      return true;
    };
    const ended = [...ofRule.values()].map(({ endedAt = Number.NEGATIVE_INFINITY }) => endedAt);
    const verdicts = judge(rule, metric, read, now.monotonicMs - Math.max(...ended), wanted);
    if (!isFull) problems.delete(full);
    // So that a rule without any data is seen to have none.
    if (ofRule.size === 0) ofRule.set("[]", watch(rule, metric.unit, {}, now.epochMs));
    for (const [group, watched] of ofRule) {
      const from = watched.state;
      const verdict = verdicts.get(group);
      step(watched, verdict, now, staleMs);
      if (watched.state === "no_data" && problems.has(rule.metric)) watched.reason = "source_failed";
      if (watched.state !== from || (watched.isNew && !isAlarmed(watched))) changes.push({ watched, from });
      watched.isNew = false;
      const isGone = verdict === undefined && watched.state === "no_data" && cooldownLeft(watched, now) <= 0;
      if (isGone && (ofRule.size > 1 || group !== "[]")) ofRule.delete(group);
    }
  }

  /** A rule that cannot be evaluated leaves its alerts as they are, and the other rules have their turn. */
  function tryTo({ rule }: Known, run: () => void): void {
    const what = `rule ${rule.name}`;
    try {
      run();
      problems.delete(what);
    } catch (error) {
      failed(what, "it cannot be evaluated", error);
    }
  }

  /** Counted once: it will be the same every fifteen seconds. */
  function failed(what: string, how: string, error: unknown): void {
    if (!problems.has(what)) swallow(error);
    said(problems, what, `${how}: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** Each figure is asked for once in an evaluation, however many rules are about it. */
  function reader(): Read {
    const cache = new Map<string, ReadonlyMap<string, Reading>>();
    const sources = new Map(rules.map(({ rule, source }) => [rule.metric, source]));
    return (metric, query) => {
      const key = `${metric} ${query.windowMs} ${query.by} ${query.above} ${query.where && JSON.stringify(query.where)}`;
      let readings = cache.get(key);
      if (readings === undefined) cache.set(key, (readings = readFrom(sources.get(metric)!, metric, query)));
      return readings;
    };
  }

  function readFrom(source: Source, metric: string, query: Query): ReadonlyMap<string, Reading> {
    try {
      const readings = checkReadings(source.read(metric, query));
      const byGroup = new Map<string, Reading>();
      for (const reading of readings) {
        const group = groupOf(reading.labels);
        if (!byGroup.has(group)) byGroup.set(group, reading);
      }
      problems.delete(metric);
      return byGroup;
    } catch (error) {
      failed(metric, "its source failed", error);
      return new Map();
    }
  }

  /** Decides who is told, when all alerts are where they belong. */
  function eventsOf(changes: readonly Change[], now: Now): AlertEvent[] {
    const changed = new Map(changes.map((change) => [change.watched, change.from]));
    const all = everything();
    const gravest = gravestFiring(all);
    const alarmed = new Set(all.filter(isAlarmed).map((watched) => subjectOf(watched)));
    const eventOf = (watched: Watched): AlertEvent | undefined => {
      const wasSilenced = watched.isSilenced;
      watched.isSilenced = silences.covers(watched);
      const from = changed.get(watched);
      const isToTell =
        watched.state === "firing" &&
        !watched.isTold &&
        !watched.isSilenced &&
        cooldownLeft(watched, now) <= 0 &&
        gravest.get(subjectOf(watched))! >= SEVERITIES.indexOf(watched.rule.severity) &&
        !watched.rule.unless?.some((metric) => alarmed.has(subjectOf(watched, metric)));
      const isNews = isToTell || (watched.state === "firing" && watched.isSilenced !== wasSilenced);
      if (!isNews && from === undefined) return undefined;
      const isEnd = watched.state === "resolved" && watched.isTold;
      const alert = toAlert(watched, staleMs);
      // Now that there is something to tell.
      if (isToTell) Object.assign(watched, { isTold: true, toldAt: now.monotonicMs });
      if (watched.state === "resolved") watched.isTold = false;
      return { alert, from: from ?? "firing", to: watched.state, time: now.epochMs, isQuiet: !isToTell && !isEnd };
    };
    const events: AlertEvent[] = [];
    for (const watched of all) {
      const event = guard(() => eventOf(watched), undefined);
      if (event !== undefined) events.push(event);
    }
    // Groups that are gone: nobody finds them any more, but they have changed.
    const found = new Set(all);
    for (const { watched, from } of changes) {
      if (found.has(watched)) continue;
      events.push({ alert: toAlert(watched, staleMs), from, to: watched.state, time: now.epochMs, isQuiet: true });
    }
    return events;
  }

  return {
    evaluate(now) {
      const changes: Change[] = [];
      for (const watched of orphans) {
        end(watched, "rule_gone", now);
        changes.push({ watched, from: "firing" });
      }
      const read = reader();
      for (const known of rules) tryTo(known, () => advance(known, read, now, changes));
      const events = eventsOf(changes, now);
      orphans = [];
      return events;
    },
    all: () => everything().map((watched) => toAlert(watched, staleMs)),
    isBusy() {
      const now = readClock();
      return everything().some((watched) => toSaved(watched, now) !== undefined);
    },
    save() {
      const now = readClock();
      return everything().flatMap((watched) => toSaved(watched, now) ?? []);
    },
    load(saved, gapMs) {
      const now = readClock();
      for (const entry of saved) {
        const restored = guard(() => fromSaved(entry, rules, gapMs, now), undefined);
        if (restored === undefined) continue;
        const { watched, isOrphan } = restored;
        if (isOrphan) orphans.push(watched);
        else groups.get(watched.rule)!.set(watched.group, watched);
      }
    },
    problem: () => [...problems].map((pair) => pair.join(": ")).at(-1),
  };
}

function said(problems: Map<string, string>, what: string, problem: string): void {
  if (!problems.has(what)) debug(`alerts: ${what}: ${problem}`);
  problems.set(what, problem);
}

/** By subject: the place in SEVERITIES of the gravest alert that fires. */
function gravestFiring(all: readonly Watched[]): Map<string, number> {
  const gravest = new Map<string, number>();
  for (const watched of all) {
    if (watched.state !== "firing") continue;
    const subject = subjectOf(watched);
    const severity = SEVERITIES.indexOf(watched.rule.severity);
    gravest.set(subject, Math.min(severity, gravest.get(subject) ?? severity));
  }
  return gravest;
}

function isAlarmed({ state }: Watched): boolean {
  return state === "pending" || state === "firing";
}

/** What two rules about one metric and one group have in common. */
function subjectOf({ rule, group }: Watched, metric: string = rule.metric): string {
  const { where } = rule;
  return `${metric} ${JSON.stringify(where ?? {})} ${group}`;
}

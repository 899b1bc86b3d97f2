import { callBack } from "../../core/guard.ts";
import { type Alert, type AlertEvent, SEVERITIES, type Severity } from "../alerts/alert.ts";
import type { Desk } from "./desk.ts";
import { unknownRunbooks } from "./known-runbooks.ts";
import { alertMessage } from "./messages.ts";
import { incidentId, kindOf, openTracked } from "./opening.ts";
import type { IncidentsOptions } from "./options.ts";
import { earlierOnes, similarOf } from "./similar.ts";
import { durationText } from "./time-text.ts";
import { addEntry, beginPeriod, holds, isAudible, isFiring, openMsOf, putAlert, type Tracked } from "./tracked.ts";

/** What alerts do to incidents. */
export interface AlertWork {
  alert(event: AlertEvent): void;
  /** Resolves the incident if its alerts have been over for long enough; true if so. */
  settle(tracked: Tracked): boolean;
  /** Tells people that it is open, or open again, if that is still to be done and time for it; true if so. */
  tellIfDue(tracked: Tracked): boolean;
}

const DEFAULT_REOPEN_MS = 30 * 60_000;
const DEFAULT_RESOLVE_AFTER_MS = 5 * 60_000;
const DEFAULT_COOLDOWN_MS = 10 * 60_000;
/** Tickets that have been told and not taken back; the oldest are forgotten, and their end is not told. */
const MAX_TICKETS = 500;

/** `opened` is called for each new incident. */
export function alertWork(desk: Desk, options: IncidentsOptions, opened: (tracked: Tracked) => void): AlertWork {
  const { book, steady, tickets, tell, changed } = desk;
  const { notify, groupBy = ["feature", "team"], minSeverity = "sev3" } = options;
  const { groupWindowMs = Number.POSITIVE_INFINITY, reopenMs = DEFAULT_REOPEN_MS } = options;
  const { resolveAfterMs = DEFAULT_RESOLVE_AFTER_MS, cooldownMs = DEFAULT_COOLDOWN_MS } = options;

  const checkRunbook = unknownRunbooks(options.runbooks ?? []);

  function fires(event: AlertEvent): void {
    const { alert, isQuiet } = event;
    const kind = kindOf(alert, groupBy);
    const nowMs = steady.nowMs();
    const open = book.open();
    const own = open.findLast((each) => holds(each, alert.fingerprint));
    // Nobody is to know of a silenced one: it makes no incident longer and none more severe.
    if (alert.isSilenced && own === undefined) return;
    // It fired before, and nothing but a silence of it has changed: one that was resolved by hand stays so.
    if (isQuiet && event.from === "firing" && own === undefined) return;
    const holder = own ?? open.findLast((each) => each.kind === kind && nowMs - each.alertMs <= groupWindowMs);
    if (holder !== undefined) {
      join(holder, event);
      return;
    }
    const before = book.all().findLast((each) => each.kind === kind);
    const isRecent = before?.resolvedMs !== undefined && nowMs - before.resolvedMs <= reopenMs;
    // A quiet one belongs to what has been told of it before, or to nothing.
    if (isRecent && (!isQuiet || holds(before, alert.fingerprint))) reopen(before, event);
    else if (!isQuiet) begin(event, kind);
  }

  function begin(event: AlertEvent, kind: string): void {
    const nowMs = steady.nowMs();
    const beganAt = event.alert.startedAt ?? event.time;
    const id = incidentId(desk.salt, kind, beganAt, (each) => book.get(each) !== undefined);
    const similar = similarOf(earlierOnes(book.all(), kind, nowMs), nowMs);
    const tracked = openTracked(id, event, groupBy, desk.runbookOf(event.alert.rule), similar, nowMs);
    if (!book.add(tracked)) {
      // Full of open ones: it is told all the same.
      ticket(event);
      return;
    }
    tellIfDue(tracked);
    changed(tracked);
    opened(tracked);
  }

  function join(tracked: Tracked, event: AlertEvent): void {
    const { alert, time } = event;
    const { rule } = alert;
    const isNew = !isFiring(tracked, alert.fingerprint);
    putAlert(tracked, alert, true, steady.nowMs());
    if (isNew) addEntry(tracked, { time, kind: "alert", text: wordsOf(alert), key: `${alert.fingerprint} fires` });
    const hasRisen = !alert.isSilenced && rises(tracked, rule.severity);
    const prefix = `Now ${tracked.severity}`;
    if (hasRisen) addEntry(tracked, { time, kind: "alert", text: `${prefix}, by ${rule.name}` });
    if (tracked.isQuiet) {
      if (!event.isQuiet) tracked.isToTell = true;
      tellIfDue(tracked);
    } else if (hasRisen) {
      if (tracked.toldMs !== undefined) tracked.toldSeverity = tracked.severity;
      tell(tracked, { what: tracked.severity, action: "update", prefix, text: wordsOf(alert) });
    }
    changed(tracked);
  }

  function reopen(tracked: Tracked, event: AlertEvent): void {
    const { alert, time, isQuiet } = event;
    const nowMs = steady.nowMs();
    const openMs = openMsOf(tracked, nowMs);
    // Who was at it has gone home: it is to be acknowledged anew, and levels are told anew.
    for (const key of NEW_IN_EPISODE) delete tracked[key];
    Object.assign(tracked, { openBeforeMs: openMs, episodeMs: openMs, openedMs: nowMs, status: "detected" });
    Object.assign(tracked, { toldLevel: 0, isOverdueTold: false, isQuiet: true, isToTell: !isQuiet });
    tracked.reopened++;
    rises(tracked, alert.rule.severity);
    putAlert(tracked, alert, true, nowMs);
    beginPeriod(tracked, time);
    addEntry(tracked, { time, kind: "reopened", text: `Fires again: ${wordsOf(alert)}` });
    tellIfDue(tracked);
    changed(tracked);
  }

  function tellIfDue(tracked: Tracked): boolean {
    if (!tracked.isToTell || !isAudible(tracked) || isDamped(tracked)) return false;
    const nowMs = steady.nowMs();
    // Who is told later has as long to acknowledge as who is told at once.
    if (tracked.isQuiet) tracked.episodeMs = openMsOf(tracked, nowMs);
    tracked.isQuiet = false;
    // Who dies from here on tells it once more, with the same id and key: rather that than not at all.
    desk.saveNow();
    if (tracked.toldMs === undefined) tell(tracked, { what: "trigger", action: "trigger" });
    else tell(tracked, { what: "reopened", action: "update", prefix: "Open again", text: whatFires(tracked) });
    tracked.toldMs = nowMs;
    tracked.toldSeverity = tracked.severity;
    return true;
  }

  /** People were told of one of its kind a moment ago, and it is no graver. */
  function isDamped({ kind, severity, isQuiet }: Tracked): boolean {
    if (!isQuiet) return false;
    return book.all().some(({ kind: other, toldMs, toldSeverity }) => {
      if (other !== kind || toldMs === undefined || steady.nowMs() - toldMs >= cooldownMs) return false;
      return !isGraver(severity, toldSeverity ?? severity);
    });
  }

  function ends({ alert, time }: AlertEvent): void {
    const tracked = book.all().findLast((each) => isFiring(each, alert.fingerprint));
    if (tracked === undefined) return;
    putAlert(tracked, alert, false, steady.nowMs());
    addEntry(tracked, { time, kind: "alert", text: `Over: ${wordsOf(alert)}`, key: `${alert.fingerprint} ends` });
    if (!settle(tracked)) changed(tracked);
  }

  function settle(tracked: Tracked): boolean {
    const { status, calmMs } = tracked;
    if (status === "resolved" || calmMs === undefined) return false;
    const calmForMs = steady.nowMs() - calmMs;
    if (calmForMs < resolveAfterMs) return false;
    const since = calmForMs > 0 ? `have been over for ${durationText(calmForMs)}` : "are over";
    desk.resolve(tracked, `All of its alerts ${since}.`);
    return true;
  }

  function ticket(event: AlertEvent): void {
    const { alert, to, isQuiet } = event;
    if (to === "firing" ? isQuiet : !tickets.delete(alert.fingerprint)) return;
    if (to === "firing") {
      if (tickets.size >= MAX_TICKETS) tickets.delete(tickets.values().next().value as string);
      tickets.add(alert.fingerprint);
    }
    desk.save();
    callBack(() => notify?.notify(alertMessage(event, desk.runbookOf(alert.rule), options.traceUrl)));
  }

  return {
    alert(event) {
      checkRunbook(event.alert.rule);
      const isMinor = SEVERITIES.indexOf(event.alert.rule.severity) > SEVERITIES.indexOf(minSeverity);
      if (event.to === "firing") (isMinor ? ticket : fires)(event);
      else if (event.to === "resolved" || event.to === "inactive") {
        ticket(event);
        ends(event);
      }
    },
    settle,
    tellIfDue,
  };
}

const NEW_IN_EPISODE = [
  "resolvedMs",
  "resolvedAt",
  "acknowledgedAt",
  "acknowledgedBy",
  "acknowledgedAfterMs",
  "mitigatingAt",
  "mitigatingAfterMs",
] as const;

function isGraver(severity: Severity, than: Severity): boolean {
  return SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(than);
}

/** True if it is more severe now. It never becomes less so. */
function rises(tracked: Tracked, severity: Severity): boolean {
  if (!isGraver(severity, tracked.severity)) return false;
  tracked.severity = severity;
  return true;
}

/** The last one that is known: it may be one of more than are shown. */
function whatFires({ alerts }: Tracked): string {
  const last = alerts.findLast(({ isActive }) => isActive) ?? alerts.at(-1);
  return last === undefined ? "" : `${last.alert.rule.name}: ${last.fired}`;
}

function wordsOf({ rule, message }: Alert): string {
  return `${rule.name}: ${message}`;
}

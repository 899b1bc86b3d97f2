import { guard } from "../../core/guard.ts";
import { checkedIds, systemIds } from "../../core/ids.ts";
import { type Alert, type AlertEvent, SEVERITIES, type Severity } from "../alerts/alert.ts";
import type { Desk } from "./desk.ts";
import { alertMessage } from "./messages.ts";
import { incidentId, kindOf, openTracked } from "./opening.ts";
import type { IncidentsOptions } from "./options.ts";
import { earlierOnes, similarOf } from "./similar.ts";
import { addEntry, beginPeriod, holds, isFiring, openMsOf, putAlert, type Tracked } from "./tracked.ts";

/** What alerts do to incidents. */
export interface AlertWork {
  alert(event: AlertEvent): void;
  /** Resolves the incident if its alerts have been over for long enough; true if so. */
  settle(tracked: Tracked): boolean;
}

const DEFAULT_REOPEN_MS = 30 * 60_000;
/** Tickets that have been told and not taken back; the oldest are forgotten, and their end is not told. */
const MAX_TICKETS = 500;

/** `opened` is called for each new incident. */
export function alertWork(desk: Desk, options: IncidentsOptions, opened: (tracked: Tracked) => void): AlertWork {
  const { book, steady, tickets, tell, changed } = desk;
  const { notify, groupBy = ["feature", "team"], minSeverity = "sev3" } = options;
  const { groupWindowMs = Number.POSITIVE_INFINITY, reopenMs = DEFAULT_REOPEN_MS, resolveAfterMs = 0 } = options;
  const ids = checkedIds(options.ids ?? systemIds);

  function fires(event: AlertEvent): void {
    const { alert, isQuiet } = event;
    const kind = kindOf(alert, groupBy);
    const nowMs = steady.nowMs();
    const open = book.open();
    const own = open.findLast((each) => holds(each, alert.fingerprint));
    // Nobody is to know of a silenced one: it makes no incident longer and none more severe.
    if (alert.isSilenced && own === undefined) return;
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
    const id = incidentId(ids, desk.clock.epochMs(), (each) => book.get(each) !== undefined);
    const similar = similarOf(earlierOnes(book.all(), kind, nowMs), nowMs);
    const tracked = openTracked(id, event, groupBy, desk.runbookOf(event.alert.rule), similar, nowMs);
    if (!book.add(tracked)) {
      // Full of open ones: it is told all the same.
      ticket(event);
      return;
    }
    tell(tracked, { what: "trigger", action: "trigger" });
    changed(tracked);
    opened(tracked);
  }

  function join(tracked: Tracked, event: AlertEvent): void {
    const { alert, time } = event;
    const { rule } = alert;
    const isNew = !isFiring(tracked, alert.fingerprint);
    putAlert(tracked, alert, true, steady.nowMs());
    if (isNew) addEntry(tracked, { time, kind: "alert", text: wordsOf(alert), key: `${alert.fingerprint} fires` });
    if (tracked.isQuiet && !event.isQuiet) {
      tellReopened(tracked, event);
    } else if (rises(tracked, rule.severity)) {
      const prefix = `Now ${tracked.severity}`;
      addEntry(tracked, { time, kind: "alert", text: `${prefix}, by ${rule.name}` });
      tell(tracked, { what: tracked.severity, action: "update", prefix, text: wordsOf(alert) });
    }
    changed(tracked);
  }

  function reopen(tracked: Tracked, event: AlertEvent): void {
    const { alert, time, isQuiet } = event;
    const nowMs = steady.nowMs();
    tracked.openBeforeMs = openMsOf(tracked, nowMs);
    tracked.openedMs = nowMs;
    tracked.status = tracked.acknowledgedAt === undefined ? "detected" : "acknowledged";
    delete tracked.resolvedMs;
    delete tracked.resolvedAt;
    tracked.reopened++;
    tracked.isQuiet = isQuiet;
    putAlert(tracked, alert, true, nowMs);
    beginPeriod(tracked, time);
    addEntry(tracked, { time, kind: "reopened", text: `Fires again: ${wordsOf(alert)}` });
    if (!isQuiet) tellReopened(tracked, event);
    changed(tracked);
  }

  function tellReopened(tracked: Tracked, { alert }: AlertEvent): void {
    rises(tracked, alert.rule.severity);
    const what = `reopened-${tracked.reopened}`;
    tell(tracked, { what, action: "update", prefix: "Open again", text: wordsOf(alert) });
  }

  function ends({ alert, time }: AlertEvent): void {
    const tracked = book.all().findLast((each) => holds(each, alert.fingerprint));
    if (tracked === undefined || !isFiring(tracked, alert.fingerprint)) return;
    putAlert(tracked, alert, false, steady.nowMs());
    addEntry(tracked, { time, kind: "alert", text: `Over: ${wordsOf(alert)}`, key: `${alert.fingerprint} ends` });
    if (!settle(tracked)) changed(tracked);
  }

  function settle(tracked: Tracked): boolean {
    const { status, calmMs } = tracked;
    if (status === "resolved" || calmMs === undefined || steady.nowMs() - calmMs < resolveAfterMs) return false;
    desk.resolve(tracked, "All of its alerts are over.");
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
    guard(() => notify?.notify(alertMessage(event, desk.runbookOf(alert.rule), options.traceUrl)), undefined);
  }

  return {
    alert(event) {
      const isMinor = SEVERITIES.indexOf(event.alert.rule.severity) > SEVERITIES.indexOf(minSeverity);
      if (event.to === "firing") (isMinor ? ticket : fires)(event);
      else if (event.to === "resolved" || event.to === "inactive") {
        ticket(event);
        ends(event);
      }
    },
    settle,
  };
}

/** True if it is more severe now. It never becomes less so. */
function rises(tracked: Tracked, severity: Severity): boolean {
  if (SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(tracked.severity)) return false;
  tracked.severity = severity;
  return true;
}

function wordsOf({ rule, message }: Alert): string {
  return `${rule.name}: ${message}`;
}

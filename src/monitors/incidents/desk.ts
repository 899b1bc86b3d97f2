import { type Clock, checkedClock, systemClock } from "../../core/clock.ts";
import { callBack, guard } from "../../core/guard.ts";
import { checkedIds, systemIds } from "../../core/ids.ts";
import { type Book, incidentBook, readSaved, type Saved } from "./book.ts";
import type { Incident, Runbook } from "./incident.ts";
import { incidentMessage, type News } from "./messages.ts";
import type { IncidentsOptions } from "./options.ts";
import { type SteadyTime, steadyTime } from "./steady-time.ts";
import { durationText } from "./time-text.ts";
import { addEntry, endMsOf, endPeriod, incidentOf, openMsOf, type Tracked } from "./tracked.ts";

/** What the parts of `incidents()` share: what is kept, what time it is, whom to tell. Nothing of it throws. */
export interface Desk {
  readonly book: Book;
  readonly clock: Clock;
  readonly steady: SteadyTime;
  /** Fingerprints of alerts that were told without an incident. */
  readonly tickets: Set<string>;
  /** Epoch milliseconds from which on incidents have been watched for. */
  readonly watchingSince: number;
  /** In the ids of incidents. */
  readonly salt: string;
  /** Another one has taken over its part of the state: it tells nobody, changes nothing and writes no more. */
  isTaken(): boolean;
  /** Called for each change, after it was noted for the state. */
  onChanged: () => void;
  runbookOf(of: { readonly runbook?: string | undefined }): Runbook | undefined;
  view(tracked: Tracked): Incident;
  changed(tracked: Tracked): void;
  tell(tracked: Tracked, news: News): void;
  /** By a person, or by itself. */
  resolve(tracked: Tracked, text: string, by?: string): void;
  save(): void;
  /** Before people are told: it is on the disk when this returns. */
  saveNow(): void;
  /** Saves if the clocks have not been for a while. */
  saveClocks(): void;
}

const DEFAULT_KEPT = 500;
/** While anything is open its clocks are saved this often: so much is counted by the wall clock after a crash, at most. */
const SAVE_CLOCKS_MS = 60_000;
/** Hundreds of incidents that open at once do not stop the program for a write each; what this leaves is written soon. */
const SAVE_NOW_MS = 100;

export function createDesk(options: IncidentsOptions, runbooks: readonly Runbook[]): Desk {
  const { notify, state, traceUrl, onChange } = options;
  const clock = checkedClock(options.clock ?? systemClock);
  const byId = new Map(runbooks.map((runbook) => [runbook.id, runbook]));
  const name = options.name ?? "incidents";
  let isTaken = false;
  const take = (): void => {
    isTaken = true;
  };
  const saved = readSaved(guard(() => state?.load(name, take), undefined));
  const steady = steadyTime(clock, saved?.time);
  const book = incidentBook(options.maxKept ?? DEFAULT_KEPT, saved?.incidents ?? []);
  const tickets = new Set(saved?.tickets);
  const watchingSince = saved?.watchingSince ?? clock.epochMs();
  const salt = saved?.salt ?? checkedIds(options.ids ?? systemIds).spanId();
  const read = (): Saved => {
    return { time: steady.saved(), watchingSince, salt, incidents: book.all(), tickets: [...tickets] };
  };
  let savedMs = steady.nowMs();
  let savedNowMs = Number.NEGATIVE_INFINITY;

  const desk: Desk = {
    book,
    clock,
    steady,
    tickets,
    watchingSince,
    salt,
    isTaken: () => isTaken,
    onChanged: () => {},
    runbookOf: ({ runbook }) => byId.get(runbook ?? ""),
    view(tracked) {
      const runbook = desk.runbookOf(tracked);
      const level = runbook?.escalation[tracked.toldLevel]?.level ?? "L1";
      return incidentOf(tracked, steady.nowMs(), runbook?.expectedMinutes, level);
    },
    changed(tracked) {
      if (isTaken) return;
      desk.save();
      guard(() => desk.onChanged(), undefined);
      if (onChange !== undefined) callBack(() => onChange(desk.view(tracked)));
    },
    tell(tracked, { what, ...news }) {
      if (isTaken) return;
      tracked.isQuiet = false;
      tracked.isToTell = false;
      if (notify === undefined) return;
      callBack(() => {
        // What is told of a later episode is not what was told of an earlier one.
        const own = { ...news, what: tracked.reopened === 0 ? what : `${what}-${tracked.reopened}` };
        const message = incidentMessage(desk.view(tracked), own, desk.runbookOf(tracked), clock.epochMs(), traceUrl);
        return notify.notify(message);
      });
    },
    resolve(tracked, text, by) {
      const time = clock.epochMs();
      const nowMs = steady.nowMs();
      tracked.status = "resolved";
      tracked.resolvedAt = time;
      tracked.resolvedMs = nowMs;
      tracked.isToTell = false;
      endPeriod(tracked, time - (nowMs - endMsOf(tracked, nowMs)));
      addEntry(tracked, { time, kind: "resolved", text, ...(by !== undefined && { by }) });
      const took = durationText(openMsOf(tracked, nowMs));
      const prefix = `Resolved after ${took}${by === undefined ? "" : ` by ${by}`}`;
      // Who was not told that it was open again needs no word on its end.
      if (!tracked.isQuiet) desk.tell(tracked, { what: "resolve", action: "resolve", prefix, text });
      desk.changed(tracked);
    },
    save() {
      if (isTaken) return;
      savedMs = steady.nowMs();
      guard(() => state?.changed(name, read), undefined);
    },
    saveNow() {
      desk.save();
      if (isTaken || clock.monotonicMs() - savedNowMs < SAVE_NOW_MS) return;
      savedNowMs = clock.monotonicMs();
      guard(() => state?.save(), undefined);
    },
    saveClocks() {
      if (steady.nowMs() - savedMs >= SAVE_CLOCKS_MS) desk.save();
    },
  };
  // The beginning of the watch is remembered also where nothing ever happens, and so is the salt.
  desk.save();
  if (saved === undefined) guard(() => state?.save(), undefined);
  return desk;
}

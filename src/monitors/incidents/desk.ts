import { type Clock, checkedClock, systemClock } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import { type Book, incidentBook, readSaved, type Saved } from "./book.ts";
import type { Incident, Runbook } from "./incident.ts";
import { incidentMessage, type News } from "./messages.ts";
import type { IncidentsOptions } from "./options.ts";
import { type SteadyTime, steadyTime } from "./steady-time.ts";
import { durationText } from "./time-text.ts";
import { addEntry, endPeriod, incidentOf, openMsOf, type Tracked } from "./tracked.ts";

/** What the parts of `incidents()` share: what is kept, what time it is, whom to tell. Nothing of it throws. */
export interface Desk {
  readonly book: Book;
  readonly clock: Clock;
  readonly steady: SteadyTime;
  /** Fingerprints of alerts that were told without an incident. */
  readonly tickets: Set<string>;
  /** Epoch milliseconds from which on incidents have been watched for. */
  readonly watchingSince: number;
  /** Called for each change, after it was noted for the state. */
  onChanged: () => void;
  runbookOf(of: { readonly runbook?: string | undefined }): Runbook | undefined;
  view(tracked: Tracked): Incident;
  changed(tracked: Tracked): void;
  tell(tracked: Tracked, news: News): void;
  /** By a person, or by itself. */
  resolve(tracked: Tracked, text: string, by?: string): void;
  save(): void;
  /** Saves if the clocks have not been for a while. */
  saveClocks(): void;
}

const DEFAULT_KEPT = 500;
/** While anything is open its clocks are saved this often: so much is counted by the wall clock after a crash, at most. */
const SAVE_CLOCKS_MS = 60_000;

export function createDesk(options: IncidentsOptions, runbooks: readonly Runbook[]): Desk {
  const { notify, state, traceUrl, onChange } = options;
  const clock = checkedClock(options.clock ?? systemClock);
  const byId = new Map(runbooks.map((runbook) => [runbook.id, runbook]));
  const saved = readSaved(guard(() => state?.load("incidents"), undefined));
  const steady = steadyTime(clock, saved?.time);
  const book = incidentBook(options.maxKept ?? DEFAULT_KEPT, saved?.incidents ?? []);
  const tickets = new Set(saved?.tickets);
  const watchingSince = saved?.watchingSince ?? clock.epochMs();
  const read = (): Saved => ({ time: steady.saved(), watchingSince, incidents: book.all(), tickets: [...tickets] });
  let savedMs = steady.nowMs();

  const desk: Desk = {
    book,
    clock,
    steady,
    tickets,
    watchingSince,
    onChanged: () => {},
    runbookOf: ({ runbook }) => byId.get(runbook ?? ""),
    view(tracked) {
      const runbook = desk.runbookOf(tracked);
      const level = runbook?.escalation[tracked.toldLevel]?.level ?? "L1";
      return incidentOf(tracked, steady.nowMs(), runbook?.expectedMinutes, level);
    },
    changed(tracked) {
      desk.save();
      guard(() => desk.onChanged(), undefined);
      if (onChange !== undefined) guard(() => onChange(desk.view(tracked)), undefined);
    },
    tell(tracked, news) {
      tracked.isQuiet = false;
      if (notify === undefined) return;
      guard(() => {
        const message = incidentMessage(desk.view(tracked), news, desk.runbookOf(tracked), clock.epochMs(), traceUrl);
        notify.notify(message);
      }, undefined);
    },
    resolve(tracked, text, by) {
      const time = clock.epochMs();
      tracked.status = "resolved";
      tracked.resolvedAt = time;
      tracked.resolvedMs = steady.nowMs();
      endPeriod(tracked, time);
      addEntry(tracked, { time, kind: "resolved", text, ...(by !== undefined && { by }) });
      const took = durationText(openMsOf(tracked, steady.nowMs()));
      const prefix = `Resolved after ${took}${by === undefined ? "" : ` by ${by}`}`;
      // Who was not told that it was open again needs no word on its end.
      if (!tracked.isQuiet)
        desk.tell(tracked, { what: `resolve-${tracked.reopened}`, action: "resolve", prefix, text });
      desk.changed(tracked);
    },
    save() {
      savedMs = steady.nowMs();
      guard(() => state?.changed("incidents", read), undefined);
    },
    saveClocks() {
      if (steady.nowMs() - savedMs >= SAVE_CLOCKS_MS) desk.save();
    },
  };
  // The beginning of the watch is remembered also where nothing ever happens.
  desk.save();
  return desk;
}

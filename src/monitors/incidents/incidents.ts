import { callBack, guard } from "../../core/guard.ts";
import type { AlertListener } from "../alerts/alert.ts";
import { alertWork } from "./alert-work.ts";
import { type HandWork, handWork } from "./by-hand.ts";
import { defaultRunbooks } from "./default-runbooks.ts";
import { createDesk } from "./desk.ts";
import { dueNews } from "./due.ts";
import type { Incident } from "./incident.ts";
import { checkIncidentsOptions, type IncidentsOptions } from "./options.ts";
import { postMortem } from "./post-mortem.ts";
import { earlierOnes } from "./similar.ts";
import { type StatusPage, statusPageOf } from "./status-page.ts";
import { checkPagePath, pageFile, writePage } from "./status-page-file.ts";
import { statusPageHtml } from "./status-page-html.ts";
import { addEntry } from "./tracked.ts";

/** What is wrong, from detection to resolution: a listener of alerts that people can talk to. */
export interface Incidents extends AlertListener, HandWork {
  /** Those that are not resolved, the oldest first. */
  open(): readonly Incident[];
  /** All that are kept, the oldest first. */
  all(): readonly Incident[];
  get(id: string): Incident | undefined;
  statusPage(): StatusPage;
  /** The same as one HTML file that loads nothing from anywhere. */
  statusPageHtml(): string;
  /** Replaces the file as a whole; JSON where it ends in `.json`, else HTML. Throws when it cannot be written. */
  writeStatusPage(path: string): void;
  /** A draft in markdown; `undefined` for an id that is not known. */
  postMortem(id: string): string | undefined;
  tick(now: number): void;
  flush(signal?: AbortSignal): Promise<void>;
  close(signal?: AbortSignal): Promise<void>;
}

/**
 * Opens an incident when an alert fires, follows it until its alerts are over, and tells whoever is on call: `alerts({
 * rules, sources, listeners: [incidents({ notify: notifier({ channels }) })] })`. Alerts of the same runbook, feature and
 * team are one incident, which resolves once they have been over for five minutes; a kind is told as open six times an hour at
 * most, and more often only as it gets graver. Levels of the runbook are told in time, each once, also across restarts.
 * Nothing it does throws.
 *
 * @throws ConfigError for options and runbooks that could not work
 * @example
 * import { incidents, stateFile } from "sightline/monitors";
 * const tracked = incidents({ state: stateFile("./monitors.json"), statusPath: "./status.html" });
 * for (const { id } of tracked.open()) tracked.acknowledge(id, { by: "ada" });
 */
export function incidents(options: IncidentsOptions = {}): Incidents {
  const { runbooks = defaultRunbooks, notify, state, traceUrl } = options;
  checkIncidentsOptions(options, runbooks);
  // Before the part of the state is taken from another one: what is refused takes nothing over.
  if (options.statusPath !== undefined) checkPagePath(options.statusPath);
  const desk = createDesk(options, runbooks);
  const { book, clock, steady, view, runbookOf } = desk;
  const work = handWork(desk, { ...options, runbooks });
  const alerts = alertWork(desk, { ...options, runbooks }, work.runAutomatic);
  const page = options.statusPath === undefined ? undefined : pageFile(options.statusPath, renderPage, clock);
  if (page !== undefined) desk.onChanged = page.changed;

  function renderPage(): { json: StatusPage; html: string } {
    const {
      statusComponents: components = [],
      statusDetails: isDetailed = false,
      statusIgnore: ignored = [],
    } = options;
    const kept = book.all().map((each) => ({ name: each.name, incident: view(each) }));
    const { watchingSince } = desk;
    const json = statusPageOf(kept, { now: clock.epochMs(), watchingSince, components, isDetailed, ignored });
    return { json, html: statusPageHtml(json, options.statusTitle ?? "Status") };
  }

  return {
    ...work.byHand,
    open: () => book.open().map(view),
    all: () => book.all().map(view),
    get(id) {
      const found = book.get(id);
      return found && view(found);
    },
    statusPage: () => renderPage().json,
    statusPageHtml: () => renderPage().html,
    writeStatusPage: (path) => writePage(path, renderPage()),
    postMortem(id) {
      const found = book.get(id);
      if (found === undefined) return undefined;
      const before = book.all().filter(({ detectedMs }) => detectedMs < found.detectedMs);
      const earlier = earlierOnes(before, found.kind, found.detectedMs).map(view);
      const fired = found.alerts.map((each) => each.fired);
      return postMortem({ incident: view(found), fired, runbook: runbookOf(found), earlier, traceUrl });
    },
    alert(event) {
      if (!desk.isTaken()) guard(() => alerts.alert(event), undefined);
    },
    tick(now) {
      for (const tracked of desk.isTaken() ? [] : book.open()) {
        guard(() => {
          if (alerts.settle(tracked)) return;
          if (alerts.tellIfDue(tracked)) desk.changed(tracked);
          for (const { news, entry } of dueNews(tracked, runbookOf(tracked), steady.nowMs())) {
            addEntry(tracked, { time: clock.epochMs(), ...entry });
            desk.tell(tracked, news);
            desk.changed(tracked);
          }
        }, undefined);
      }
      if (book.open().length > 0) desk.saveClocks();
      if (!desk.isTaken()) page?.tick();
      // Also of one that was taken over: what it told before is still on its way.
      callBack(() => notify?.tick?.(now));
    },
    async flush(signal) {
      await work.settled(signal);
      if (!desk.isTaken()) page?.write();
      guard(() => state?.save(), undefined);
      await notify?.flush?.(signal);
    },
    async close(signal) {
      await work.settled(signal);
      if (!desk.isTaken()) page?.write();
      desk.save();
      guard(() => state?.save(), undefined);
      await notify?.close?.(signal);
    },
  };
}

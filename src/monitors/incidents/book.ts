import { guard } from "../../core/guard.ts";
import { INCIDENT_STATUSES } from "./incident.ts";
import type { SavedTime } from "./steady-time.ts";
import type { Tracked } from "./tracked.ts";

/** What is saved from one process to the next. */
export interface Saved {
  readonly time: SavedTime;
  /** Epoch milliseconds from which on incidents have been watched for. */
  readonly watchingSince: number;
  /** Random. In the ids of incidents, so that those of two services are never the same. */
  readonly salt: string;
  readonly incidents: readonly Tracked[];
  readonly tickets: readonly string[];
}

/** The incidents that are kept, in the order in which they were opened. */
export interface Book {
  all(): Tracked[];
  get(id: string): Tracked | undefined;
  open(): Tracked[];
  /** False: it is full of open ones, and the incident is not kept. */
  add(tracked: Tracked): boolean;
}

export function incidentBook(maxKept: number, before: readonly Tracked[]): Book {
  const kept = new Map<string, Tracked>();
  const makeRoom = (): boolean => {
    for (const [id, { status }] of kept) {
      if (kept.size < maxKept) break;
      if (status === "resolved") kept.delete(id);
    }
    return kept.size < maxKept;
  };
  const add = (tracked: Tracked): boolean => {
    if (!makeRoom()) return false;
    kept.set(tracked.id, tracked);
    return true;
  };
  // A smaller cap than before keeps the newest.
  for (const tracked of before.slice(-maxKept)) add(tracked);
  return {
    all: () => [...kept.values()],
    get: (id) => kept.get(id),
    open: () => [...kept.values()].filter(({ status }) => status !== "resolved"),
    add,
  };
}

/** What an earlier process has left, as far as it can be read: one that is broken is left out, and counted as a fault of ours. */
export function readSaved(value: unknown): Saved | undefined {
  return guard(() => {
    if (value === undefined || value === null) return undefined;
    const { time, watchingSince, salt, incidents, tickets } = structuredClone(value) as Saved;
    if (typeof salt !== "string") throw new TypeError("A saved salt is no text");
    for (const number of [time.steadyMs, time.epochMs, watchingSince]) checkNumber(number);
    const good = incidents.filter((each) => guard(() => checkTracked(each), false));
    const texts = tickets.filter((each) => typeof each === "string");
    return { time, watchingSince, salt, incidents: good, tickets: texts };
  }, undefined);
}

function checkTracked(tracked: Tracked): boolean {
  const {
    beganAt,
    id,
    kind,
    name,
    title,
    severity,
    status,
    detectedMs,
    openedMs,
    openBeforeMs,
    episodeMs,
    toldLevel,
    alertMs,
    detectedAt,
  } = tracked;
  for (const text of [id, kind, name, title, severity]) {
    if (typeof text !== "string") throw new TypeError(`A saved incident has a ${typeof text} for a text`);
  }
  for (const number of [detectedMs, openedMs, openBeforeMs, episodeMs, toldLevel, alertMs, detectedAt, beganAt])
    checkNumber(number);
  if (!INCIDENT_STATUSES.includes(status)) throw new TypeError("A saved incident has an unknown status");
  const { alerts, active, silenced, traces, timeline, periods, automatic, labels, similar, leftOut } = tracked;
  if (![alerts, active, silenced, traces, timeline, periods, automatic].every(Array.isArray))
    throw new TypeError("A saved incident has no lists");
  if (typeof labels !== "object" || typeof similar.count !== "number" || typeof leftOut.entries !== "number") {
    throw new TypeError("A saved incident is not whole");
  }
  if (!alerts.every(({ alert }) => typeof alert.fingerprint === "string" && typeof alert.rule.name === "string")) {
    throw new TypeError("A saved incident has an alert that is none");
  }
  return true;
}

function checkNumber(value: unknown): void {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new TypeError("A saved time is no number");
}

import type { Alerts, Budgets, Incident, Incidents, Quality, Runbook } from "../monitors/index.ts";
import { defaultRunbooks } from "../monitors/index.ts";
import type { Sink } from "../sinks/sink.ts";
import type { IncidentAction, MonitorsAnswer } from "./api.ts";
import { quoted, Refusal } from "./refusal.ts";

/** Monitors that run in the collector over everyone's records, and that the viewer shows. */
export interface CollectorMonitors {
  readonly alerts?: Alerts;
  readonly incidents?: Incidents;
  readonly budgets?: Budgets;
  readonly quality?: Quality;
  /** What else is to hear of every record: `metrics()`, a sink of yours. */
  readonly sinks?: readonly Sink[];
  /** Those that `incidents` was made with. Default: `defaultRunbooks`. */
  readonly runbooks?: readonly Runbook[];
}

const MAX_NAME = 100;
const MAX_NOTE = 2_000;
/** A feature without a scored answer for so long is not shown to drift. */
const DRIFT_MS = 24 * 3_600_000;

export function monitorsAnswer({ alerts, incidents, budgets, quality, runbooks }: CollectorMonitors): MonitorsAnswer {
  return {
    alerts: alerts?.all() ?? [],
    incidents: [...(incidents?.all() ?? [])].reverse(),
    runbooks: incidents === undefined ? [] : (runbooks ?? defaultRunbooks),
    budgets: budgets?.status() ?? [],
    drift: quality?.read("quality_drift", { windowMs: DRIFT_MS, by: "feature" }) ?? [],
  };
}

/** Changes with what a page of monitors shows, apart from figures that move all the time. */
export function monitorsState({ alerts, incidents }: CollectorMonitors): string {
  const fired = alerts?.active().map(({ fingerprint, state }) => [fingerprint, state]);
  const seen = incidents?.all().map(({ id, status, timeline }) => [id, status, timeline.length]);
  return JSON.stringify([fired, seen]);
}

/** @throws Refusal */
export async function act(incidents: Incidents | undefined, id: string, body: unknown): Promise<Incident> {
  const action = checkedAction(body);
  const { by } = action;
  const done = await perform(incidents, id, action, by);
  if (done === undefined && action.action === "step" && incidents?.all().some((each) => each.id === id)) {
    throw new Refusal(400, "BAD_ACTION", "step takes the id of an action of the runbook.");
  }
  if (done === undefined) throw new Refusal(404, "NOT_FOUND", `There is no incident ${quoted(id)}.`);
  return done;
}

async function perform(
  incidents: Incidents | undefined,
  id: string,
  action: IncidentAction,
  by: string,
): Promise<Incident | undefined> {
  switch (action.action) {
    case "acknowledge":
      return incidents?.acknowledge(id, { by });
    case "note":
      return incidents?.note(id, action.note, { by });
    case "step":
      return incidents?.mitigate(id, action.step, { by });
    case "resolve":
      return incidents?.resolve(id, { by, ...(action.note !== undefined && { text: action.note }) });
    case "mitigate": {
      const begun = await incidents?.mitigate(id, undefined, { by });
      return action.note === undefined ? begun : incidents?.note(id, action.note, { by });
    }
  }
}

function checkedAction(body: unknown): IncidentAction {
  const { action, by, note, step } = (typeof body === "object" && body !== null ? body : {}) as {
    [name: string]: unknown;
  };
  const isText = (value: unknown, most: number): value is string =>
    typeof value === "string" && value.trim() !== "" && value.length <= most;
  const fail = (name: string, wanted: string) => new Refusal(400, "BAD_ACTION", `${name} takes ${wanted}.`);
  if (!isText(by, MAX_NAME)) throw fail("by", `a name of up to ${MAX_NAME} characters`);
  if (note !== undefined && !isText(note, MAX_NOTE)) throw fail("note", `a text of up to ${MAX_NOTE} characters`);
  const withNote = note === undefined ? {} : { note };
  if (action === "acknowledge") return { action, by };
  if (action === "mitigate" || action === "resolve") return { action, by, ...withNote };
  if (action === "note" && note !== undefined) return { action, by, note };
  if (action === "note") throw fail("note", `a text of up to ${MAX_NOTE} characters`);
  if (action === "step" && isText(step, MAX_NAME)) return { action, by, step };
  if (action === "step") throw fail("step", "the id of an action of the runbook");
  throw fail("action", "acknowledge, mitigate, note, step or resolve");
}

import { activeRuntime, perRuntime, type Runtime } from "../core/runtime.ts";

/** A container is paid for by the session, which ends an hour after it was last used. */
const SESSION_MS = 60 * 60 * 1000;

/** Containers of the last hour; of more than these the oldest are forgotten, and would count again. */
const MAX_CONTAINERS = 10_000;

interface Session {
  /** The response that opened it, and that counts it however often it is planned. */
  readonly responseId: string;
  readonly lastMs: number;
}

/** How many sessions of code-interpreter containers a response has opened: those that nobody used in the hour before. */
export function sessionsOpened(responseId: string, containerIds: Iterable<string>, atMs: number): number {
  const runtime = activeRuntime();
  const distinct = new Set(containerIds);
  if (runtime === null) return distinct.size;
  const sessions = sessionsOf(runtime);
  let opened = 0;
  for (const id of distinct) {
    const session = sessions.get(id);
    const goesOn = session !== undefined && Math.abs(atMs - session.lastMs) <= SESSION_MS;
    const opener = goesOn ? session.responseId : responseId;
    if (opener === responseId) opened++;
    sessions.delete(id);
    sessions.set(id, { responseId: opener, lastMs: Math.max(atMs, goesOn ? session.lastMs : atMs) });
  }
  for (const oldest of sessions.keys()) {
    if (sessions.size <= MAX_CONTAINERS) break;
    sessions.delete(oldest);
  }
  return opened;
}

function sessionsOf(runtime: Runtime): Map<string, Session> {
  return perRuntime(runtime, "containerSessions", () => new Map());
}

import { swallow } from "../../core/guard.ts";
import type { Incident } from "./incident.ts";

/** What a user wires to the action of a runbook: reduce concurrency, switch the model, open a circuit. */
export type Mitigation = (incident: Incident) => void | Promise<void>;

export interface MitigationResult {
  readonly isDone: boolean;
  readonly ms: number;
  /** What it threw, or that it takes too long. */
  readonly problem?: string;
}

/** Whoever waits for a mitigation that hangs loses the minutes that an incident has. It may go on. */
export const MITIGATION_MS = 30_000;

/** Runs it: guarded, timed, and waited for no longer than half a minute. Never rejects. */
export async function runMitigation(
  mitigation: Mitigation,
  incident: Incident,
  monotonicMs: () => number,
): Promise<MitigationResult> {
  const began = monotonicMs();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, MITIGATION_MS, "late").unref();
  });
  try {
    const ended = await Promise.race([(async () => mitigation(incident))(), late]);
    const ms = monotonicMs() - began;
    return ended === "late"
      ? { isDone: false, ms, problem: `it has not ended within ${MITIGATION_MS / 1000} s` }
      : { isDone: true, ms };
  } catch (error) {
    swallow(error);
    return { isDone: false, ms: monotonicMs() - began, problem: problemOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

function problemOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return "an error that cannot be read";
  }
}

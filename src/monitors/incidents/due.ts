import type { Runbook, TimelineEntry } from "./incident.ts";
import type { News } from "./messages.ts";
import { durationText } from "./time-text.ts";
import { episodeMsOf, isAudible, type Tracked } from "./tracked.ts";

const MINUTE_MS = 60_000;

interface Due {
  readonly news: News;
  readonly entry: Pick<TimelineEntry, "kind" | "text">;
}

/**
 * Levels whose minutes are over, and whether it takes longer than expected; each is said once in an episode. An acknowledgement stops the
 * second level only: from the third on it is the resolution that counts.
 */
export function* dueNews(tracked: Tracked, runbook: Runbook | undefined, nowMs: number): Generator<Due> {
  // Nobody is called about what nobody was told of, what is over and only waits to stay so, or what is silenced.
  if (runbook === undefined || tracked.isQuiet || !isAudible(tracked)) return;
  const openMs = episodeMsOf(tracked, nowMs);
  for (const [index, { level, who, task, afterMinutes }] of runbook.escalation.entries()) {
    if (index <= tracked.toldLevel || openMs < afterMinutes * MINUTE_MS) continue;
    if (index === 1 && tracked.acknowledgedAt !== undefined) continue;
    tracked.toldLevel = index;
    const why = index === 1 ? "nobody has acknowledged it" : "it is not resolved";
    const text = `${level}, ${who}: ${task}. Told as ${why} after ${durationText(openMs)}.`;
    yield {
      news: { what: level, action: "update", prefix: `Escalated to ${level}`, text },
      entry: { kind: "escalated", text },
    };
  }
  if (tracked.isOverdueTold || openMs <= runbook.expectedMinutes * MINUTE_MS) return;
  tracked.isOverdueTold = true;
  const text = `It takes longer than the ${runbook.expectedMinutes} minutes of the runbook.`;
  yield { news: { what: "overdue", action: "update", prefix: "Overdue", text }, entry: { kind: "overdue", text } };
}

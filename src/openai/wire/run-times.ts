import type { PlannedSpan } from "../plan.ts";

/** What the clock here has seen of a run, in epoch milliseconds. */
export interface SeenTimes {
  /** The request that made it was sent. */
  readonly sentMs: number | undefined;
  /** The first answer that showed its end had come. */
  readonly endedMs: number | undefined;
}

/** The API's times are whole seconds: what it calls 11 has happened from 11.000 to 11.999. */
const WITHIN_MS = 999;

/**
 * The spans of a run with times below the second, where the clock here knows them: never outside of the second that the API
 * tells. Spans below the agent begin and end with it where the API's times for both are the same.
 */
export function withinSeconds(
  [agent, ...children]: readonly [PlannedSpan, ...PlannedSpan[]],
  { sentMs, endedMs }: SeenTimes,
): [PlannedSpan, ...PlannedSpan[]] {
  const startMs = within(agent.startMs, sentMs);
  const endMs = Math.max(startMs, agent.unfinished ? agent.endMs : within(agent.endMs, endedMs));
  const placed = (span: PlannedSpan): PlannedSpan => {
    const start = span.startMs === agent.startMs ? startMs : clamp(span.startMs, startMs, endMs);
    const end = span.endMs === agent.endMs ? endMs : clamp(span.endMs, start, endMs);
    return { ...span, startMs: start, endMs: end };
  };
  return [{ ...agent, startMs, endMs }, ...children.map(placed)];
}

/** Times with a fraction of a second are known better already. */
function within(apiMs: number, seenMs: number | undefined): number {
  return seenMs === undefined || apiMs % 1000 !== 0 ? apiMs : clamp(seenMs, apiMs, apiMs + WITHIN_MS);
}

function clamp(ms: number, least: number, most: number): number {
  return Math.min(Math.max(ms, least), most);
}

import type { PlannedSpan } from "../plan.ts";

/** What the clock here has seen of a run, in epoch milliseconds. */
export interface SeenTimes {
  /** The request that made it was sent, and answered. */
  readonly sentMs: number | undefined;
  readonly answeredMs: number | undefined;
  /** The first answer that showed its end came. */
  readonly endedMs: number | undefined;
  /** It was an event of a stream, which comes when it happens. */
  readonly isEndStreamed: boolean;
  /** Steps by the events of a stream. */
  readonly stepTimes: ReadonlyMap<string, StepTimes>;
}

export interface StepTimes {
  startMs: number;
  endMs: number | undefined;
}

/** The API's times are whole seconds: what it calls 11 has happened from 11.000 to 11.999. */
const WITHIN_MS = 999;

/**
 * The spans of a run on the clock here, which all other spans are on. The API's times are taken for the seconds in which
 * things happened, and moved when its clock cannot be ours: when it made the run before it was asked to, or after it had
 * answered. Nothing ends after it has been seen to have ended; what came in a stream happened when it came.
 */
export function onOurClock(
  [agent, ...children]: readonly [PlannedSpan, ...PlannedSpan[]],
  seen: SeenTimes,
): [PlannedSpan, ...PlannedSpan[]] {
  const skewMs = skewOf(agent.startMs, seen);
  const ours = (apiMs: number): number => (isWhole(apiMs) ? apiMs + skewMs : apiMs);
  const startMs = Math.max(seen.sentMs ?? 0, ours(agent.startMs));
  const endMs = Math.max(startMs, agent.unfinished ? agent.endMs : endOf(agent.endMs, ours(agent.endMs), seen));
  const placed = (span: PlannedSpan): PlannedSpan => {
    const times = seen.stepTimes.get(span.key[1] ?? "");
    const first = span.startMs === agent.startMs ? startMs : ours(span.startMs);
    const start = clamp(times?.startMs ?? first, startMs, endMs);
    const last = span.endMs === agent.endMs ? endMs : ours(span.endMs);
    return { ...span, startMs: start, endMs: clamp(times?.endMs ?? last, start, endMs) };
  };
  return [{ ...agent, startMs, endMs }, ...children.map(placed)];
}

/** The same for the end of a response in the background, which is one span that began here. */
export function endOnOurClock(createdMs: number | undefined, endMs: number, seen: SeenTimes): number {
  const skewMs = createdMs === undefined ? 0 : skewOf(createdMs, seen);
  return Math.max(seen.sentMs ?? 0, endOf(endMs, isWhole(endMs) ? endMs + skewMs : endMs, seen));
}

/** How far our clock is ahead of the API's, as far as that shows. */
function skewOf(createdMs: number, { sentMs, answeredMs }: SeenTimes): number {
  if (sentMs === undefined || answeredMs === undefined || !isWhole(createdMs)) return 0;
  const isPossible = createdMs <= answeredMs && sentMs <= createdMs + WITHIN_MS;
  return isPossible ? 0 : sentMs - createdMs;
}

function endOf(apiMs: number, ourMs: number, { endedMs, isEndStreamed }: SeenTimes): number {
  if (endedMs === undefined) return ourMs;
  if (isEndStreamed) return endedMs;
  return Math.min(endedMs, isWhole(apiMs) ? ourMs + WITHIN_MS : ourMs);
}

/** Times with a fraction of a second are known better already. */
function isWhole(ms: number): boolean {
  return ms % 1000 === 0;
}

function clamp(ms: number, least: number, most: number): number {
  return Math.min(Math.max(ms, least), most);
}

import type { Incident } from "./incident.ts";
import { durationText, ordinal } from "./time-text.ts";
import { openMsOf, type Tracked } from "./tracked.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const SIMILAR_MS = 30 * DAY_MS;

/** Earlier incidents of the same runbook and labels that began in the last thirty days, the newest last. */
export function earlierOnes(kept: Iterable<Tracked>, kind: string, nowMs: number): Tracked[] {
  return [...kept].filter((each) => each.kind === kind && nowMs - each.detectedMs <= SIMILAR_MS);
}

export function similarOf(earlier: readonly Tracked[], nowMs: number): Incident["similar"] {
  const last = earlier.at(-1);
  if (last === undefined) return { count: 0 };
  const resolved = earlier.filter(({ status }) => status === "resolved");
  const lastActions = actionsDone(last);
  const total = resolved.reduce((sum, each) => sum + openMsOf(each, nowMs), 0);
  return {
    count: earlier.length,
    last: last.id,
    countInWeek: earlier.filter((each) => nowMs - each.detectedMs <= 7 * DAY_MS).length,
    ...(resolved.length > 0 && { meanMsToResolve: Math.round(total / resolved.length) }),
    ...(lastActions.length > 0 && { lastActions }),
  };
}

/** Actions that were run or said to be done, and did not fail, in order. */
export function actionsDone({ timeline }: Pick<Tracked | Incident, "timeline">): string[] {
  const done = timeline.filter(({ action, hasFailed }) => action !== undefined && hasFailed !== true);
  return [...new Set(done.map(({ action }) => action as string))];
}

/** `Third time in 7 days. Earlier ones took 12 min on average. Last time reduce_concurrency was done.` */
export function similarText({
  count,
  countInWeek = 0,
  meanMsToResolve,
  lastActions,
}: Incident["similar"]): string | undefined {
  if (count === 0) return undefined;
  // Where most of them fall into the week, the week says more.
  const [times, days] = countInWeek * 2 > count ? [countInWeek, 7] : [count, 30];
  const first = ordinal(times + 1);
  const sentences = [`${first[0]?.toUpperCase()}${first.slice(1)} time in ${days} days.`];
  if (meanMsToResolve !== undefined) sentences.push(`Earlier ones took ${durationText(meanMsToResolve)} on average.`);
  if (lastActions !== undefined) sentences.push(`Last time this was done: ${lastActions.join(", ")}.`);
  return sentences.join(" ");
}

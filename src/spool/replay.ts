import type { Sink, SinkStats } from "../sinks/sink.ts";
import { spool } from "./spool.ts";

export interface ReplayFigures {
  /** Records that dead processes had left, as far as they have been found. */
  readonly found: number;
  readonly delivered: number;
  /** Still on disk, for the next attempt. */
  readonly waiting: number;
  readonly dropped: SinkStats["dropped"];
  /** Why delivery stopped, or what the sink said last. */
  readonly lastError?: string;
}

const PROGRESS_MS = 500;

/**
 * Takes over what dead processes left for this sink below `dir` and delivers it, until nothing is left or the sink takes
 * no more. Living processes keep what is theirs. The sink's name must be the one that it was spooled under.
 *
 * @param onProgress hears of the figures every half second
 * @throws ConfigError when `dir` can be no spool
 * @example
 * import { httpSink } from "sightline/sinks/http";
 * const { delivered } = await replaySpool("./.traces/spool", httpSink({ url: "https://collector.example/v1/records" }));
 */
export async function replaySpool(
  dir: string,
  sink: Sink,
  onProgress?: (figures: ReplayFigures) => void,
): Promise<ReplayFigures> {
  const spooled = spool(sink, { dir });
  const figures = () => figuresOf(spooled.stats!());
  // With or without a listener: it keeps the process alive, which nothing in a spool does.
  const timer = setInterval(() => onProgress?.(figures()), PROGRESS_MS);
  let problem: string | undefined;
  try {
    spooled.open!();
    let before: number;
    do {
      before = figures().delivered;
      problem = await messageOf(spooled.flush!());
    } while (problem !== undefined && figures().delivered > before);
    problem = (await messageOf(spooled.close!())) ?? problem;
  } finally {
    clearInterval(timer);
  }
  const last = figures();
  const result = problem === undefined ? last : { ...last, lastError: reasonOf(problem, last.lastError) };
  onProgress?.(result);
  return result;
}

/** "Not finished in time" alone does not say why: an attempt was under way as the time ran out. */
function reasonOf(problem: string, lastError: string | undefined): string {
  return lastError === undefined || problem.includes(lastError) ? problem : `${problem}; ${lastError}`;
}

function figuresOf({ replayed, spooled, dropped, lastError }: SinkStats): ReplayFigures {
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  const figures = { found: replayed, delivered: replayed - spooled - lost, waiting: spooled, dropped };
  return lastError === undefined ? figures : { ...figures, lastError };
}

async function messageOf(work: void | Promise<void>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

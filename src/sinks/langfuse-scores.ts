import { SinkError } from "../core/errors.ts";
import type { ScoreRecord } from "../core/record.ts";
import { newestOf } from "./langfuse-newest.ts";

/** Requests under way at once: Langfuse takes scores one by one. */
const AT_ONCE = 4;

/**
 * Sends scores, several at once. `told` hears of each that is through with `undefined`, and of each that is refused by itself
 * with the reason. Of scores with one id only the newest is sent.
 *
 * @throws SinkError the first that is not about one score alone; what was under way is told all the same
 */
export async function sendScores(
  scores: readonly ScoreRecord[],
  send: (score: ScoreRecord) => Promise<unknown>,
  told: (score: ScoreRecord, refusal: string | undefined) => void,
): Promise<void> {
  const newest = newestOf(scores, ({ id }) => id);
  const isNewest = new Set(newest);
  for (const score of scores) if (!isNewest.has(score)) told(score, undefined);

  const waiting = newest.values();
  let failure: unknown;
  const work = async (): Promise<void> => {
    for (const score of waiting) {
      if (failure !== undefined) return;
      try {
        await send(score);
        told(score, undefined);
      } catch (error) {
        if (error instanceof SinkError && error.retry === "split") told(score, error.message);
        else failure ??= error;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failure !== undefined) throw failure;
}

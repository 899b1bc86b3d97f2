import { SinkError } from "../core/errors.ts";
import type { ScoreRecord } from "../core/record.ts";
import { newestOf } from "./newest-of.ts";
import type { WriteResult } from "./sink.ts";

/** Requests under way at once: Langfuse takes scores one by one. */
const AT_ONCE = 4;

export interface ScoresSent {
  /** Those that are refused by themselves. */
  readonly rejected: NonNullable<WriteResult["rejected"]>;
  /** Those that are not through. */
  readonly left: readonly ScoreRecord[];
  /** Why: the first error that is not about one score alone. */
  readonly failure: SinkError | undefined;
}

/** Sends scores, several at once, until one fails. Of scores with one id only the newest is sent. Never rejects. */
export async function sendScores(
  scores: readonly ScoreRecord[],
  send: (score: ScoreRecord) => Promise<unknown>,
): Promise<ScoresSent> {
  const newest = newestOf(scores, ({ id }) => id);
  const left = new Set(newest);
  const rejected: { spanId: string; reason: string }[] = [];
  const waiting = newest.values();
  let failure: SinkError | undefined;
  const work = async (): Promise<void> => {
    while (failure === undefined) {
      const { value: score } = waiting.next();
      if (score === undefined) return;
      try {
        await send(score);
        left.delete(score);
      } catch (error) {
        if (error instanceof SinkError && error.retry !== "split") {
          failure ??= error;
          continue;
        }
        // Anything but a `SinkError` is a fault in this score.
        left.delete(score);
        rejected.push({ spanId: score.id, reason: (error as Error).message });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { rejected, left: newest.filter((score) => left.has(score)), failure };
}

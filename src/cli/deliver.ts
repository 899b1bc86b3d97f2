import { setTimeout as sleep } from "node:timers/promises";
import { SinkError } from "../core/errors.ts";
import type { TraceRecord } from "../core/record.ts";
import { backoff, serverDelay } from "../pipeline/backoff.ts";
import type { Sink } from "../sinks/sink.ts";

export interface Delivery {
  delivered: number;
  rejected: number;
  /** It took nothing any more, and the rest was not sent. */
  isBroken?: true;
  /** Why some were not delivered, as the sink said it last. */
  reason?: string;
}

const ATTEMPTS = 6;
const ATTEMPT_MS = 30_000;

/**
 * Writes a batch to a sink, as often as it asks for another attempt; what it asks to have split, is. Throws when it takes
 * nothing any more: what comes after would fare no better.
 */
export async function deliver(sink: Sink, batch: readonly TraceRecord[], done: Delivery): Promise<void> {
  if (batch.length === 0) return;
  for (let failures = 0; ; ) {
    try {
      const result = await sink.write(batch, AbortSignal.timeout(ATTEMPT_MS));
      const rejected = result?.rejected ?? [];
      done.delivered += batch.length - rejected.length;
      reject(done, rejected.length, rejected[0]?.reason);
      return;
    } catch (error) {
      const said = error instanceof SinkError ? error : undefined;
      const remaining = said?.remaining;
      if (remaining !== undefined) {
        const refused = said?.rejected ?? [];
        done.delivered += batch.length - remaining.length - refused.length;
        reject(done, refused.length, refused[0]?.reason);
        batch = remaining;
        if (batch.length === 0) return;
      }
      const { message } = error as Error;
      const retry = said?.retry ?? (error instanceof TypeError && error.cause === undefined ? "split" : "later");
      if (retry === "split") {
        if (batch.length === 1) return reject(done, 1, message);
        const half = batch.length >> 1;
        await deliver(sink, batch.slice(0, half), done);
        return deliver(sink, batch.slice(half), done);
      }
      if (retry === "never" || ++failures === ATTEMPTS) throw error;
      await sleep(Math.max(backoff(failures), serverDelay(said?.retryAfterMs)));
    }
  }
}

/** Does something again as often as a sink asks for another attempt. */
export async function retrying(action: () => Promise<void>): Promise<void> {
  for (let failures = 0; ; ) {
    try {
      return await action();
    } catch (error) {
      const { retry = "later", retryAfterMs } = error instanceof SinkError ? error : {};
      if (retry !== "later" || ++failures === ATTEMPTS) throw error;
      await sleep(Math.max(backoff(failures), serverDelay(retryAfterMs)));
    }
  }
}

function reject(done: Delivery, count: number, reason: string | undefined): void {
  if (count === 0) return;
  done.rejected += count;
  if (reason !== undefined) done.reason = reason;
}

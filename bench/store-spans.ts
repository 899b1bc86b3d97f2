/**
 * Makes spans for bench/store.ts in a process of its own, so that neither its memory nor its time is the store's. Started
 * by `fork`; for each message it sends what that asks for.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { SpanRecord } from "../src/core/record.ts";
import { BLOCK_SPANS, BLOCK_US, block } from "../test/store/support/data.ts";

/** Spans `from` to `to` of a seed's; `round`: moved on in time by so many thousand blocks, with ids of their own. */
interface Wanted {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly round?: number;
}

/** A round is later than all spans of a bench. */
const ROUND_US = 1_000 * BLOCK_US;

export interface Spans {
  make(wanted: Wanted): Promise<SpanRecord[]>;
  stop(): void;
}

export function spansProcess(): Spans {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ["generate"], { serialization: "advanced" });
  return {
    async make(wanted) {
      child.send(wanted);
      const [records] = await once(child, "message");
      return records;
    },
    stop: () => child.disconnect(),
  };
}

let made: { seed: number; b: number; records: SpanRecord[] } | undefined;

function blockOf(seed: number, b: number): SpanRecord[] {
  if (made?.seed !== seed || made.b !== b) made = { seed, b, records: block(seed, b) };
  return made.records;
}

function spansOf({ seed, from, to, round = 0 }: Wanted): SpanRecord[] {
  const records: SpanRecord[] = [];
  for (let at = from; at < to; ) {
    const b = Math.floor(at / BLOCK_SPANS);
    const end = Math.min(to, (b + 1) * BLOCK_SPANS);
    records.push(...blockOf(seed, b).slice(at - b * BLOCK_SPANS, end - b * BLOCK_SPANS));
    at = end;
  }
  return round === 0 ? records : records.map((record) => moved(record, round));
}

function moved(record: SpanRecord, round: number): SpanRecord {
  const later = BigInt(round) * BigInt(ROUND_US) * 1_000n;
  const shifted = (time: string) => String(BigInt(time) + later);
  return {
    ...record,
    traceId: `${record.traceId.slice(0, 28)}${round.toString(16).padStart(4, "0")}`,
    startTime: shifted(record.startTime),
    endTime: shifted(record.endTime),
    ...(record.firstChunkTime && { firstChunkTime: shifted(record.firstChunkTime) }),
  };
}

if (process.argv[2] === "generate" && process.send) {
  process.on("message", (wanted: Wanted) => process.send!(spansOf(wanted)));
}

import type { TraceRecord } from "../core/record.ts";
import { type Draft, seal } from "../core/trace.ts";
import type { Sink, SinkPolicy } from "../sinks/sink.ts";
import type { Departures } from "./departures.ts";
import type { Ledger } from "./ledger.ts";
import { remainingOf } from "./outcome.ts";
import type { Pace } from "./pace.ts";
import { admit } from "./policy.ts";

/** Those parts of a lane that hear of it. */
interface Parts {
  readonly policy: SinkPolicy;
  readonly pace: Pace;
  readonly now: () => number;
  readonly ledger: Ledger;
  readonly departures: Departures;
  readonly complain: (error: unknown) => void;
}

/**
 * Gives the function that writes a record inside `end()`: what it returns true for, no death of the process loses. A sink
 * that has just failed gets a rest.
 */
export function createWriteNow(sink: Sink, parts: Parts): (draft: Draft) => boolean {
  const { policy, pace, now, ledger, departures, complain } = parts;
  return (draft) => {
    if (sink.writeSync === undefined || pace.dueAt > now()) return false;
    let record: TraceRecord | undefined;
    try {
      record = admit(policy, seal(draft), ledger);
      if (record === undefined) return true;
      sink.writeSync([record]);
      ledger.written++;
      return true;
    } catch (error) {
      const isTaken = record !== undefined && remainingOf(error, [record])?.size === 0;
      if (isTaken) {
        ledger.written++;
        departures.refused(error, 1);
      }
      complain(error);
      pace.failed(true, undefined, pace.round);
      return isTaken;
    }
  };
}

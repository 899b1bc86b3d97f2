import { debug } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import type { SinkPolicy } from "../sinks/sink.ts";
import { ignore } from "./checked-sink.ts";
import type { Ledger } from "./ledger.ts";
import { messageOf } from "./outcome.ts";

/** The record as the sink is to have it; `undefined`, and counted, when it is not for this sink or its policy fails. */
export function admit(policy: SinkPolicy, record: TraceRecord, ledger: Ledger): TraceRecord | undefined {
  if (policy.prepare === undefined) return record;
  try {
    const prepared = policy.prepare(record);
    if (prepared === undefined) ledger.sampledOut++;
    else if (typeof prepared.record !== "string") {
      ignore(prepared);
      throw new TypeError("the policy gave something that is no record");
    }
    return prepared;
  } catch (error) {
    ledger.drop("policy_failed", 1);
    ledger.lastError = messageOf(error);
    debug(`policy: ${ledger.lastError}`);
    return undefined;
  }
}

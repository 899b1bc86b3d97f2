import type { CallWatch } from "../../core/call-watch.ts";
import type { Dimension } from "../reading.ts";

/** Who makes a call that is under way. */
export type Labels = { readonly [dimension in Dimension]: string | undefined };

/** Calls that have begun and not ended. */
export interface InFlight {
  readonly watch: CallWatch;
  count(fits?: (labels: Labels) => boolean): number;
}

/** More calls at once than one process can make; beyond it the oldest is taken for lost. */
const MAX_CALLS = 5_000;

export function newInFlight(): InFlight {
  const calls = new Map<string, Labels>();
  return {
    watch: {
      starting({ spanId, model, trace }) {
        // The attempts of one call have the same id.
        if (calls.has(spanId)) return undefined;
        if (calls.size >= MAX_CALLS) calls.delete(calls.keys().next().value as string);
        calls.set(spanId, { model, feature: trace.feature, team: trace.team, user: trace.userId });
        return undefined;
      },
      ended(_traceId, spanId) {
        calls.delete(spanId);
      },
    },
    count(fits) {
      if (fits === undefined) return calls.size;
      let count = 0;
      for (const labels of calls.values()) if (fits(labels)) count++;
      return count;
    },
  };
}

import type { ServerResponse } from "node:http";
import type { TailEvent } from "./api.ts";

/** One live view. It is told what has changed as fast as it reads, and never more than fits a small event. */
export interface TailClient {
  changed(traceIds: readonly string[]): void;
  /** The last one counts. */
  tell(event: Exclude<TailEvent, { event: "changed" }>): void;
  /** Shows proxies and the kernel that somebody is here. */
  beat(): void;
  end(): void;
}

/** Beyond, the view is told to ask anew. */
const MAX_TRACES = 1_000;

export function tailClient(response: ServerResponse): TailClient {
  let traces: Set<string> | "all" | undefined;
  const events = new Map<string, TailEvent>();
  /** What was written has not been read: nothing more is written, and what waits is at most one event of each kind. */
  let isFull = false;
  let isPlanned = false;

  function write(event: TailEvent): void {
    isFull = !response.write(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  function pump(): void {
    isPlanned = false;
    while (!isFull && !response.destroyed) {
      const [next] = events.values();
      if (next !== undefined) {
        events.delete(next.event);
        write(next);
      } else if (traces !== undefined) {
        const traceIds = traces === "all" ? [] : [...traces];
        traces = undefined;
        write({ event: "changed", traceIds });
      } else return;
    }
  }

  /** What comes in one turn is one event. */
  function plan(): void {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(pump);
  }

  response.on("drain", () => {
    isFull = false;
    pump();
  });
  return {
    changed(traceIds) {
      if (traceIds.length === 0) traces = "all";
      if (traces === "all") return plan();
      traces ??= new Set();
      for (const traceId of traceIds) traces.add(traceId);
      if (traces.size > MAX_TRACES) traces = "all";
      plan();
    },
    tell(event) {
      events.set(event.event, event);
      plan();
    },
    beat() {
      if (!isFull) isFull = !response.write(":\n\n");
    },
    end: () => void response.end(),
  };
}

import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import { say } from "../say.ts";
import type { State } from "../state.ts";

/** One part of a state, which one monitor has at a time: the one that was made last. */
export interface Handover {
  /** What was left, and what the one has that had it until now, who writes no more. Called once. */
  load(): unknown;
  changed(): void;
  /** Records that come to one that has handed over count at the one that has the part now. */
  forward(batch: readonly TraceRecord[]): void;
}

type Write = (batch: readonly TraceRecord[]) => void;

/** Who has a part now. */
const owners = new WeakMap<State, Map<string, Write>>();

/** A call that begins so much later shows that no new `configure` took the place of this one's. */
const LATER_MS = 30_000;

export function handover(parts: {
  readonly state: State | undefined;
  readonly part: string;
  /** Of the sink, for the message. */
  readonly name: string;
  readonly epochMs: () => number;
  readonly toJson: () => unknown;
  readonly write: Write;
}): Handover {
  const { state, part, name, toJson, write } = parts;
  let takenMs: number | undefined;
  let hasTold = false;

  const taken = (): void => {
    // The state reads by itself what it was told of: every change of ours.
    takenMs ??= parts.epochMs();
  };

  const isLater = (record: TraceRecord): boolean => record.record === "span" && startMs(record) - takenMs! > LATER_MS;

  return {
    load() {
      if (state === undefined) return undefined;
      const loaded = state.load(part, taken);
      const writers = owners.get(state) ?? new Map<string, Write>();
      owners.set(state, writers.set(part, write));
      return loaded;
    },
    changed() {
      if (takenMs === undefined) state?.changed(part, toJson);
    },
    forward(batch) {
      if (takenMs === undefined) return;
      const owner = owners.get(state!)?.get(part);
      if (owner !== undefined && owner !== write) owner(batch);
      if (hasTold || !batch.some(isLater)) return;
      hasTold = true;
      say(
        `two budgets() have the name "${name}" in one state, which keeps the amounts of the last one only: those of the ` +
          "first begin anew with the next process. Give each a name of its own: budgets({ name }).",
      );
    },
  };
}

function startMs({ startTime }: SpanRecord): number {
  return Number(startTime) / 1e6;
}

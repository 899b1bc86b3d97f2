import type { JsonObject } from "../../core/json.ts";

/** Things that are kept; those that were touched longest ago go first. */
const MAX_ENTITIES = 10_000;

export interface Known {
  readonly body: JsonObject;
  /** The word of the event that made it: `generation`. */
  readonly type: string;
  readonly seq: number;
  /** Of a trace: when the last of its observations ended. */
  readonly endTime?: string;
}

/** What ingestion events have said of traces and observations so far, for the updates that name only what is new. */
export interface LangfuseMemory {
  get(key: string): Known | undefined;
  set(key: string, known: Known): void;
}

/** @param maxEntities default 10,000 */
export function langfuseMemory(maxEntities: number = MAX_ENTITIES): LangfuseMemory {
  const entities = new Map<string, Known>();
  return {
    get: (key) => entities.get(key),
    set(key, known) {
      entities.delete(key);
      entities.set(key, known);
      if (entities.size > maxEntities) entities.delete(entities.keys().next().value!);
    },
  };
}

import type { FlushResult, LaneStats } from "../core/runtime.ts";
import type { Pipeline } from "./pipeline.ts";

/** The pipeline with the errors of sinks masked where they are told: theirs may hold an address, a header, a record. */
export function cleanErrors(pipeline: Pipeline, clean: (text: string) => string): Pipeline {
  const result = (told: FlushResult): FlushResult => ({ ...told, errors: told.errors.map(clean) });
  const lane = (stats: LaneStats): LaneStats =>
    stats.lastError === undefined ? stats : { ...stats, lastError: clean(stats.lastError) };
  return {
    ...pipeline,
    flush: async (options) => result(await pipeline.flush(options)),
    shutdown: async (options) => result(await pipeline.shutdown(options)),
    stats: () => Object.fromEntries(Object.entries(pipeline.stats()).map(([name, stats]) => [name, lane(stats)])),
  };
}

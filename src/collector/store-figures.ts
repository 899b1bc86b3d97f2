import type { Clock } from "../core/clock.ts";
import { swallow } from "../core/guard.ts";
import type { StoreStats, TraceStore } from "../store/trace-store.ts";
import type { Gauges } from "./figures.ts";

/** Counting what is kept costs a store more than whoever scrapes every few seconds may ask for. */
const FRESH_MS = 30_000;

/** What each project keeps, counted at most twice a minute. A store that does not answer has no figures. */
export function storeFigures(store: TraceStore, projects: readonly string[], clock: Clock): () => Promise<Gauges> {
  let known: (readonly [project: string, stats: StoreStats])[] = [];
  let askedAt = Number.NEGATIVE_INFINITY;

  async function ask(): Promise<void> {
    const now = clock.monotonicMs();
    if (now - askedAt < FRESH_MS) return;
    askedAt = now;
    try {
      known = await Promise.all(projects.map(async (project) => [project, await store.stats({ project })] as const));
    } catch (error) {
      known = [];
      swallow(error);
    }
  }

  return async () => {
    await ask();
    const of = (pick: (stats: StoreStats) => number | undefined, help: string): Gauges[string] => ({
      help,
      values: known.flatMap(([project, stats]) => {
        const value = pick(stats);
        return value === undefined ? [] : [[{ project }, value] as const];
      }),
    });
    return {
      store_spans: of(({ spans }) => spans, "Spans that are kept"),
      store_traces: of(({ traces }) => traces, "Traces that are kept"),
      store_bytes: of(({ bytes }) => bytes, "Bytes of what is kept"),
    };
  };
}

import { checkOptions } from "../core/check-options.ts";
import { SinkError } from "../core/errors.ts";
import type { Sink } from "../sinks/sink.ts";
import { StoreError } from "./store-error.ts";
import type { TraceStore } from "./trace-store.ts";

export interface StoreSinkOptions {
  /** The project that the records belong to. Default: `default`. */
  project?: string;
  /** Whether the store is closed with the sink. Default: true. */
  closesStore?: boolean;
}

/**
 * A store as a sink: a program keeps its own traces. A store that is full or cannot be reached is tried again later.
 *
 * @example
 * const store = memoryStore();
 * configure({ sinks: [storeSink(store, { project: "tutor" })] });
 */
export function storeSink(store: TraceStore, options: StoreSinkOptions = {}): Sink {
  checkOptions("storeSink", options, {
    project: [(value) => typeof value === "string" && value !== "", "the name of a project"],
    closesStore: [(value) => typeof value === "boolean", "true or false"],
  });
  const { project, closesStore = true } = options;
  return {
    name: store.name,
    ...(project !== undefined && { destination: project }),
    async write(batch) {
      try {
        await store.append(batch, project === undefined ? {} : { project });
      } catch (error) {
        throw asSinkError(error);
      }
    },
    ...(closesStore && { close: () => store.close() }),
  };
}

function asSinkError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  const isForNow = error.code === "STORE_FULL" || error.code === "STORE_UNAVAILABLE";
  return new SinkError(error.message, {
    retry: isForNow ? "later" : "never",
    retryAfterMs: error.retryAfterMs,
    code: error.code,
    cause: error,
  });
}

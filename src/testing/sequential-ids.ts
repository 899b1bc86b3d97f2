import type { Ids } from "../core/ids.ts";

/**
 * Ids that count from one, for tests that compare whole records: trace ids `000…0001`, `000…0002`, … (32 digits), span ids
 * likewise (16 digits). Each call of `sequentialIds` starts anew.
 *
 * @example
 * configure({ sinks: [memorySink()], ids: sequentialIds() });
 */
export function sequentialIds(): Ids {
  let traces = 0;
  let spans = 0;
  return {
    traceId: () => (++traces).toString(16).padStart(32, "0"),
    spanId: () => (++spans).toString(16).padStart(16, "0"),
  };
}

import type { Merger } from "./exchange.ts";

/** Streams of images, transcripts and speech say everything in their last event. */
const LAST = /\.(?:completed|done)$/;

/** The answer of a stream whose last event repeats all that came before it. */
export function createLastEventMerger(): Merger {
  let last: { readonly [name: string]: unknown } | undefined;
  return {
    event(name, data) {
      if (typeof data !== "object" || data === null) return;
      const type = (data as { type?: unknown }).type ?? name;
      if (typeof type === "string" && LAST.test(type)) last = data as { readonly [name: string]: unknown };
    },
    // An image stands beside the other fields there, and in a list in the answer that is no stream.
    result: () => (last?.["b64_json"] === undefined ? last : { ...last, data: [{ b64_json: last["b64_json"] }] }),
    get isComplete() {
      return last !== undefined;
    },
    mismatch: undefined,
    error: undefined,
    truncated: false,
  };
}

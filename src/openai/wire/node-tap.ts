import type { BodyWatch } from "./body-watch.ts";

/**
 * Watches the body of node-fetch, a Node stream. The stream stays the same one: whatever it hands out, by reading, flowing,
 * piping or iterating, it emits as `data`, so its own `emit` tells all, and no listener of ours sets it flowing or hides
 * that nobody handles an error.
 */
export function tapNodeBody(body: NodeJS.ReadableStream, watch: BodyWatch): void {
  const { emit } = body as NodeJS.EventEmitter;
  let isAsked = false;
  const ask = (): void => {
    if (!isAsked) watch.asked();
    isAsked = true;
  };
  const tapped = function (this: NodeJS.EventEmitter, event: string | symbol, ...args: unknown[]): boolean {
    if (event === "data") {
      // A loop does not set it flowing.
      ask();
      const [chunk] = args;
      const bytes = typeof chunk === "string" || chunk instanceof Uint8Array ? Buffer.from(chunk) : undefined;
      try {
        return Reflect.apply(emit, this, [event, ...args]);
      } finally {
        watch.chunk(bytes?.length ?? 0, bytes);
      }
    }
    if (event === "resume") ask();
    else if (event === "end") watch.end();
    else if (event === "error" && !hasBeenLeft(this)) watch.error(args[0]);
    else if (event === "close") watch.cancel();
    return Reflect.apply(emit, this, [event, ...args]);
  };
  Object.defineProperty(body, "emit", { value: tapped, configurable: true, writable: true });
}

/**
 * The reader has destroyed it, and aborts the request only after that: `openai` 4 does when a loop over a stream breaks.
 * Node destroys what a loop leaves with an error of its own.
 */
function hasBeenLeft(body: object): boolean {
  const { destroyed, errored } = body as { destroyed?: boolean; errored?: { code?: unknown } | null };
  return destroyed === true && (errored === null || errored === undefined || errored.code === "ABORT_ERR");
}

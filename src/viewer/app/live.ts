import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { TailEvent } from "../../collector/api.ts";
import { address, reach } from "./api.ts";
import { eventReader } from "./event-reader.ts";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

const listeners = new Set<(event: TailEvent) => void>();
const connected: Signal<boolean> = signal(false);
let running: AbortController | undefined;

/** Whether changes are being heard of. */
export const isLive: ReadonlySignal<boolean> = connected;

/**
 * Calls back whenever the server tells of a change; returns what ends it. One connection serves all listeners; it is read
 * by `fetch`, for the token's sake, and comes back by itself. After a break a `changed` that names no traces is told.
 */
export function onTail(listener: (event: TailEvent) => void): () => void {
  listeners.add(listener);
  if (!running) void follow((running = new AbortController()));
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    // A page that follows the one that leaves takes the connection over.
    queueMicrotask(() => {
      if (listeners.size > 0) return;
      running?.abort();
      running = undefined;
    });
  };
}

async function follow({ signal }: AbortController): Promise<void> {
  let wait = FIRST_WAIT_MS;
  let isFirst = true;
  while (!signal.aborted) {
    try {
      const response = await reach("GET", address("/api/tail", {}), { signal });
      connected.value = true;
      if (!isFirst) tell({ event: "changed", traceIds: [] });
      isFirst = false;
      wait = FIRST_WAIT_MS;
      const read = eventReader((data) => tell(JSON.parse(data) as TailEvent));
      const text = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      for (let piece = await text.read(); !piece.done; piece = await text.read()) read(piece.value);
    } catch {
      // Tried again below; who looks sees `isLive`.
    }
    connected.value = false;
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}

function tell(event: TailEvent): void {
  for (const listener of [...listeners]) listener(event);
}

import { guard, swallow } from "../../core/guard.ts";
import type { AlertEvent, AlertListener } from "./alert.ts";

/** Those who hear of alerts. Nothing that they throw, or reject with, comes out of here. */
export interface Listeners {
  tell(event: AlertEvent): void;
  tick(nowMs: number): void;
  /** Resolves when all have ended, or the signal comes. */
  flush(signal: AbortSignal | undefined): Promise<void>;
  close(signal: AbortSignal | undefined): Promise<void>;
  /** The last thing that went wrong with one of them, until the same goes well again. */
  problem(): string | undefined;
}

export function listenersOf(
  listeners: readonly AlertListener[],
  onChange: ((event: AlertEvent) => void) | undefined,
): Listeners {
  const problems = new Map<string, string>();

  /** Called in the caller's turn. */
  async function call(what: string, run: () => unknown): Promise<void> {
    try {
      await run();
      problems.delete(what);
    } catch (error) {
      swallow(error);
      const text = guard(() => (error instanceof Error ? error.message : String(error)), "an error without text");
      problems.delete(what);
      problems.set(what, `${what} failed: ${text}`);
    }
  }

  function each(method: keyof AlertListener, run: (listener: AlertListener) => unknown): Promise<unknown> {
    return Promise.all(listeners.map((listener, i) => call(`listeners[${i}].${method}`, () => run(listener))));
  }

  return {
    tell(event) {
      void each("alert", (listener) => listener.alert(event));
      if (onChange !== undefined) void call("onChange", () => onChange(event));
    },
    tick: (nowMs) => void each("tick", (listener) => listener.tick?.(nowMs)),
    flush: (signal) =>
      untilAborted(
        each("flush", (listener) => listener.flush?.(signal)),
        signal,
      ),
    close: (signal) =>
      untilAborted(
        each("close", (listener) => listener.close?.(signal)),
        signal,
      ),
    problem: () => [...problems.values()].at(-1),
  };
}

/** What goes on when nobody waits any more goes on alone. */
async function untilAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return;
  let abort: () => void = () => {};
  const aborted = new Promise<void>((resolve) => {
    abort = resolve;
  });
  signal?.addEventListener("abort", abort);
  await Promise.race([work, aborted]);
  signal?.removeEventListener("abort", abort);
}

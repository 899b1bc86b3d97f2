import { SinkError } from "../../core/errors.ts";
import { debug } from "../../core/guard.ts";
import { suppress } from "../../core/suppress.ts";
import type { Channel, Notification, Thread } from "./notification.ts";
import { MAX_TIMEOUT_MS } from "./options.ts";

/** An attempt whose end is awaited. */
export interface UnderWay {
  readonly key: string;
  readonly sent: Promise<Thread | undefined>;
  /** Calls it off. */
  readonly ending: AbortController;
}

/** One attempt to send, whatever the channel does: it ends in time, and every failure is a `SinkError`. */
export async function deliver(
  channel: Channel,
  notification: Notification,
  thread: Thread | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Thread | undefined> {
  const attempt = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let abort = (): void => {};
  const ended = new Promise<never>((_, reject) => {
    const end = (problem: string): void => {
      reject(new SinkError(`channel "${channel.name}": ${problem}`, { retry: "later" }));
      attempt.abort();
    };
    abort = () => end("the attempt was called off");
    timer = setTimeout(end, Math.min(timeoutMs, MAX_TIMEOUT_MS), `no end within ${timeoutMs} ms`).unref();
  });
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    // Nothing of it is recorded: a message about a failed call would be one more call.
    const sent = (async () => suppress(() => channel.send(notification, thread, attempt.signal)))();
    return (await Promise.race([sent, ended])) ?? undefined;
  } catch (error) {
    throw asSinkError(error, channel.name);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    // When both fail, nobody else waits for this one.
    ended.catch(() => {});
  }
}

/** Of errors that a channel did not make for us only the type and code are told: their messages may hold an address. */
function asSinkError(error: unknown, name: string): SinkError {
  if (error instanceof SinkError) return error;
  const { name: type, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  debug(`channel "${name}" failed: ${String(error)}`);
  const problem = `channel "${name}": failed with ${String(code ?? type ?? typeof error)}`;
  return new SinkError(problem, { retry: "later", cause: error });
}

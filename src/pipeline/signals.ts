import { swallow } from "../core/guard.ts";
import type { Slot } from "../core/runtime.ts";
import { type ExitTarget, exportOpen, spillAll } from "./exit.ts";

/** Signals that ask a process to end. Not SIGHUP: under `nohup` it must not end. */
export type ExitSignal = keyof typeof NUMBERS;

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;
export const EXIT_SIGNALS = Object.keys(NUMBERS) as readonly ExitSignal[];

/** All of them, some, or none. */
export type SignalsOption = boolean | readonly ExitSignal[];

/** How long a process that a signal would have ended at once goes on for what is still queued. */
const SIGNAL_MS = 2_000;

/** On our listeners, so that two copies of the package that share no slot do not take each other for the host. */
const OURS = Symbol.for("sightline.signal");

type Hook = (target: ExitTarget, signals: readonly ExitSignal[]) => () => void;

/**
 * Has the target delivered when one of the signals arrives. The host owns its signals: where it has a listener of its
 * own, we flush in the background and nothing else: spans that are open may end yet. Where it has none, the process would have ended at once: open spans
 * are exported, all is flushed and spilled, and the signal is raised again without us, so that the parent process sees
 * it. A second signal meanwhile spills and ends at once.
 *
 * One listener per signal and process, however many copies of the package are loaded, and none for no target. In a
 * worker thread, which gets no signals, it is never called.
 *
 * @returns lets go of the target; for one that has been shut down
 */
export function installSignalHooks(
  slot: Pick<Slot, "shared">,
  target: ExitTarget,
  signals: SignalsOption = true,
): () => void {
  let hook = slot.shared.get("signals") as Hook | undefined;
  if (hook === undefined) slot.shared.set("signals", (hook = createHook()));
  return hook(target, signals === true ? EXIT_SIGNALS : signals || []);
}

function createHook(): Hook {
  const targets = new Map<ExitTarget, readonly ExitSignal[]>();
  const onSignal = Object.assign(arrived as NodeJS.SignalsListener, { [OURS]: true });
  let ending = false;

  /** First in line: a `once` listener of the host that has run before us would be gone when we look for it. */
  function listen(): void {
    const wanted = new Set([...targets.values()].flat());
    for (const signal of EXIT_SIGNALS) {
      const isOn = process.listeners(signal).includes(onSignal);
      if (wanted.has(signal) && !isOn) process.prependListener(signal, onSignal);
      else if (!wanted.has(signal) && isOn) process.off(signal, onSignal);
    }
  }

  function arrived(signal: ExitSignal): void {
    if (ending) end(signal);
    else if (hostListens(signal)) void flushAll(SIGNAL_MS, false);
    else {
      ending = true;
      const startedAt = performance.now();
      void exportOpen([...targets.keys()])
        .then(() => flushAll(SIGNAL_MS - (performance.now() - startedAt), true))
        .then(() => end(signal));
    }
  }

  async function flushAll(timeoutMs: number, isLast: boolean): Promise<void> {
    const flushes = [...targets.keys()].map((target) => target.flush({ timeoutMs: Math.max(0, timeoutMs), isLast }));
    await Promise.all(flushes).catch(swallow);
  }

  function end(signal: ExitSignal): void {
    spillAll([...targets.keys()]);
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
    // The first process of a container is not ended by its own signals. Whoever else listens has the word now.
    if (process.listenerCount(signal) === 0) process.exit(128 + NUMBERS[signal]);
  }

  return (target, signals) => {
    targets.set(target, signals);
    listen();
    return () => {
      targets.delete(target);
      listen();
    };
  };
}

/**
 * The listeners of `signal-exit` do not count: they end the process as soon as they are alone, and until then wait for
 * whoever listens beside them. Taken for the host's, they and we would wait for each other.
 */
function hostListens(signal: ExitSignal): boolean {
  const others = process.listeners(signal).filter((listener) => !(OURS in listener));
  return others.length > signalExits();
}

/** How many copies of the package `signal-exit` listen, version 3 and version 4. */
function signalExits(): number {
  const { __signal_exit_emitter__: v3 } = process as { __signal_exit_emitter__?: { count?: unknown } };
  const { [Symbol.for("signal-exit emitter")]: v4 } = globalThis as { [key: symbol]: { count?: unknown } | undefined };
  return [v3?.count, v4?.count].reduce<number>((sum, count) => sum + (typeof count === "number" ? count : 0), 0);
}

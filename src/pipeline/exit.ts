import { guard, swallow } from "../core/guard.ts";
import type { LaneStats, Slot } from "../core/runtime.ts";
import { sayLosses } from "./losses.ts";
import type { FlushOptions, Pipeline } from "./pipeline.ts";

/** What is flushed and spilled as the process ends: a pipeline, or more around one; a notifier. */
export interface ExitTarget extends Pick<Pipeline, "abandon" | "spillSync"> {
  /** Resolves by `timeoutMs`. */
  flush(options?: FlushOptions): Promise<unknown>;
  stats(): { readonly [name: string]: Pick<LaneStats, "emitted"> };
  /** Exports every open span as `unfinished`, many of them in several turns of the event loop. */
  exportOpen(): Promise<void>;
  /** What was lost since it was last asked for, in words. */
  losses(): string | undefined;
}

/** How long a process that has nothing else to do is kept for what is still queued, all flushes together. */
const BEFORE_EXIT_MS = 2_000;

/**
 * Has the target flushed when the process runs out of work, and spilled when it exits (by itself, by `process.exit`, by
 * an uncaught error). The hooks are set once per process, however many copies of the package are loaded.
 *
 * @returns lets go of the target; for one that has been shut down
 */
export function installExitHooks(slot: Pick<Slot, "shared">, target: ExitTarget): () => void {
  let targets = slot.shared.get("exit") as Set<ExitTarget> | undefined;
  if (targets === undefined) slot.shared.set("exit", (targets = hook()));
  targets.add(target);
  return () => void targets.delete(target);
}

/**
 * Node says `beforeExit` again after every flush; only new records make another one, until the time is used up. What is
 * still open will not end by itself: it goes along, as at `exit` only sinks that write synchronously can take it.
 */
function hook(): Set<ExitTarget> {
  const targets = new Set<ExitTarget>();
  const flushed = new WeakMap<ExitTarget, number>();
  let leftMs = BEFORE_EXIT_MS;

  async function flushAll(): Promise<void> {
    const startedAt = performance.now();
    await exportOpen([...targets]);
    const due = [...targets].filter((target) => flushed.get(target) !== emittedBy(target));
    if (leftMs <= 0 || due.length === 0) return;
    for (const target of due) flushed.set(target, emittedBy(target));
    await Promise.all(due.map((target) => target.flush({ timeoutMs: leftMs, isLast: true })));
    leftMs -= performance.now() - startedAt;
    for (const target of due) target.abandon();
  }

  process.on("beforeExit", () => void flushAll().catch(swallow));
  process.on("exit", () => spillAll([...targets]));
  return targets;
}

export async function exportOpen(targets: readonly ExitTarget[]): Promise<void> {
  await Promise.all(targets.map(async (target) => target.exportOpen())).catch(swallow);
}

/** The last thing that is done for the targets: what cannot be written now is lost, and that is said. */
export function spillAll(targets: readonly ExitTarget[]): void {
  for (const target of targets) guard(() => target.spillSync(), undefined);
  guard(() => sayLosses(targets), undefined);
}

function emittedBy(target: ExitTarget): number {
  return Object.values(target.stats()).reduce((sum, { emitted }) => sum + emitted, 0);
}

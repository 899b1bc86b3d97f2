import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { ConfigError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";

/** What monitors remember from one process to the next: amounts spent, alerts that fire, incidents, messages not yet sent. */
export interface State {
  /** What an earlier process left under this name; `undefined` when there is nothing, or nothing that can be read. */
  load(part: string): unknown;
  /** Says that `part` has changed. `read` gives it as plain JSON whenever it is written: within a second, and by `save`. */
  changed(part: string, read: () => unknown): void;
  /** Writes what has changed, now. Called as monitors are flushed and closed, and as the process exits. */
  save(): void;
}

const WRITE_MS = 1_000;
const FORMAT = 1;

/**
 * One JSON file, mode 0600, replaced as a whole: a process that dies while it writes leaves the file as it was before. What
 * changed in the last second is lost by `kill -9`. For one process at a time.
 *
 * @throws ConfigError when the path cannot be written, or holds something else
 * @example
 * const state = stateFile("./monitors.json");
 */
export function stateFile(path: string): State {
  const parts = readParts(path);
  const dirty = new Map<string, () => unknown>();
  let timer: NodeJS.Timeout | undefined;
  const save = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (dirty.size === 0) return;
    for (const [part, read] of dirty) guard(() => parts.set(part, read()), undefined);
    dirty.clear();
    const text = JSON.stringify({ format: FORMAT, ...Object.fromEntries(parts) });
    const next = `${path}.next`;
    guard(() => {
      writeFileSync(next, text, { mode: 0o600 });
      renameSync(next, path);
    }, undefined);
  };
  return {
    load: (part) => parts.get(part),
    changed(part, read) {
      if (dirty.size === 0) process.once("exit", save);
      dirty.set(part, read);
      timer ??= setTimeout(save, WRITE_MS).unref();
    },
    save() {
      save();
      process.off("exit", save);
    },
  };
}

function readParts(path: string): Map<string, unknown> {
  const bad = (problem: string, cause?: unknown): ConfigError =>
    new ConfigError("CONFIG_STATE_FILE", `stateFile("${path}"): ${problem}`, { cause });
  try {
    mkdirSync(dirname(path), { recursive: true });
    const { format, ...parts } = JSON.parse(readFileSync(path, "utf8"));
    if (format === FORMAT) return new Map(Object.entries(parts));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw bad(`it cannot be read: ${(error as Error).message}. Move it away to begin anew.`, error);
  }
  throw bad("it is no state of Sightline's monitors. Give another path.");
}

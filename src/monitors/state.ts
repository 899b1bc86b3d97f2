import { accessSync, constants, mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ConfigError } from "../core/errors.ts";
import { guard, swallow } from "../core/guard.ts";
import { showValue } from "../core/show-value.ts";
import { type FileReplacer, fileReplacer } from "./replace-file.ts";

/** What monitors remember from one process to the next: amounts spent, alerts that fire, incidents, messages not yet sent. */
export interface State {
  /**
   * What an earlier process left under this name, or an earlier monitor of this one; `undefined` when there is nothing, or
   * nothing that can be read. From now on the part is the caller's: `taken` is called when somebody else loads it, before
   * it is read, and whoever had it writes no more.
   */
  load(part: string, taken?: () => void): unknown;
  /** Says that `part` has changed. `read` gives it as plain JSON whenever it is written: within a second, and by `save`. */
  changed(part: string, read: () => unknown): void;
  /** Writes what has changed, now. Called as monitors are flushed and closed, and as the process exits. */
  save(): void;
}

/** Half of the second that is promised: the rest is for a disk that takes its time. */
const WRITE_MS = 500;
/** After a write that failed. */
const RETRY_MS = 10_000;
const FORMAT = 1;
/** How every file of ours begins; so a damaged one is told from somebody else's. */
const BEGINNING = `{"format":${FORMAT},`;

/**
 * One JSON file, mode 0600. It is written aside, synced and renamed, so that whoever dies while it is written leaves the file
 * as it was before. What a notifier is given to tell is written before `notify` returns, or as the turn ends where it is given
 * more in it; of all else what changed in the last second is lost by `kill -9`. Several monitors may share it, each under a
 * name of its own, and the same path gives the same state.
 *
 * For one process at a time: of two, the last one to write has the word, and a line on stderr says so. A file of ours that is
 * damaged is kept as `<path>.damaged`, a line on stderr says so, and what was remembered begins anew: a monitor keeps no
 * program from starting. While the file cannot be written, what changed is kept, and tried again with the next change.
 *
 * @throws ConfigError when the path cannot be read or written, or holds something else
 * @example
 * import { stateFile } from "sightline/monitors";
 * const state = stateFile("./monitors.json");
 */
export function stateFile(path: string): State {
  if (typeof path !== "string" || path === "") {
    throw new ConfigError("CONFIG_STATE_FILE", `stateFile(path) takes the path of a file; it got ${showValue(path)}.`);
  }
  const place = resolve(path);
  const open = files.get(place);
  if (open !== undefined) {
    open.reopen();
    return open;
  }
  const made = createState(place);
  files.set(place, made);
  return made;
}

/** By their path, for as long as the process lives. */
const files = new Map<string, StateFile>();

interface StateFile extends State {
  reopen(): void;
}

function createState(path: string): StateFile {
  /** As JSON: what a monitor was given is not changed by what it does with it. */
  let parts = readParts(path);
  const dirty = new Map<string, () => unknown>();
  const owners = new Map<string, () => void>();
  const file = fileReplacer(path);
  let seen = stampOf(path);
  let isSaved = true;
  let hasFailed = false;
  let hasStranger = false;
  let timer: NodeJS.Timeout | undefined;

  const take = (part: string): void => {
    guard(() => parts.set(part, JSON.stringify(dirty.get(part)!()) ?? "null"), undefined);
  };

  const text = (): string => {
    for (const part of dirty.keys()) take(part);
    dirty.clear();
    const members = [...parts].map(([part, json]) => `${JSON.stringify(part)}:${json}`);
    return `${BEGINNING}"parts":{${members.join()}}}`;
  };

  const look = (): void => {
    if (hasStranger || ["", seen].includes(stampOf(path))) return;
    hasStranger = true;
    say(`${path} is written by another process too. The last one has the word: give each a state file of its own.`);
  };

  const settled = (error?: unknown): void => {
    if (error !== undefined) {
      failed(error as Error);
      return;
    }
    hasFailed = false;
    seen = stampOf(path);
    if (dirty.size > 0) return;
    isSaved = true;
    unsaved.delete(state);
  };

  const failed = (error: Error): void => {
    if (!hasFailed) {
      swallow(error);
      say(`${path} cannot be written (${error.message}). It will be tried again.`);
    }
    hasFailed = true;
    if (!unsaved.isExiting) writeIn(RETRY_MS);
  };

  const writeIn = (ms: number): void => {
    timer ??= setTimeout(write, ms, "soon").unref();
  };

  const write = (how: keyof FileReplacer): void => {
    clearTimeout(timer);
    timer = undefined;
    if (isSaved) return;
    guard(() => {
      look();
      file[how](text(), settled);
    }, undefined);
  };

  const state: StateFile = {
    load(part, taken) {
      const before = owners.get(part);
      owners.delete(part);
      if (before !== undefined) guard(before, undefined);
      if (taken !== undefined) owners.set(part, taken);
      if (dirty.has(part)) take(part);
      // What it says later is nothing to whoever has the part now.
      dirty.delete(part);
      return parts.has(part) ? JSON.parse(parts.get(part)!) : undefined;
    },
    changed(part, read) {
      dirty.set(part, read);
      isSaved = false;
      unsaved.add(state);
      if (unsaved.isExiting) write("now");
      else writeIn(WRITE_MS);
    },
    save: () => write("now"),
    reopen() {
      write("now");
      if (!isSaved) return;
      parts = readParts(path);
      seen = stampOf(path);
    },
  };
  return state;
}

/** What there is to write at process `exit`: one hook for all files, and none while nothing waits. */
const unsaved = {
  states: new Set<State>(),
  isExiting: false,
  add(state: State): void {
    if (this.states.size === 0) process.on("exit", saveAll);
    this.states.add(state);
  },
  delete(state: State): void {
    if (this.states.delete(state) && this.states.size === 0) process.off("exit", saveAll);
  },
};

function saveAll(): void {
  // Others that run at `exit` after this may still have changes: those are written at once.
  unsaved.isExiting = true;
  for (const state of unsaved.states) state.save();
}

/** Tells whether a file is the one that was there before. */
function stampOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
}

/** Each part as JSON. */
function readParts(path: string): Map<string, string> {
  const bad = (problem: string, cause?: unknown): ConfigError =>
    new ConfigError("CONFIG_STATE_FILE", `stateFile("${path}"): ${problem}`, { cause });
  let text: string;
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(dirname(path), constants.W_OK);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw bad(`it cannot be used: ${(error as Error).message}. Give a path that can be read and written.`, error);
  }
  const state = guardedParse(text);
  if (isObject(state) && state["format"] === FORMAT && isObject(state["parts"])) {
    return new Map(Object.entries(state["parts"]).map(([part, value]) => [part, JSON.stringify(value)]));
  }
  // A power cut leaves nothing or zeros; anything else that does not begin as ours do is not ours to move.
  if (!text.startsWith(BEGINNING) && !/^\0*$/.test(text)) {
    throw bad("it is no state of Sightline's monitors. Give another path.");
  }
  const aside = `${path}.damaged`;
  try {
    renameSync(path, aside);
  } catch (error) {
    throw bad(`it is damaged and cannot be moved: ${(error as Error).message}. Move it away to begin anew.`, error);
  }
  say(`${path} was damaged and is now ${aside}. What budgets had spent and which alerts fired begins anew.`);
  return new Map();
}

function guardedParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function say(line: string): void {
  guard(() => process.stderr.write(`sightline: ${line}\n`), undefined);
}

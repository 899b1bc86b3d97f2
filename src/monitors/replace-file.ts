import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Replaces a file as a whole: written aside, synced, renamed. `done` hears the end of it, with what went wrong. */
export interface FileReplacer {
  /** Before it returns. */
  now(text: string, done: (error?: unknown) => void): void;
  /**
   * Off the caller's turn, as a disk may take its time to sync. One that is overtaken by a later one before it is there
   * leaves no trace, and its `done` is not called.
   */
  soon(text: string, done: (error?: unknown) => void): void;
}

/** Mode 0600. Two processes that replace one file do not write into the same one aside. */
export function fileReplacer(path: string): FileReplacer {
  let newest = 0;
  let isBusy = false;
  let next: (() => void) | undefined;
  const [nowFile, soonFile] = ["a", "b"].map((letter) => `${path}.${process.pid}${letter}.next`) as [string, string];
  removeLeftOvers(path);

  async function write(text: string, n: number): Promise<boolean> {
    const handle = await open(soonFile, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (n !== newest) return false;
    renameSync(soonFile, path);
    return true;
  }

  async function run(text: string, n: number, done: (error?: unknown) => void): Promise<void> {
    isBusy = true;
    try {
      if (await write(text, n)) done();
      else remove(soonFile);
    } catch (error) {
      remove(soonFile);
      if (n === newest) done(error);
    }
    isBusy = false;
    const follow = next;
    next = undefined;
    follow?.();
  }

  return {
    now(text, done) {
      newest++;
      try {
        const handle = openSync(nowFile, "w", 0o600);
        try {
          writeFileSync(handle, text);
          fsyncSync(handle);
        } finally {
          closeSync(handle);
        }
        renameSync(nowFile, path);
      } catch (error) {
        remove(nowFile);
        return done(error);
      }
      done();
    },
    soon(text, done) {
      const n = ++newest;
      const start = (): void => {
        if (n === newest) void run(text, n, done);
      };
      if (isBusy) next = start;
      else start();
    },
  };
}

/** What a process that was killed had begun to write. */
function removeLeftOvers(path: string): void {
  const start = `${basename(path)}.`;
  try {
    for (const name of readdirSync(dirname(path))) {
      const [, pid] = (name.startsWith(start) && /^(\d+)[ab]\.next$/.exec(name.slice(start.length))) || [];
      if (pid !== undefined && !isAlive(Number(pid))) remove(join(dirname(path), name));
    }
  } catch {
    // A folder that cannot be listed.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // What cannot be removed is written over by a later one.
  }
}

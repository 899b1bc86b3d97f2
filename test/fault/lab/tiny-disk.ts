/** Disks that fill up: a tmpfs where one can be mounted, and a limit on the size of files, which needs no rights. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export interface TinyDisk {
  /** The file that is to run out of space; its folder is there. */
  readonly path: string;
  /** From now on next to nothing fits: less than a page of 4 KiB. */
  fill(): void;
  /** There is space again. */
  free(): void;
}

/** The ways that work here; `how` belongs into the name of the test. */
export const TINY_DISKS: readonly { readonly how: string; make(t: TestContext): TinyDisk }[] = [
  ...(canMount() ? [{ how: "tmpfs of 256 KiB", make: tmpfs }] : []),
  ...(canLimit() ? [{ how: "RLIMIT_FSIZE", make: sizeLimit }] : []),
];

/** Mounted for one test. Unmounted after it, and when the process ends in the middle of it. */
export function tmpfs(t: TestContext): TinyDisk & { remount(mode: "ro" | "rw"): void } {
  const dir = mkdtempSync(join(tmpdir(), "sightline-tmpfs-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "sightline", dir]);
  const unmount = () => {
    execFileSync("umount", ["--lazy", dir]);
    rmSync(dir, { recursive: true });
  };
  process.once("exit", unmount);
  t.after(() => {
    process.off("exit", unmount);
    unmount();
  });
  const ballast = join(dir, "ballast");
  return {
    path: join(dir, "traces.ndjson"),
    fill() {
      const fd = openSync(ballast, "a");
      try {
        while (writeSync(fd, Buffer.alloc(4096)) > 0);
      } catch {
        // ENOSPC
      } finally {
        closeSync(fd);
      }
    },
    free: () => rmSync(ballast),
    remount: (mode) => void execFileSync("mount", ["-o", `remount,${mode}`, dir]),
  };
}

/** This process may not write beyond the file's present size and half a page: EFBIG, as quota and full disks say. */
function sizeLimit(t: TestContext): TinyDisk {
  const dir = mkdtempSync(join(tmpdir(), "sightline-limit-"));
  const path = join(dir, "traces.ndjson");
  const limit = (bytes: string) => execFileSync("prlimit", [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
  const free = () => void limit("unlimited");
  t.after(() => {
    free();
    rmSync(dir, { recursive: true });
  });
  return { path, fill: () => void limit(String(statSync(path).size + 2048)), free };
}

/** Tried, as containers refuse mounts to root too. */
function canMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), "sightline-tmpfs-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "sightline", dir], { stdio: "ignore" });
    execFileSync("umount", ["--lazy", dir]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function canLimit(): boolean {
  try {
    execFileSync("prlimit", [`--pid=${process.pid}`, "--fsize=unlimited:"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

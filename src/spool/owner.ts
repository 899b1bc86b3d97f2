import type * as Fs from "node:fs";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/**
 * Whose a directory is: `<host>-<pid>-<start>-<token>-<born>`. The name is the lock: it says which process to ask for, and
 * only one can rename it. `born` is kept by every later owner, and names in its order are names in order of age.
 */
export interface Owner {
  /** Host name and, on Linux, PID namespace: containers may share a host name, and a volume. */
  readonly host: string;
  /** 0: left by an owner that ended in order; anyone may have it at once. */
  readonly pid: number;
  /** When the process began, as `/proc` says it: process ids are used again. `0` where there is no `/proc`. */
  readonly start: string;
  readonly born: string;
}

/** An owner that cannot be asked (another host, another thread) is dead when it has not touched its directory for so long. */
export const SILENT_MS = 60_000;

let self: { readonly host: string; readonly start: string } | undefined;

function whoAmI(): { readonly host: string; readonly start: string } {
  if (self !== undefined) return self;
  const namespace = attempt(() => fs.readlinkSync("/proc/self/ns/pid").replace(/\D/g, "")) ?? "0";
  const name = process.getBuiltinModule("node:os").hostname();
  self = {
    host: `${name.replace(/[^\w.]/g, "_").slice(0, 64)}.${namespace}`,
    start: procStat(process.pid)?.start ?? "0",
  };
  return self;
}

export function newBorn(epochMs: number): string {
  return Math.max(0, Math.floor(epochMs)).toString(36).padStart(9, "0") + token();
}

export function ownName(born: string): string {
  const { host, start } = whoAmI();
  return [host, process.pid, start, token(), born].join("-");
}

/** For what is left behind in order: nobody needs to wait for its owner's death. */
export function nobodysName(born: string): string {
  return ["nobody", 0, 0, token(), born].join("-");
}

export function parseOwner(name: string): Owner | undefined {
  const [host, pid, start, mark, born, ...more] = name.split("-");
  if (!host || !start || !mark || !born || more.length > 0 || !/^\d{1,10}$/.test(pid!)) return undefined;
  return { host, pid: Number(pid), start, born };
}

/** `silentMs`: how long ago the owner touched its directory last. */
export function isAlive({ host, pid, start }: Owner, silentMs: number): boolean {
  if (pid === 0) return false;
  const me = whoAmI();
  const isHeard = silentMs < SILENT_MS;
  if (host !== me.host || (pid === process.pid && start === me.start)) return isHeard;
  const stat = procStat(pid);
  if (stat !== undefined) return stat.start === start && !stat.isZombie;
  // No `/proc`, or one that hides the processes of others.
  return isKnown(pid) && isHeard;
}

function isKnown(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Fields 3 and 22 of `/proc/<pid>/stat`; the second field, a name, may hold anything, brackets included. */
function procStat(pid: number): { readonly start: string; readonly isZombie: boolean } | undefined {
  const text = attempt(() => fs.readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields?.[19] === undefined ? undefined : { start: fields[19], isZombie: /^[ZXx]$/.test(fields[0]!) };
}

function token(): string {
  return process.getBuiltinModule("node:crypto").randomBytes(4).toString("hex");
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

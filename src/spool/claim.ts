import type * as Fs from "node:fs";
import { join } from "node:path";
import { isAlive, ownName, parseOwner } from "./owner.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

export interface Claimed {
  readonly path: string;
  readonly born: string;
}

/**
 * Takes over those of the directories whose owners are dead. To rename is to own: of several processes that try, one
 * succeeds. Touched first, so that nobody on another host takes the new name for a dead owner's.
 */
export function claimDead(sinkDir: string, names: readonly string[], epochMs: number): Claimed[] {
  const claimed: Claimed[] = [];
  if (names.length === 0) return claimed;
  const time = placeTime(sinkDir, epochMs);
  // What another user has put there is not delivered in our name; root may.
  const user = process.getuid?.() ?? 0;
  for (const name of names) {
    const found = look(sinkDir, name, time);
    if (found === undefined || found.isLiving || (user !== 0 && found.uid !== user)) continue;
    const { born } = found;
    const path = join(sinkDir, ownName(born));
    try {
      touch(join(sinkDir, name), time);
      fs.renameSync(join(sinkDir, name), path);
      claimed.push({ path, born });
    } catch {
      // Another process was faster, or it is not ours to take.
    }
  }
  return claimed;
}

/** What has the name of an owner's directory, oldest first. */
export function ownersNamedIn(sinkDir: string): string[] {
  return names(sinkDir)
    .flatMap((name) => {
      const owner = parseOwner(name);
      return owner === undefined ? [] : [{ name, born: owner.born }];
    })
    .sort((a, b) => (a.born < b.born ? -1 : 1))
    .map(({ name }) => name);
}

export interface OwnerFound {
  readonly name: string;
  readonly born: string;
  readonly host: string;
  readonly pid: number;
  readonly uid: number;
  readonly isLiving: boolean;
}

/** The owners' directories in a sink's place, oldest first. */
export function ownersIn(sinkDir: string, epochMs: number): OwnerFound[] {
  return ownersNamedIn(sinkDir).flatMap((name) => look(sinkDir, name, epochMs) ?? []);
}

function look(sinkDir: string, name: string, time: number): OwnerFound | undefined {
  const owner = parseOwner(name);
  const stats = owner && fs.lstatSync(join(sinkDir, name), { throwIfNoEntry: false });
  if (!owner || !stats?.isDirectory()) return undefined;
  const { born, host, pid } = owner;
  return { name, born, host, pid, uid: stats.uid, isLiving: isAlive(owner, time - stats.mtimeMs) };
}

/**
 * What time the file system has: hosts that share it may disagree by minutes, and would take each other for dead. Where
 * nothing can be made there, our own clock has to do.
 */
export function placeTime(sinkDir: string, epochMs: number): number {
  try {
    const path = fs.mkdtempSync(join(sinkDir, ".time-"));
    try {
      return fs.statSync(path).mtimeMs;
    } finally {
      fs.rmdirSync(path);
    }
  } catch {
    return epochMs;
  }
}

/** Says that the owner lives. Throws when the directory is no more. `time`: the place's. */
export function touch(path: string, time: number): void {
  fs.utimesSync(path, time / 1_000, time / 1_000);
}

function names(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    // Nothing has been spooled here.
    return [];
  }
}

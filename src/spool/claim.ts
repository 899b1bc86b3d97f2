import type * as Fs from "node:fs";
import { join } from "node:path";
import { isAlive, ownName, parseOwner } from "./owner.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

export interface Claimed {
  readonly path: string;
  readonly born: string;
}

/**
 * Takes over the directories of dead owners, oldest first. To rename is to own: of several processes that try, one
 * succeeds. Touched first, so that nobody on another host takes the new name for a dead owner's.
 */
export function claimDead(sinkDir: string, epochMs: number): Claimed[] {
  const claimed: Claimed[] = [];
  for (const { name, born } of deadOwners(sinkDir, epochMs)) {
    const path = join(sinkDir, ownName(born));
    try {
      touch(join(sinkDir, name), epochMs);
      fs.renameSync(join(sinkDir, name), path);
      claimed.push({ path, born });
    } catch {
      // Another process was faster, or it is not ours to take.
    }
  }
  return claimed;
}

/** What another user has put there is not delivered in our name; root may. */
function deadOwners(sinkDir: string, epochMs: number): OwnerFound[] {
  const user = process.getuid?.() ?? 0;
  return ownersIn(sinkDir, epochMs)
    .filter(({ isLiving, uid }) => !isLiving && (user === 0 || uid === user))
    .sort((a, b) => (a.born < b.born ? -1 : 1));
}

export interface OwnerFound {
  readonly name: string;
  readonly born: string;
  readonly host: string;
  readonly pid: number;
  readonly uid: number;
  readonly isLiving: boolean;
}

/** The owners' directories in a sink's place. */
export function ownersIn(sinkDir: string, epochMs: number): OwnerFound[] {
  return names(sinkDir).flatMap((name) => {
    const owner = parseOwner(name);
    const stats = owner && fs.lstatSync(join(sinkDir, name), { throwIfNoEntry: false });
    if (!owner || !stats?.isDirectory()) return [];
    const { born, host, pid } = owner;
    return [{ name, born, host, pid, uid: stats.uid, isLiving: isAlive(owner, epochMs - stats.mtimeMs) }];
  });
}

/** Says that the owner lives. Throws when the directory is no more. */
export function touch(path: string, epochMs: number): void {
  fs.utimesSync(path, epochMs / 1_000, epochMs / 1_000);
}

function names(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    // Nothing has been spooled here.
    return [];
  }
}

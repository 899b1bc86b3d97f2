import { closeSync, openSync, realpathSync, renameSync, rmSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { ConfigError } from "../../core/errors.ts";
import { expand } from "../../formats/files/expand.ts";
import type { Spec } from "../source.ts";

/** What SQLite keeps beside a store, which belongs to it. */
const SQLITE_FILES = ["", "-wal", "-shm", "-journal"];

/**
 * Whether something can be written there without harm to what is read.
 *
 * @throws ConfigError `CLI_OUTPUT_IS_SOURCE` for a file that is read, `CLI_BAD_OUTPUT` for what is no file, or in no folder
 */
export function checkOutput(out: string, source: Spec): void {
  const folder = dirname(resolve(out));
  if (!statOf(folder)?.isDirectory()) throw bad(out, `there is no folder ${folder}`);
  const there = statOf(out);
  if (there?.isDirectory()) throw bad(out, "it is a directory");
  const target = placeOf(out);
  const isSource = sourceFiles(source).some((path) => {
    const stats = statOf(path);
    return placeOf(path) === target || (there !== undefined && stats?.ino === there.ino && stats.dev === there.dev);
  });
  if (!isSource) return;
  throw new ConfigError(
    "CLI_OUTPUT_IS_SOURCE",
    `${out} is what is exported: it would be written over. Name another file with --out.`,
  );
}

/**
 * Lets a file be filled that is seen under its name only when it is whole; what was there before stays until then. Only
 * its owner may read it. Pipes and devices are written as they are.
 */
export async function writeWhole(out: string, fill: (path: string) => Promise<void>): Promise<void> {
  const there = statOf(out);
  if (there !== undefined && !there.isFile()) return fill(out);
  const target = placeOf(out);
  const part = `${target}.${process.pid}.part`;
  try {
    closeSync(openSync(part, "wx", 0o600));
  } catch (error) {
    throw bad(out, sentence(error as NodeJS.ErrnoException));
  }
  const giveUp = () => {
    rmSync(part, { force: true });
    process.exit(130);
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.once(signal, giveUp);
  try {
    await fill(part);
    renameSync(part, target);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  } finally {
    for (const signal of signals) process.off(signal, giveUp);
  }
}

function sourceFiles(spec: Spec): string[] {
  if (spec.kind === "sqlite") return SQLITE_FILES.map((ending) => spec.path + ending);
  if (spec.kind === "files") return [...spec.paths, ...expand(spec.paths).map(({ path }) => path)];
  return [];
}

/** Where its bytes are or would be: links are followed. */
function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const folder = dirname(resolve(path));
    return join(statOf(folder) === undefined ? folder : realpathSync(folder), basename(path));
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function sentence({ code, message }: NodeJS.ErrnoException): string {
  if (code === "EACCES" || code === "EPERM") return "this user may not write there";
  if (code === "EROFS") return "the file system is read-only";
  if (code === "ENOSPC") return "the disk is full";
  return message.replace(/, \w+ '.*$/s, "");
}

function bad(out: string, why: string): ConfigError {
  return new ConfigError("CLI_BAD_OUTPUT", `"${out}" cannot be written: ${why}. Name another file with --out.`);
}

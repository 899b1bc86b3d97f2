import { accessSync, constants, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import type { StatusPage } from "./status-page.ts";

interface Rendered {
  readonly json: StatusPage;
  readonly html: string;
}

/** The page in a file, kept up to date. */
export interface PageFile {
  /** It is written within a second. */
  changed(): void;
  /** It is written once a minute also when nothing has changed: its time says that somebody still watches. */
  tick(): void;
  write(): void;
}

const WRITE_MS = 1_000;
const FRESH_MS = 60_000;

/** Replaces the file as a whole: whoever reads it sees the old page or the new one. Readable for all, as a web server is another user. */
export function writePage(path: string, { json, html }: Rendered): void {
  const next = `${path}.${process.pid}.next`;
  try {
    writeFileSync(next, /\.json$/i.test(path) ? `${JSON.stringify(json, undefined, 2)}\n` : html, { mode: 0o644 });
    renameSync(next, path);
  } catch (error) {
    guard(() => rmSync(next, { force: true }), undefined);
    throw error;
  }
}

/** @throws ConfigError for a path in a folder that cannot be written */
export function checkPagePath(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): ConfigError {
  const problem = `incidents({ statusPath: "${path}" }): it cannot be written: ${(cause as Error).message}. Give a path that can.`;
  return new ConfigError("CONFIG_BAD_VALUE", problem, { cause });
}

/** Written at once, so that a path that cannot be written is known from the beginning. */
export function pageFile(path: string, render: () => Rendered, clock: Clock): PageFile {
  let timer: NodeJS.Timeout | undefined;
  let isDirty = false;
  let writtenMs = clock.monotonicMs();
  const write = (): void => {
    clearTimeout(timer);
    timer = undefined;
    isDirty = false;
    process.off("exit", write);
    writtenMs = clock.monotonicMs();
    guard(() => writePage(path, render()), undefined);
  };
  const changed = (): void => {
    if (!isDirty) process.once("exit", write);
    isDirty = true;
    timer ??= setTimeout(write, WRITE_MS).unref();
  };
  try {
    writePage(path, render());
  } catch (error) {
    throw unwritable(path, error);
  }
  return {
    changed,
    tick() {
      if (clock.monotonicMs() - writtenMs >= FRESH_MS) write();
    },
    write,
  };
}

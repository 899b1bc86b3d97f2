#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { SightlineError } from "../core/errors.ts";
import { dispatch } from "./dispatch.ts";
import { endQuietlyOnBrokenPipe } from "./output.ts";
import { UsageError } from "./usage-error.ts";

endQuietlyOnBrokenPipe();
try {
  await dispatch(process.argv.slice(2), version);
} catch (error) {
  // What a user did wrong, or the system refuses, is a sentence; anything else is ours and shows where.
  process.stderr.write(`sightline: ${isSentence(error) ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exitCode = exitCodeOf(error);
  // What could not be finished, such as a statement, must not keep the process.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit();
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.write("", () => resolve());
  });
}

function isSentence(error: unknown): error is Error {
  return error instanceof SightlineError || (error instanceof Error && "syscall" in error && "code" in error);
}

/** 2: it is to be called in another way. 1: it did not work. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  const code = error instanceof SightlineError ? error.code : "";
  return /^(?:CLI|CONFIG)_|^STORE_BAD_QUERY$|^STORE_READ_ONLY$/.test(code) ? 2 : 1;
}

/** The same distance from `src/` and from `dist/`. */
function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

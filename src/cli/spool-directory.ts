import { statSync } from "node:fs";
import { ConfigError } from "../core/errors.ts";

/** Throws a `ConfigError` for what is no directory: a slip of the pen must not look like an empty spool. */
export function checkSpoolDirectory(dir: string): void {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ConfigError("CLI_NO_DIRECTORY", `"${dir}" is no directory; it takes the one given to spool().`);
}

import { ConfigError } from "../core/errors.ts";

/** A command line that means nothing. The exit code is 2. */
export class UsageError extends ConfigError {
  constructor(message: string) {
    super("CLI_USAGE", message);
  }
}

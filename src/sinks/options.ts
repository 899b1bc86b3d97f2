import { ConfigError } from "../core/errors.ts";

/** A misspelt option would be ignored in silence. */
export function checkOptions(factory: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError("CONFIG_SINK_OPTIONS", `${factory} takes an object of options`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new ConfigError("CONFIG_UNKNOWN_OPTION", `${factory} has no option "${key}"; it has ${known.join(", ")}`);
  }
}

export function checkPositive(factory: string, options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as { [name: string]: unknown })[name];
    if (value === undefined || (typeof value === "number" && value > 0)) continue;
    throw new ConfigError("CONFIG_SINK_OPTIONS", `${factory}: ${name} must be a number above zero`);
  }
}

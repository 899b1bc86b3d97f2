import { ConfigError } from "../core/errors.ts";

/** What an option must be: a `typeof`, a number above zero, or one of some words; `any` is checked by the sink itself. */
type Kind = "string" | "boolean" | "object" | "function" | "positive" | "any" | readonly string[];

/** Throws ConfigError for options that do not exist (a misspelt one would be ignored in silence) or that make no sense. */
export function checkOptions(factory: string, options: object, kinds: { readonly [name: string]: Kind }): void {
  if (typeof options !== "object" || options === null) {
    throw new ConfigError("CONFIG_SINK_OPTION", `${factory} takes an object of options`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(kinds, name)) {
      const known = Object.keys(kinds).join(", ");
      throw new ConfigError("CONFIG_UNKNOWN_OPTION", `${factory} has no option "${name}"; it has ${known}`);
    }
    if (value === undefined || fits(kinds[name]!, value)) continue;
    throw new ConfigError("CONFIG_SINK_OPTION", `${factory}: ${name} must be ${describe(kinds[name]!)}`);
  }
}

function fits(kind: Kind, value: unknown): boolean {
  if (kind === "any") return true;
  if (kind === "positive") return typeof value === "number" && value > 0;
  if (kind === "object") return typeof value === "object" && value !== null;
  return typeof kind === "string" ? typeof value === kind : kind.includes(value as string);
}

function describe(kind: Kind): string {
  if (kind === "positive") return "a number above zero";
  return typeof kind === "string" ? `a value of type ${kind}` : kind.map((word) => `"${word}"`).join(" or ");
}

import type { ArgDef, ArgsDef } from "citty";
import type { Command } from "./command.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage-error.ts";

/** citty passes over what it does not know: a slip of the pen would do something else. @throws UsageError */
export function checkArguments({ args, takesMore }: Command, rawArgs: readonly string[]): void {
  const options = optionsOf(args);
  const seen = new Set<string>();
  let words = 0;
  for (let i = 0; i < rawArgs.length; i++) {
    const arg = rawArgs[i]!;
    if (arg === "--") {
      words += rawArgs.length - i - 1;
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      words++;
      continue;
    }
    const { written, value: attached } = split(arg);
    const [name, option] = find(options, written);
    seen.add(name);
    if (option.type === "boolean") {
      if (attached !== undefined) throw new UsageError(`option '--${name}' takes no value`);
      continue;
    }
    if (written.startsWith("--no-") && options.get(written) === undefined) throw unknown(written, options);
    const value = attached ?? rawArgs[++i];
    if (value === undefined || (attached === undefined && isOption(value))) {
      throw new UsageError(`option '${flagOf(name, option)}' argument missing`);
    }
    if (option.options !== undefined && !option.options.includes(value)) {
      throw new UsageError(`--${name} takes ${listed(option.options)}; it is "${value}".`);
    }
  }
  checkWords(args, takesMore, words);
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type !== "positional" && arg.required && !seen.has(name)) {
      throw new UsageError(`required option '${flagOf(name, arg)}' not specified`);
    }
  }
}

function checkWords(args: ArgsDef, takesMore: boolean, words: number): void {
  const positionals = Object.entries(args).filter(([, { type }]) => type === "positional");
  const missing = positionals.filter(([, { required }]) => required !== false)[words];
  if (missing !== undefined) throw new UsageError(`missing required argument '${missing[0]}'`);
  if (takesMore || words <= positionals.length) return;
  throw new UsageError(`too many arguments: ${words}, and at most ${positionals.length} are taken`);
}

function optionsOf(args: ArgsDef): Map<string, readonly [string, ArgDef]> {
  const options = new Map<string, readonly [string, ArgDef]>();
  for (const [name, arg] of Object.entries(args)) {
    if (arg.type === "positional") continue;
    options.set(`--${name}`, [name, arg]);
    const { alias = [] } = arg as { alias?: string | readonly string[] };
    for (const short of typeof alias === "string" ? [alias] : alias) options.set(`-${short}`, [name, arg]);
  }
  return options;
}

function find(
  options: ReturnType<typeof optionsOf>,
  written: string,
): readonly [string, ArgDef & { options?: string[] }] {
  const found = options.get(written) ?? options.get(written.replace(/^--no-/, "--"));
  if (found !== undefined && (!written.startsWith("--no-") || found[1].type === "boolean")) return found;
  throw unknown(written, options);
}

function unknown(written: string, options: ReturnType<typeof optionsOf>): UsageError {
  const guess = nearest(
    written,
    [...options.keys()].filter((name) => name.startsWith("--")),
  );
  return new UsageError(`unknown option '${written}'${guess === undefined ? "" : `\n(Did you mean ${guess}?)`}`);
}

function split(arg: string): { readonly written: string; readonly value: string | undefined } {
  const at = arg.startsWith("--") ? arg.indexOf("=") : -1;
  return at < 0 ? { written: arg, value: undefined } : { written: arg.slice(0, at), value: arg.slice(at + 1) };
}

/** `-5` is a number. */
function isOption(value: string): boolean {
  return value.startsWith("-") && !/^-(?:\d|$)/.test(value);
}

export function flagOf(name: string, arg: ArgDef): string {
  if (arg.type === "boolean") return `--${name}`;
  const { options } = arg as { options?: readonly string[] };
  return `--${name} <${arg.valueHint ?? options?.join("|") ?? name}>`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

import { type ArgsDef, type CommandDef, defineCommand, type ParsedArgs } from "citty";

/** What a command is, for those who run it, check what it is given, print its help, and complete it. */
export interface Command {
  readonly definition: CommandDef<any>;
  readonly args: ArgsDef;
  /** More words than those that are named are welcome: files. */
  readonly takesMore: boolean;
  /** Below the help, a command line with what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
}

export interface Given<T extends ArgsDef> {
  readonly args: ParsedArgs<T>;
  /** All words that belong to no option, in order. */
  readonly words: readonly string[];
  /** Every value of an option that may come more than once. */
  all(option: keyof T & string): readonly string[];
}

interface Spec<T extends ArgsDef> {
  readonly about: string;
  readonly args: T;
  readonly takesMore?: boolean;
  readonly examples?: Command["examples"];
  run(given: Given<T>): Promise<void> | void;
}

export function command<const T extends ArgsDef>({
  about,
  args,
  takesMore = false,
  examples = [],
  run,
}: Spec<T>): Command {
  const definition = defineCommand({
    meta: { description: about },
    args,
    run: ({ args: parsed, rawArgs }) =>
      run({ args: parsed as ParsedArgs<T>, words: parsed._, all: (option) => valuesOf(option, rawArgs) }),
  });
  return { definition, args, takesMore, examples };
}

/** citty keeps the last one only. */
function valuesOf(option: string, rawArgs: readonly string[]): string[] {
  return rawArgs.flatMap((arg, i) => {
    if (arg === `--${option}`) return rawArgs[i + 1] ?? [];
    return arg.startsWith(`--${option}=`) ? arg.slice(option.length + 3) : [];
  });
}

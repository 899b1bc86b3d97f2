import { runCommand } from "citty";
import { checkArguments } from "./check-arguments.ts";
import { COMMANDS, type Entry } from "./commands.ts";
import { commandHelp, groupHelp } from "./help.ts";
import { nearest } from "./nearest.ts";
import { say } from "./output.ts";
import { UsageError } from "./usage-error.ts";

const ABOUT = "Looks at what Sightline has written: traces of model calls, runs and the code around them.";

/** Finds the command, checks what it is given, and runs it. @throws UsageError */
export async function dispatch(argv: readonly string[], version: () => string): Promise<void> {
  const [first] = argv;
  if (first === "--version" || first === "-V") return say(version());
  let entries = COMMANDS;
  let about = ABOUT;
  const path: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === "help" && path.length === 0) return dispatch([...argv.slice(1), "--help"], version);
    if (isHelp(word)) return help(path, about, entries);
    if (word.startsWith("-")) throw new UsageError(`unknown option '${word}'`);
    const entry = entries.find(({ name }) => name === word);
    if (entry === undefined) throw unknown(word, entries);
    path.push(word);
    about = entry.about;
    if (entry.below !== undefined) entries = entry.below;
    else return run(path, entry, argv.slice(i + 1));
  }
  if (path.length === 0) return help(path, about, entries);
  throw new UsageError(`${path.join(" ")} takes a command: ${entries.map(({ name }) => name).join(", ")}`);
}

async function run(path: readonly string[], { load }: Entry, rawArgs: readonly string[]): Promise<void> {
  const command = await load!();
  const end = rawArgs.indexOf("--");
  if (rawArgs.slice(0, end < 0 ? undefined : end).some(isHelp)) {
    process.stdout.write(commandHelp(path.join(" "), command));
    return;
  }
  checkArguments(command, rawArgs);
  await runCommand(command.definition, { rawArgs: [...rawArgs] });
}

function help(path: readonly string[], about: string, entries: readonly Entry[]): void {
  process.stdout.write(
    groupHelp(
      path.join(" "),
      about,
      entries.map(({ name, about }) => [name, about] as const),
    ),
  );
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

function unknown(word: string, entries: readonly Entry[]): UsageError {
  const guess = nearest(
    word,
    entries.map(({ name }) => name),
  );
  return new UsageError(`unknown command '${word}'${guess === undefined ? "" : `\n(Did you mean ${guess}?)`}`);
}

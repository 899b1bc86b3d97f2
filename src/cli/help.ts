import type { ArgDef } from "citty";
import { wrap } from "../sinks/console-text.ts";
import { flagOf } from "./check-arguments.ts";
import type { Command } from "./command.ts";
import { colorsOf, widthOf } from "./terminal.ts";

/** What `--help` says of one command. */
export function commandHelp(path: string, { args, takesMore, examples, definition }: Command): string {
  const colors = colorsOf();
  const positionals = Object.entries(args).filter(([, { type }]) => type === "positional");
  const options = Object.entries(args).filter(([, { type }]) => type !== "positional");
  const usage = positionals.map(([name, arg], i) => {
    const shown = takesMore && i === positionals.length - 1 ? `${name}...` : name;
    return arg.required === false ? `[${shown}]` : `<${shown}>`;
  });
  const head = ["sightline", path, ...usage, ...(options.length > 0 ? ["[options]"] : [])].join(" ");
  const { description } = definition.meta as { description: string };
  return sections(
    [`${colors.bold("Usage:")} ${head}`, ...wrap(description, widthOf())],
    part(
      colors.bold("Arguments:"),
      positionals.map(([name, arg]): [string, string] => [name, arg.description ?? ""]),
    ),
    part(colors.bold("Options:"), [
      ...options.map(([name, arg]): [string, string] => [shownFlag(name, arg), arg.description ?? ""]),
      ["-h, --help", "this"],
    ]),
    part(
      colors.bold("Examples:"),
      examples.map(([line, what]): [string, string] => [`sightline ${line}`, what]),
      0.7,
    ),
  );
}

/** What `sightline` alone says, and a command with others below it. */
export function groupHelp(path: string, about: string, commands: readonly (readonly [string, string])[]): string {
  const colors = colorsOf();
  const name = ["sightline", path].filter(Boolean).join(" ");
  return sections(
    [`${colors.bold("Usage:")} ${name} <command> [options]`, about],
    part(colors.bold("Commands:"), commands),
    part(
      colors.bold("Options:"),
      [
        ["-V, --version", "the version"],
        ["-h, --help", "this, and of a command what it takes"],
      ].slice(path === "" ? 0 : 1) as [string, string][],
    ),
  );
}

function shownFlag(name: string, arg: ArgDef): string {
  const { alias } = arg as { alias?: string };
  return alias === undefined ? flagOf(name, arg) : `-${alias}, ${flagOf(name, arg)}`;
}

function sections(...parts: readonly (readonly string[])[]): string {
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function part(title: string, rows: readonly (readonly [string, string])[], share = 0.5): string[] {
  if (rows.length === 0) return [];
  const width = widthOf();
  const label = Math.min(Math.max(...rows.map(([name]) => name.length)), Math.floor(width * share));
  const lines = rows.flatMap(([name, text]) => {
    const [first = "", ...more] = wrap(text, width - label - 4, 20);
    const fits = name.length <= label;
    return [
      ...(fits ? [] : [`  ${name}`]),
      `  ${(fits ? name : "").padEnd(label)}  ${first}`.trimEnd(),
      ...more.map((line) => " ".repeat(label + 4) + line),
    ];
  });
  return [title, ...lines];
}

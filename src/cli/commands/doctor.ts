import { wrap } from "../../sinks/console-text.ts";
import { type Command, command } from "../command.ts";
import type { Check } from "../doctor/check.ts";
import { checkSinks, checkVariables } from "../doctor/environment.ts";
import { checkSpool, checkStore } from "../doctor/kept.ts";
import { checkCopies, checkDecorators, checkDrivers, checkNode, checkPeers } from "../doctor/packages.ts";
import { say, sayJson } from "../output.ts";
import { many } from "../quantities.ts";
import { type Colors, colorsOf, widthOf } from "../terminal.ts";

export const doctor: Command = command({
  about:
    "Looks at Node, packages, decorators, environment variables, sinks, the spool and the store, and says what is wrong and what to do. Exits with 1 when something is wrong.",
  args: {
    spool: { type: "string", valueHint: "dir", description: "default: SIGHTLINE_SPOOL, or .traces/spool" },
    store: { type: "string", valueHint: "path|url", description: "default: traces.db where it is there" },
    json: { type: "boolean", description: "one JSON array" },
  },
  examples: [["doctor", "in the program's folder, with its environment"]],
  async run({ args }) {
    const { env } = process;
    const cwd = process.cwd();
    const [sinks, spool, store] = await Promise.all([
      checkSinks(env),
      checkSpool(args.spool ?? (env["SIGHTLINE_SPOOL"] || undefined)),
      checkStore(args.store),
    ]);
    const checks: Check[] = [
      checkNode(),
      checkCopies(cwd),
      ...checkPeers(cwd),
      checkDecorators(cwd),
      checkDrivers(),
      ...checkVariables(env, { SIGHTLINE_SINK: sinks, ...(args.spool === undefined && { SIGHTLINE_SPOOL: spool }) }),
      ...sinks,
      ...spool,
      ...store,
    ];
    const problems = checks.filter(({ state }) => state === "problem").length;
    if (problems > 0) process.exitCode = 1;
    if (args.json) return sayJson(checks);
    const colors = colorsOf();
    const width = widthOf();
    for (const check of checks) for (const line of linesOf(check, width, colors)) say(line);
    const warnings = checks.filter(({ state }) => state === "warning").length;
    const sum = [[problems, "problem"] as const, [warnings, "warning"] as const]
      .flatMap(([n, what]) => (n === 0 ? [] : many(n, what)))
      .join(", ");
    say(`\n${sum === "" ? colors.green("all is well") : sum}`);
  },
});

const MARKS = { ok: "✓", warning: "!", problem: "✗" };

function linesOf({ state, about, said, way }: Check, width: number, colors: Colors): string[] {
  const paint = { ok: colors.green, warning: colors.yellow, problem: colors.red }[state];
  const [first = "", ...more] = wrap(`${about}: ${said}`, width - 2);
  const ways = way === undefined ? [] : wrap(way, width - 4).map((line, i) => `${i === 0 ? "  → " : "    "}${line}`);
  const head = first.startsWith(about) ? colors.bold(about) + first.slice(about.length) : first;
  return [`${paint(MARKS[state])} ${head}`, ...more.map((line) => `  ${line}`), ...ways];
}

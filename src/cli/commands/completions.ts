import { type Command, command } from "../command.ts";
import type { Entry } from "../commands.ts";
import { completedTree, completionScript, SHELLS } from "../completions.ts";
import { write } from "../output.ts";
import { UsageError } from "../usage-error.ts";

/** @param entries the whole command tree */
export function completions(entries: readonly Entry[]): Command {
  return command({
    about: `Prints a script that completes commands and options: ${SHELLS.join(", ")}.`,
    args: { shell: { type: "positional", required: true, description: SHELLS.join(", ") } },
    examples: [["completions bash > ~/.local/share/bash-completion/completions/sightline", "for bash"]],
    async run({ args: { shell } }) {
      if (!SHELLS.includes(shell)) throw new UsageError(`completions takes ${SHELLS.join(", ")}; it is "${shell}".`);
      await write(completionScript(shell, await completedTree(entries)));
    },
  });
}

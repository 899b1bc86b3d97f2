import type { ArgDef } from "citty";
import type { Command } from "./command.ts";
import type { Entry } from "./commands.ts";

export interface Completed {
  /** `spool status`; empty for what stands first. */
  readonly path: string;
  readonly about: string;
  readonly words: readonly { readonly name: string; readonly about: string }[];
  readonly options: readonly CompletedOption[];
}

interface CompletedOption {
  readonly name: string;
  readonly about: string;
  readonly takesValue: boolean;
  readonly values: readonly string[];
}

/** The command tree as shells need it. */
export async function completedTree(entries: readonly Entry[]): Promise<readonly Completed[]> {
  const help = { name: "--help", about: "what it takes", takesValue: false, values: [] };
  const visit = async (path: readonly string[], { about, load, below }: Omit<Entry, "name">): Promise<Completed[]> => {
    const words = (below ?? []).map(({ name, about }) => ({ name, about }));
    const options = load === undefined ? [] : optionsOf(await load());
    const own: Completed = { path: path.join(" "), about, words, options: [...options, help] };
    const others = await Promise.all((below ?? []).map((entry) => visit([...path, entry.name], entry)));
    return [own, ...others.flat()];
  };
  return visit([], { about: "", below: entries });
}

function optionsOf({ args }: Command): CompletedOption[] {
  return Object.entries(args)
    .filter(([, { type }]) => type !== "positional")
    .map(([name, arg]) => ({
      name: `--${name}`,
      about: arg.description ?? "",
      takesValue: arg.type !== "boolean",
      values: valuesOf(name, arg),
    }));
}

function valuesOf(name: string, arg: ArgDef): readonly string[] {
  if (name === "by") return ["feature", "team", "model", "provider", "user", "environment", "name", "type", "status"];
  return (arg as { options?: readonly string[] }).options ?? [];
}

export const SHELLS: readonly string[] = ["bash", "zsh", "fish"];

export function completionScript(shell: string, tree: readonly Completed[]): string {
  return shell === "bash" ? bash(tree) : shell === "zsh" ? zsh(tree) : fish(tree);
}

function bash(tree: readonly Completed[]): string {
  const cases = tree.map(({ path, words, options }) => {
    const all = [...words.map(({ name }) => name), ...options.map(({ name }) => name)].join(" ");
    const valued = options.filter(({ takesValue }) => takesValue);
    const values = valued.map(({ name, values }) => {
      return `        ${name}) ${values.length > 0 ? `COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$word")); ` : ""}return ;;`;
    });
    const before = values.length > 0 ? `\n      case "$before" in\n${values.join("\n")}\n      esac` : "";
    return `    "${path}")${before}\n      all="${all}" ;;`;
  });
  const paths = tree.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  return `# sightline completions bash > ~/.local/share/bash-completion/completions/sightline
_sightline() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path="" all="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${paths.join("|")}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if [[ "$word" == -* || -z "$path" || "$path" == "spool" ]]; then
    COMPREPLY=($(compgen -W "$all" -- "$word"))
  fi
}
complete -o default -F _sightline sightline
`;
}

function zsh(tree: readonly Completed[]): string {
  const cases = tree.map(({ path, words, options }) => {
    const commands = words.map(({ name, about }) => quote(`${name}:${about.replaceAll(":", "\\:")}`));
    const flags = options.map(({ name, about, takesValue, values }) => {
      const value = takesValue ? `:${name.slice(2)}:${values.length > 0 ? `(${values.join(" ")})` : "_files"}` : "";
      return quote(`${takesValue ? `*${name}` : name}[${about.replace(/[[\]:\\]/g, "\\$&")}]${value}`);
    });
    const described =
      commands.length > 0
        ? `\n      local -a commands=(${commands.join(" ")})\n      _describe command commands ;;`
        : `\n      _arguments -s ${flags.join(" \\\n        ")} '*:file:_files' ;;`;
    return `    ${quote(path)})${described}`;
  });
  const paths = tree.filter(({ path }) => path !== "").map(({ path }) => quote(path));
  return `#compdef sightline
# sightline completions zsh > "\${fpath[1]}/_sightline"
_sightline() {
  local joined="" i
  for ((i = 2; i < CURRENT; i++)); do
    case "\${joined:+$joined }\${words[i]}" in
      ${paths.join("|")}) joined="\${joined:+$joined }\${words[i]}" ;;
    esac
  done
  case "$joined" in
${cases.join("\n")}
  esac
}
if [ "$funcstack[1]" = "_sightline" ]; then _sightline "$@"; else compdef _sightline sightline; fi
`;
}

function fish(tree: readonly Completed[]): string {
  const lines = tree.flatMap(({ path, words, options }) => {
    const [first = "", second] = path.split(" ");
    const seen =
      second === undefined
        ? `__fish_seen_subcommand_from ${first}`
        : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    const condition = path === "" ? "__fish_use_subcommand" : seen;
    const names = words.map(({ name }) => name).join(" ");
    const without =
      path === "" || words.length === 0 ? condition : `${condition}; and not __fish_seen_subcommand_from ${names}`;
    return [
      ...words.map(({ name, about }) => `complete -c sightline -f -n ${quote(without)} -a ${name} -d ${quote(about)}`),
      ...options.map(({ name, about, takesValue, values }) => {
        const value = !takesValue ? "" : values.length > 0 ? ` -x -a ${quote(values.join(" "))}` : " -r";
        return `complete -c sightline -n ${quote(condition)} -l ${name.slice(2)}${value} -d ${quote(about)}`;
      }),
    ];
  });
  return `# sightline completions fish > ~/.config/fish/completions/sightline.fish\n${lines.join("\n")}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

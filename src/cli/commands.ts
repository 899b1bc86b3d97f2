import type { Command } from "./command.ts";

/** A command with what is said of it in a list; its code is loaded when it is wanted. */
export interface Entry {
  readonly name: string;
  readonly about: string;
  readonly load?: () => Promise<Command>;
  readonly below?: readonly Entry[];
}

export const COMMANDS: readonly Entry[] = [
  {
    name: "view",
    about: "opens traces in the browser, while they are still read in",
    load: async () => (await import("./commands/view.ts")).view,
  },
  {
    name: "serve",
    about: "runs a collector: takes records from anywhere, keeps and shows them",
    load: async () => (await import("./commands/serve.ts")).serve,
  },
  {
    name: "list",
    about: "traces, newest first",
    load: async () => (await import("./commands/list.ts")).list,
  },
  {
    name: "show",
    about: "one trace as a tree with its waterfall",
    load: async () => (await import("./commands/show.ts")).show,
  },
  {
    name: "tail",
    about: "traces as they end, live",
    load: async () => (await import("./commands/tail.ts")).tail,
  },
  {
    name: "stats",
    about: "how much there is, and how the models do",
    load: async () => (await import("./commands/stats.ts")).stats,
  },
  {
    name: "cost",
    about: "what calls cost, by feature, team, model, user",
    load: async () => (await import("./commands/cost.ts")).cost,
  },
  {
    name: "findings",
    about: "what rules have found in model calls and runs",
    load: async () => (await import("./commands/findings.ts")).findings,
  },
  {
    name: "query",
    about: "a statement in SQL that only reads",
    load: async () => (await import("./commands/query.ts")).query,
  },
  {
    name: "import",
    about: "reads files into a store",
    load: async () => (await import("./commands/import.ts")).importFiles,
  },
  {
    name: "export",
    about: "writes traces as NDJSON, CSV or Parquet, or sends them by OTLP or to Langfuse",
    load: async () => (await import("./commands/export.ts")).exportTraces,
  },
  {
    name: "replay",
    about: "delivers what dead processes have left in a spool",
    load: async () => (await import("./commands/replay.ts")).replay,
  },
  {
    name: "spool",
    about: "what spool() keeps on disk until a sink takes it",
    below: [
      {
        name: "status",
        about: "who has records on disk, how many, and whether somebody delivers them",
        load: async () => (await import("./commands/status.ts")).status,
      },
      {
        name: "replay",
        about: "delivers what processes that are dead have left",
        load: async () => (await import("./commands/replay.ts")).replay,
      },
    ],
  },
  {
    name: "doctor",
    about: "looks at this program's surroundings, and says what is wrong",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  {
    name: "completions",
    about: "a script that completes commands and options in a shell",
    load: async () => (await import("./commands/completions.ts")).completions(COMMANDS),
  },
];

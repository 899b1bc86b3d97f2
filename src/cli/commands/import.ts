import type { FileRead } from "../../formats/files/read-files.ts";
import { count, duration } from "../../sinks/console-text.ts";
import { type Command, command } from "../command.ts";
import { loadFiles } from "../load-files.ts";
import { remark, say, sayJson } from "../output.ts";
import { progress, readingText } from "../progress.ts";
import { many } from "../quantities.ts";
import { openStore, specOf, storeSpec } from "../source.ts";
import { UsageError } from "../usage-error.ts";

export const importFiles: Command = command({
  about:
    "Reads files into a store: NDJSON, OTLP, Langfuse, plain or compressed. What is there already is not there twice. Exits with 1 when not all could be read.",
  takesMore: true,
  args: {
    files: { type: "positional", required: true, description: "files and directories" },
    into: { type: "string", valueHint: "store", required: true, description: "traces.db, or clickhouse://…" },
    project: { type: "string", valueHint: "name", description: "that the records belong to; default: default" },
    json: { type: "boolean", description: "the figures as JSON" },
  },
  examples: [["import .traces/ langfuse-export.jsonl.gz --into traces.db", "old files into one store"]],
  async run({ args, words }) {
    const spec = specOf(words);
    if (spec.kind !== "files")
      throw new UsageError("import takes files and directories; what is in a store or a collector comes by export.");
    const store = await openStore(storeSpec(args.into));
    const bar = progress();
    const started = performance.now();
    const files: FileRead[] = [];
    try {
      const { records, damaged, bytes } = await loadFiles(store, spec.paths, {
        project: args.project,
        onFile: (file) => files.push(file),
        onReading: (reading) =>
          bar.show({
            share: reading.totalBytes > 0 ? reading.bytes / reading.totalBytes : 1,
            text: readingText(reading, started),
          }),
      });
      bar.clear();
      const problems = files.flatMap(({ problem }) => problem ?? []);
      const problem = problems.length > 0 ? problems.join("; ") : undefined;
      if (args.json) sayJson({ records, damaged, bytes, store: store.name, ...(problem && { problem }), files });
      else {
        const lost = damaged > 0 ? `; ${many(damaged, "line")} left out, as they hold no record` : "";
        say(`${count(records)} records into ${store.name} in ${duration(performance.now() - started)}${lost}`);
        if (problems.length > 0 && files.length > 1)
          for (const { path, records } of files) say(`${path}: ${many(records, "record")}`);
      }
      for (const each of problems) remark(`sightline: ${each}`);
      if (damaged > 0 || problem !== undefined) process.exitCode = 1;
    } finally {
      bar.clear();
      await store.close();
    }
  },
});

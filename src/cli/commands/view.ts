import type { Collector, Reading } from "../../collector/index.ts";
import { ConfigError } from "../../core/errors.ts";
import { expand } from "../../formats/files/expand.ts";
import { memoryStore } from "../../store/memory-store.ts";
import { hasSqlite, sqliteStore } from "../../store/sqlite/index.ts";
import type { TraceStore } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { listen } from "../listen.ts";
import { loadFiles } from "../load-files.ts";
import { openBrowser } from "../open-browser.ts";
import { remark, say, sayJson } from "../output.ts";
import { progress, readingText } from "../progress.ts";
import { many, readPort } from "../quantities.ts";
import { unreachable } from "../remote-store.ts";
import { untilTold } from "../signals.ts";
import { openStore, specOf, usualSource } from "../source.ts";

export const view: Command = command({
  about:
    "Opens traces in the browser. The address is printed at once, and pages fill while files are still read in. Ctrl-C ends it.",
  takesMore: true,
  args: {
    source: {
      type: "positional",
      required: false,
      description:
        "files, a directory, a store (traces.db), or a collector's address; default: .traces/, traces.ndjson or traces.db",
    },
    open: { type: "boolean", description: "start the browser" },
    port: { type: "string", valueHint: "port", description: "default: the first that is free from 4600 on; 0 for any" },
    json: { type: "boolean", description: "the address as JSON" },
  },
  examples: [
    ["view", "what is here"],
    ["view traces.ndjson --open", "a file that a program has written"],
    ["view export.jsonl.gz otlp.json", "exports of others, together"],
  ],
  async run({ args, words }) {
    const port = args.port === undefined ? {} : { port: readPort(args.port) };
    const spec = specOf(words.length === 0 ? [usualSource()] : words);
    if (spec.kind === "collector") return showRunning(spec.url, args);
    const ended = untilTold();
    // What is not there is said before anything is opened.
    let reading = spec.kind === "files" ? beginning(spec.paths) : undefined;
    const store = spec.kind === "files" ? temporaryStore() : await openStore(spec);
    let server: Collector | undefined;
    try {
      // Who looks at a file that is no store, is to hear of it here.
      if (spec.kind !== "files") await store.revision();
      server = await listen({ store, ingest: false, reading: () => reading, log: remark, ...port });
      const told = tell(server.viewerUrl, args);
      if (spec.kind === "files") {
        const loaded = load(store, spec.paths, (now) => {
          reading = now;
        });
        await Promise.race([loaded, ended]);
      }
      await Promise.race([told, ended]);
      await ended;
    } finally {
      await server?.close({ timeoutMs: 500 });
      await store.close();
    }
    // A file that is still being read would keep the process.
    process.exit(0);
  },
});

function temporaryStore(): TraceStore {
  if (hasSqlite()) return sqliteStore({ path: ":temporary:" });
  remark(
    `sightline: everything is kept in memory, as Node ${process.versions.node} has no SQLite; for large files: npm install @photostructure/sqlite@1`,
  );
  return memoryStore();
}

function beginning(paths: readonly string[]): Reading {
  const totalBytes = expand(paths).reduce((sum, { size }) => sum + size, 0);
  const source = paths.length === 1 ? paths[0]! : `${paths.length} files`;
  return { source, bytes: 0, totalBytes, records: 0, damaged: 0, isDone: false };
}

async function load(store: TraceStore, paths: readonly string[], hear: (reading: Reading) => void): Promise<void> {
  const bar = progress();
  const started = performance.now();
  try {
    const last = await loadFiles(store, paths, {
      onReading(reading) {
        hear(reading);
        const { bytes, totalBytes } = reading;
        bar.show({ share: totalBytes > 0 ? bytes / totalBytes : 1, text: readingText(reading, started) });
      },
    });
    bar.clear();
    const damaged = last.damaged > 0 ? `; ${many(last.damaged, "line")} left out, as they hold no record` : "";
    remark(`${readingText(last, started)}${damaged}`);
    if (last.problem !== undefined) remark(`sightline: ${last.problem}`);
  } finally {
    bar.clear();
  }
}

async function showRunning(
  url: string,
  args: { open?: boolean | undefined; json?: boolean | undefined },
): Promise<void> {
  const { origin } = new URL(url);
  let answer: string;
  try {
    const response = await fetch(`${origin}/healthz`, { redirect: "error", signal: AbortSignal.timeout(10_000) });
    answer = response.ok ? await response.text() : "";
  } catch (cause) {
    throw unreachable(origin, cause);
  }
  if (answer.trim() !== "ok") {
    throw new ConfigError(
      "CLI_NO_COLLECTOR",
      `${origin} answers, but it is no collector of Sightline, or none that is well.`,
    );
  }
  await tell(url, { ...args, open: args.open ?? process.stdout.isTTY });
}

async function tell(url: string, args: { open?: boolean | undefined; json?: boolean | undefined }): Promise<void> {
  if (args.json) sayJson({ url });
  else say(url);
  if (args.open && !(await openBrowser(url)))
    remark("sightline: there is no browser to start here; open the address yourself");
}

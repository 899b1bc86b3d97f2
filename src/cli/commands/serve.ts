import { once } from "node:events";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { type CollectorMonitors, type CollectorOptions, collector } from "../../collector/index.ts";
import { listen } from "../../collector/listen.ts";
import type { TraceRecord } from "../../core/record.ts";
import { count } from "../../sinks/console-text.ts";
import type { TraceStore } from "../../store/trace-store.ts";
import { type Command, command } from "../command.ts";
import { remark, say, sayJson } from "../output.ts";
import { bytesText, readAmount, readDuration, readPort, readSize } from "../quantities.ts";
import { untilTold } from "../signals.ts";
import { openStore, type Spec, storeSpec } from "../source.ts";
import { UsageError } from "../usage-error.ts";

const PRUNE_MS = 10 * 60_000;
const CLOSE_MS = 10_000;

export const serve: Command = command({
  about:
    "Runs a collector: receives records (HTTP, OTLP, Langfuse), keeps them in a store, and shows them. On other than this machine's own addresses it wants a token, and makes one where none is given.",
  args: {
    path: { type: "positional", required: false, description: "the store, as --store" },
    store: {
      type: "string",
      valueHint: "path|url",
      description: "a SQLite file, or clickhouse://<user>:<password>@<host>:8123/<database>; default: traces.db",
    },
    host: { type: "string", valueHint: "address", description: "to listen on; default: 127.0.0.1, this machine only" },
    port: { type: "string", valueHint: "port", description: "default: 4600; 0 for any" },
    token: {
      type: "string",
      valueHint: "project=secret",
      description:
        "who may send, and where it goes; may be repeated. Better: SIGHTLINE_TOKENS, pairs separated by commas",
    },
    "viewer-token": {
      type: "string",
      valueHint: "secret",
      description: "who may look. Better: SIGHTLINE_VIEWER_TOKEN",
    },
    "allow-host": {
      type: "string",
      valueHint: "name",
      description: "under which a proxy knows it: traces.example.com; may be repeated",
    },
    monitors: {
      type: "boolean",
      description:
        "metrics, alerts (default rules), incidents, budgets and the drift of quality over everyone's records; what they remember is beside the store",
    },
    budget: {
      type: "string",
      valueHint: "usd/period",
      description: "with --monitors: 50/day, 200/day/team; may be repeated",
    },
    retention: { type: "string", valueHint: "time", description: "30d: older traces are deleted" },
    "max-size": { type: "string", valueHint: "size", description: "10GB: the oldest traces are deleted beyond it" },
    json: { type: "boolean", description: "what is logged, as JSON lines" },
  },
  examples: [
    ["serve", "for programs of this machine: SIGHTLINE_SINK=http://127.0.0.1:4600/v1/records"],
    ["serve --host 0.0.0.0 --retention 30d --max-size 10GB --monitors --budget 50/day", "for a team"],
    ["serve clickhouse://db.internal:8123/traces", "one of several"],
  ],
  async run({ args, all }) {
    const log = logger(args.json ?? false);
    if (args.path !== undefined && args.store !== undefined)
      throw new UsageError("the store is named twice: once is enough, as in sightline serve traces.db");
    const spec = storeSpec(args.path ?? args.store ?? "traces.db");
    const limits = retentionOf(args);
    const options = readOptions(args, all("token"), all("allow-host"));
    const budgetWords = all("budget");
    if (budgetWords.length > 0 && !args.monitors) throw new UsageError("--budget goes with --monitors.");
    const budgetLimits = budgetWords.map(readBudget);
    await checkPort(options);
    const ended = untilTold();
    const counted = countKept(await openStore(spec));
    const { store } = counted;
    let prunes: { stop(): Promise<void> } | undefined;
    try {
      // What is wrong with the store is to be said now, and not to the first sender.
      await store.revision();
      const monitors = args.monitors ? await makeMonitors(stateBeside(spec), budgetLimits) : undefined;
      const server = await collector({
        ...options,
        store,
        log: (line) => log("warning", line),
        ...(monitors && { monitors }),
      });
      const what = [store.name, ...(monitors ? ["monitors"] : []), ...describe(limits)].join(", ");
      const url = addressFor(server.url, options.host);
      log("started", `listening on ${url}, ${what}`, { url, store: store.name });
      // Logs are kept, and read by many: the token is told once, beside them.
      if (server.token !== undefined) remark(`sightline: open ${url}/#token=${server.token}`);
      prunes = limits && startPruning(store, limits, log);
      const signal = await ended;
      const began = performance.now();
      await prunes?.stop();
      await server.close({ timeoutMs: CLOSE_MS });
      const { kept, failures } = counted.figures();
      const lost =
        failures === 0
          ? "none refused by the store"
          : `${count(failures)} batches refused by the store, which senders were told`;
      log(
        "stopped",
        `stopped by ${signal} after ${Math.round(performance.now() - began)} ms; ${count(kept)} records kept, ${lost}`,
        { signal, kept, failures },
      );
    } finally {
      await prunes?.stop();
      await store.close();
    }
  },
});

/** A taken port is to be said before there is a store. */
async function checkPort({ host = "127.0.0.1", port = 4_600 }: Omit<CollectorOptions, "store">): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await listen(probe, host, port);
  probe.close();
  await once(probe, "close");
}

/** Where it listens on every address, one that others can use. */
function addressFor(url: string, host: string | undefined): string {
  if (host !== "0.0.0.0" && host !== "::") return url;
  const outer = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  return outer === undefined ? url : url.replace("localhost", outer.address);
}

type Log = (event: string, line: string, fields?: object) => void;

function logger(isJson: boolean): Log {
  return (event, line, fields = {}) => {
    const time = new Date().toISOString();
    if (isJson) sayJson({ time, event, message: line, ...fields });
    else say(`${time} ${line}`);
  };
}

function readOptions(
  args: { host?: string | undefined; port?: string | undefined; "viewer-token"?: string | undefined },
  given: readonly string[],
  allowedHosts: readonly string[],
): Omit<CollectorOptions, "store"> {
  const { SIGHTLINE_TOKENS: tokens = "", SIGHTLINE_VIEWER_TOKEN: viewer } = process.env;
  const fromEnvironment = tokens
    .split(",")
    .map((pair) => pair.trim())
    .filter(Boolean);
  const projects: { [project: string]: string[] } = {};
  for (const [where, pairs] of [
    ["SIGHTLINE_TOKENS", fromEnvironment],
    ["--token", given],
  ] as const) {
    for (const pair of pairs) {
      const at = pair.indexOf("=");
      if (at < 1) throw new UsageError(`${where} takes project=secret.`);
      (projects[pair.slice(0, at)] ??= []).push(pair.slice(at + 1));
    }
  }
  const viewerToken = args["viewer-token"] ?? (viewer || undefined);
  const port = args.port === undefined ? undefined : readPort(args.port);
  return {
    ...(args.host !== undefined && { host: args.host }),
    ...(port !== undefined && { port }),
    ...(Object.keys(projects).length > 0 && { projects }),
    ...(viewerToken !== undefined && { viewerToken }),
    ...(allowedHosts.length > 0 && { allowedHosts }),
  };
}

interface Limits {
  readonly keepMs?: number;
  readonly maxBytes?: number;
}

function retentionOf(args: { retention?: string | undefined; "max-size"?: string | undefined }): Limits | undefined {
  const { retention, "max-size": size } = args;
  if (retention === undefined && size === undefined) return undefined;
  return {
    ...(retention !== undefined && { keepMs: readDuration("retention", retention) }),
    ...(size !== undefined && { maxBytes: readSize("max-size", size) }),
  };
}

function describe(limits: Limits | undefined): string[] {
  const { keepMs, maxBytes } = limits ?? {};
  return [
    ...(keepMs === undefined ? [] : [`kept for ${+(keepMs / 86_400_000).toFixed(2)} days`]),
    ...(maxBytes === undefined ? [] : [`at most ${bytesText(maxBytes)}`]),
  ];
}

function startPruning(store: TraceStore, { keepMs, maxBytes }: Limits, log: Log): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const prune = async () => {
    try {
      const beforeUs = keepMs === undefined ? {} : { beforeUs: Math.round((Date.now() - keepMs) * 1_000) };
      const { traces, spans } = await store.prune({ ...beforeUs, ...(maxBytes !== undefined && { maxBytes }) });
      if (traces > 0) log("pruned", `deleted ${count(traces)} traces with ${count(spans)} spans`, { traces, spans });
    } catch (error) {
      log("warning", `what is old could not be deleted: ${(error as Error).message}`);
    }
  };
  const begin = () => {
    running ??= prune().finally(() => {
      running = undefined;
    });
  };
  begin();
  const timer = setInterval(begin, PRUNE_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}

function stateBeside(spec: Spec): string {
  return spec.kind === "sqlite" ? `${spec.path}.monitors.json` : join(process.cwd(), "sightline.monitors.json");
}

interface Budget {
  readonly name: string;
  readonly usd: number;
  readonly per: "hour" | "day" | "month";
  readonly by?: "feature" | "team" | "user" | "model";
}

function readBudget(written: string): Budget {
  const [amount = "", per = "", by, ...rest] = written.split("/");
  const isPer = (word: string): word is Budget["per"] => ["hour", "day", "month"].includes(word);
  const isBy = (word: string): word is NonNullable<Budget["by"]> => ["feature", "team", "user", "model"].includes(word);
  if (!isPer(per) || (by !== undefined && !isBy(by)) || rest.length > 0) {
    throw new UsageError(
      `--budget takes an amount in USD per hour, day or month, and by feature, team, user or model: 50/day, 200/day/team; it is "${written}".`,
    );
  }
  return {
    name: written.replaceAll("/", "_"),
    usd: readAmount("budget", amount.replace(/^\$/, "")),
    per,
    ...(by !== undefined && { by }),
  };
}

async function makeMonitors(statePath: string, limits: readonly Budget[]): Promise<CollectorMonitors> {
  const { alerts, budgets, incidents, metrics, quality, stateFile } = await import("../../monitors/index.ts");
  const state = stateFile(statePath);
  const calls = metrics();
  const spend = limits.length > 0 ? budgets({ limits, state }) : undefined;
  const response = incidents({ state });
  const watch = alerts({ sources: [calls, ...(spend ? [spend] : [])], listeners: [response], state });
  // Shown, and no source of alerts: what a good answer is only the program knows, so that its drop below the usual is all that is told.
  const answers = quality({ state });
  return { sinks: [calls], alerts: watch, incidents: response, quality: answers, ...(spend && { budgets: spend }) };
}

/** The store, with how many records it has kept of this process. */
function countKept(store: TraceStore): { store: TraceStore; figures(): { kept: number; failures: number } } {
  let kept = 0;
  let failures = 0;
  return {
    store: {
      ...store,
      async append(records: readonly TraceRecord[], options) {
        try {
          await store.append(records, options);
          kept += records.length;
        } catch (error) {
          failures++;
          throw error;
        }
      },
    },
    figures: () => ({ kept, failures }),
  };
}

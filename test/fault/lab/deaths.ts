/** Runs `children/exit-app.mjs` until it is dead, and collects what of it has arrived. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { SpanRecord, Stats } from "sightline";
import { assertBooks } from "../../support/books.ts";

export interface DeathOptions {
  readonly death: string;
  readonly sink: "file" | "console" | "http" | "spool";
  readonly count: number;
  /** The path or address that the sink takes. */
  readonly target?: string;
}

export interface Death {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** From `ready` to the end. */
  readonly ms: number;
  /** How often a handler of the host has run. */
  readonly hosts: number;
  /** Records that were written before something terrible happened. */
  readonly acknowledged: number;
  /** Where the process came to its `exit` event. Balanced. */
  readonly stats: Stats | undefined;
  /** Everything that it said. */
  readonly said: { readonly [what: string]: unknown };
  readonly stderr: string;
  /** Our own line about losses. */
  readonly losses: readonly string[];
}

export interface Run {
  readonly script?: string;
  readonly nodeArgs?: readonly string[];
  /** Nobody reads what it writes to stderr. */
  readonly closeStderr?: boolean;
  /** What it writes to stderr is read from 300 ms after `ready` on. */
  readonly readLate?: boolean;
  /** A signal may come now. */
  readonly onReady?: (child: ChildProcess) => void;
}

export async function die(options: DeathOptions | object, run: Run = {}): Promise<Death> {
  const { script = "exit-app.mjs", nodeArgs = [], closeStderr = false, readLate = false, onReady } = run;
  const path = fileURLToPath(new URL(`../children/${script}`, import.meta.url));
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, SIGHTLINE_SINK: ___, ...env } = process.env;
  const args = [...nodeArgs, path, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let readyAt = performance.now();
  let hosts = 0;
  const said: { [what: string]: unknown } = {};
  if (closeStderr) child.stderr.destroy();
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text);
    Object.assign(said, line);
    if (line.host) hosts++;
    if (!line.ready) return;
    readyAt = performance.now();
    onReady?.(child);
    if (readLate) setTimeout(read, 300);
  });
  const err: Buffer[] = [];
  const read = () => child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  if (!readLate) read();
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const ms = performance.now() - readyAt;
  const { acknowledged = 0, stats } = said as { acknowledged?: number; stats?: Stats };
  if (stats !== undefined) assertBooks(stats);
  const stderr = Buffer.concat(err).toString();
  const losses = stderr.split("\n").filter((line) => line.startsWith("sightline: "));
  return { code, signal, ms, hosts, acknowledged, stats, said, stderr, losses };
}

export interface Collector {
  readonly url: string;
  readonly records: readonly SpanRecord[];
  close(): void;
}

/** A server that takes records and answers after so many milliseconds; `Infinity`: never. */
export async function collector(delayMs = 0): Promise<Collector> {
  const records: SpanRecord[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
    if (delayMs === Number.POSITIVE_INFINITY) return;
    setTimeout(() => {
      // Taken when it is answered: a client that is gone by then cannot count on it.
      if (!response.destroyed) records.push(...parseRecords(text));
      response.end("{}");
    }, delayMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/records`,
    records,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export function parseRecords(text: string): SpanRecord[] {
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line) as SpanRecord);
}

/** How many of the spans `span 0`, `span 1`, … are there, each counted once, and whether `open` is there as unfinished. */
export function arrived(records: readonly SpanRecord[]): { readonly spans: number; readonly open: boolean } {
  const names = new Set(records.map(({ name }) => name).filter((name) => name.startsWith("span ")));
  return { spans: names.size, open: records.some(({ name, unfinished }) => name === "open" && unfinished === true) };
}

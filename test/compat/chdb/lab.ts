/** ClickHouse servers on loopback, out of the package `chdb`; they end with this process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HERE = new URL(".", import.meta.url).pathname;
/** On a quiet machine a server is there within a second. */
const PATIENCE_MS = 180_000;

export interface Server {
  readonly url: string;
  readonly tcpPort: number;
  readonly pid: number;
  /** As a power cut would, for the process. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Place {
  readonly path: string;
  readonly httpPort: number;
  readonly tcpPort: number;
  /** More of the server's configuration. */
  readonly config?: string;
}

/** Of servers that share a few cores. */
const configuration = (more = ""): string => `<clickhouse>
  <background_schedule_pool_size>16</background_schedule_pool_size>
  <asynchronous_metrics_update_period_s>60</asynchronous_metrics_update_period_s>
  <mark_cache_size>67108864</mark_cache_size>
  <max_server_memory_usage_to_ram_ratio>0.2</max_server_memory_usage_to_ram_ratio>
  ${more}
</clickhouse>`;

export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function serverAt({ path, httpPort, tcpPort, config }: Place): Promise<Server> {
  const url = `http://127.0.0.2:${httpPort}`;
  const configFile = `${path}.xml`;
  writeFileSync(configFile, configuration(config));
  let child: ChildProcess;
  let told = "";
  let isWanted = false;

  async function start(): Promise<void> {
    const args = [join(HERE, "server.js"), path, String(httpPort), String(tcpPort), configFile];
    child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk) => (told += chunk));
    isWanted = true;
    child.on("exit", (code, signal) => {
      if (isWanted) console.error(`ClickHouse at ${url} has died (${code ?? signal}): ${told}${logOf(path)}`);
    });
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await answers(url))) {
      if (child.exitCode !== null) throw new Error(`ClickHouse ended with ${child.exitCode}: ${told.slice(-2_000)}`);
      if (Date.now() > deadline) throw new Error(`ClickHouse did not start: ${told.slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function end(action: () => void): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    isWanted = false;
    action();
    await ended;
  }

  await start();
  return {
    url,
    tcpPort,
    get pid() {
      return child.pid!;
    },
    start,
    kill: () => end(() => child.kill("SIGKILL")),
    // Its standard input ends, and so does the query that keeps it.
    stop: () => end(() => child.stdin!.end()),
  };
}

/** Only what is fatal is logged. */
function logOf(path: string): string {
  const log = `${path}.log`;
  return existsSync(log) ? readFileSync(log, "utf8").slice(0, 6_000) : "";
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/?query=SELECT%201`)).ok;
  } catch {
    return false;
  }
}

export interface Lab {
  readonly servers: readonly Server[];
  close(): Promise<void>;
}

function directoryOf(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "sightline-clickhouse-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function oneServer(config?: string): Promise<Lab> {
  const directory = directoryOf();
  const [httpPort, tcpPort] = await freePorts(2);
  const server = await serverAt({ path: join(directory.path, "data"), httpPort: httpPort!, tcpPort: tcpPort!, config });
  return {
    servers: [server],
    async close() {
      await server.stop();
      directory.remove();
    },
  };
}

export const CLUSTER = "lab";

/** Two shards of two replicas; `servers[2 · shard + replica]`. Copies are made by whoever writes. */
export async function twoByTwo(): Promise<Lab> {
  const directory = directoryOf();
  const ports = await freePorts(8);
  const tcp = (i: number) => ports[4 + i]!;
  const replica = (i: number) => `<replica><host>127.0.0.1</host><port>${tcp(i)}</port></replica>`;
  const shard = (a: number, b: number) =>
    `<shard><internal_replication>false</internal_replication>${replica(a)}${replica(b)}</shard>`;
  const servers = await Promise.all(
    [0, 1, 2, 3].map((i) => {
      const path = join(directory.path, `node${i}`);
      const config = `<remote_servers><${CLUSTER}>${shard(0, 1)}${shard(2, 3)}</${CLUSTER}></remote_servers>
  <macros><shard>${Math.floor(i / 2)}</shard><replica>${i % 2}</replica></macros>`;
      return serverAt({ path, config, httpPort: ports[i]!, tcpPort: tcp(i) });
    }),
  );
  return {
    servers,
    async close() {
      await Promise.all(servers.map((server) => server.stop()));
      directory.remove();
    },
  };
}

/** One statement over HTTP, its answer as text. */
export async function ask(server: Pick<Server, "url">, query: string): Promise<string> {
  const response = await fetch(server.url, { method: "POST", body: query, headers: { connection: "close" } });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.trim();
}

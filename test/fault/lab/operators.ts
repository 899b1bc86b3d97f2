/** Prometheus and Alertmanager as Debian packages them, as child processes on loopback with nothing that outlives a test. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const TOOLS = ["prometheus", "promtool", "prometheus-alertmanager"];

/**
 * Whether the tools are there. If not, the test is skipped with the reason; with `REQUIRE_OPERATORS=1`, as in
 * `.ci/run`, it fails.
 */
export async function hasOperators(t: TestContext): Promise<boolean> {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const isThere = async (tool: string): Promise<boolean> => {
    const found = await Promise.all(
      folders.map((folder) =>
        access(join(folder, tool)).then(
          () => true,
          () => false,
        ),
      ),
    );
    return found.includes(true);
  };
  const missing: string[] = [];
  for (const tool of TOOLS) if (!(await isThere(tool))) missing.push(tool);
  if (missing.length === 0) return true;
  const reason = `${missing.join(", ")} not installed: apt-get install --no-install-recommends prometheus prometheus-alertmanager`;
  assert.notEqual(process.env["REQUIRE_OPERATORS"], "1", reason);
  t.skip(reason);
  return false;
}

/** Removed when the test ends. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-operators-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes `text` to a file of its own and gives its path. */
export async function fileWith(t: TestContext, name: string, text: string): Promise<string> {
  const path = join(await temporaryFolder(t), name);
  await writeFile(path, text);
  return path;
}

export interface Operator {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** What it has logged. */
  log(): string;
  /** The answer of its API, as JSON. */
  get(path: string): Promise<any>;
}

/** `config` is YAML, or JSON, which is YAML too. */
export async function startPrometheus(t: TestContext, config: object): Promise<Operator> {
  const folder = await temporaryFolder(t);
  return start(t, "prometheus", [
    `--config.file=${await fileWith(t, "prometheus.yml", JSON.stringify(config))}`,
    `--storage.tsdb.path=${folder}`,
    "--enable-feature=exemplar-storage",
  ]);
}

export async function startAlertmanager(t: TestContext, config: object): Promise<Operator> {
  const folder = await temporaryFolder(t);
  return start(t, "prometheus-alertmanager", [
    `--config.file=${await fileWith(t, "alertmanager.yml", JSON.stringify(config))}`,
    `--storage.path=${folder}`,
    "--cluster.listen-address=",
  ]);
}

async function start(t: TestContext, command: string, args: readonly string[]): Promise<Operator> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(command, [...args, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (log += text));
  t.after(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  await eventually(`${command} to be ready`, async () => {
    assert.equal(child.exitCode, null, log);
    assert.equal((await fetch(`${url}/-/ready`)).status, 200);
  });
  return {
    url,
    log: () => log,
    async get(path) {
      const response = await fetch(url + path);
      assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
      return response.json();
    },
  };
}

/** Serves on loopback until the test ends; gives `host:port`. */
export async function listen(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits until `check` throws no more. */
export async function eventually<T>(what: string, check: () => Promise<T>, withinMs = 20_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw new Error(`waited ${withinMs} ms for ${what}`, { cause: error });
      await sleep(50);
    }
  }
}

/** The one value of an instant query. */
export async function scalarOf(prometheus: Operator, query: string): Promise<number> {
  const { data } = await prometheus.get(`/api/v1/query?query=${encodeURIComponent(query)}`);
  assert.equal(data.result.length, 1, `${query}: ${JSON.stringify(data.result)}`);
  return Number(data.result[0].value[1]);
}

/** What promtool says of files, or of `input`; rejects with it when it is not content. */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const running = promisify(execFile)("promtool", args);
  running.child.stdin!.end(input);
  const { stdout, stderr } = await running.catch((error) => {
    throw new Error(`promtool ${args.join(" ")}\n${error.stdout}\n${error.stderr}`);
  });
  return stdout + stderr;
}

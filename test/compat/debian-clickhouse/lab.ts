/** Debian's ClickHouse 18.16 and ZooKeeper on loopback, with a configuration of their own in a temporary folder. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, freePorts } from "../chdb/lab.ts";

const SERVER = "/usr/sbin/clickhouse-server";
const JAVA = "/usr/bin/java";
const ZOOKEEPER = "/usr/share/java/zookeeper.jar";
/** On a quiet machine all are there within three seconds. */
const PATIENCE_MS = 120_000;

export const CLUSTER = "lab";

/** Why the lab cannot be; an error with `REQUIRE_CLICKHOUSE=1`, as in `.ci/run`. */
export function whyNot(): string | false {
  const missing = [SERVER, JAVA, ZOOKEEPER].filter((path) => !existsSync(path));
  if (missing.length === 0) return false;
  const reason = `${missing.join(", ")} missing: apt-get install --no-install-recommends clickhouse-server zookeeper`;
  assert.notEqual(process.env["REQUIRE_CLICKHOUSE"], "1", reason);
  return reason;
}

export interface Node {
  readonly url: string;
  readonly shard: number;
  /** As a power cut would, for the process. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Two shards of two replicas; `nodes[2 · shard + replica]`. Copies are made by the tables. */
export interface Lab {
  readonly nodes: readonly Node[];
  close(): Promise<void>;
}

export async function twoByTwo(): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "sightline-debian-clickhouse-"));
  const ports = await freePorts(13);
  const zookeeper = processOf(JAVA, zookeeperArguments(folder, ports[12]!), join(folder, "zookeeper.log"));
  await zookeeper.start(() => zooKeeperServes(ports[12]!));
  const nodes = await Promise.all(
    [0, 1, 2, 3].map(async (i): Promise<Node> => {
      const url = `http://127.0.0.1:${ports[i]}`;
      const path = join(folder, `node${i}`);
      mkdirSync(path);
      writeFileSync(`${path}.xml`, configuration(path, i, ports));
      const server = processOf(SERVER, [`--config-file=${path}.xml`], `${path}.log`);
      const start = () => server.start(async () => (await ask({ url }, "SELECT 1")) === "1");
      await start();
      return { url, shard: Math.floor(i / 2), start, kill: server.kill };
    }),
  );
  return {
    nodes,
    async close() {
      await Promise.all([...nodes, zookeeper].map(({ kill }) => kill()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function zookeeperArguments(folder: string, port: number): string[] {
  const config = join(folder, "zoo.cfg");
  writeFileSync(
    config,
    `dataDir=${folder}/zookeeper\nclientPortAddress=127.0.0.1\nclientPort=${port}\nadmin.enableServer=false\ntickTime=1000\n`,
  );
  return ["-Xmx128m", "-cp", ZOOKEEPER, "org.apache.zookeeper.server.quorum.QuorumPeerMain", config];
}

function configuration(path: string, i: number, ports: readonly number[]): string {
  const replica = (node: number) => `<replica><host>127.0.0.1</host><port>${ports[4 + node]}</port></replica>`;
  const shard = (a: number, b: number) =>
    `<shard><internal_replication>true</internal_replication>${replica(a)}${replica(b)}</shard>`;
  return `<yandex>
  <logger><level>warning</level><log>${path}.server.log</log><errorlog>${path}.error.log</errorlog></logger>
  <listen_host>127.0.0.1</listen_host><http_port>${ports[i]}</http_port><tcp_port>${ports[4 + i]}</tcp_port>
  <interserver_http_host>127.0.0.1</interserver_http_host><interserver_http_port>${ports[8 + i]}</interserver_http_port>
  <path>${path}/data/</path><tmp_path>${path}/tmp/</tmp_path><user_files_path>${path}/files/</user_files_path>
  <format_schema_path>${path}/formats/</format_schema_path><users_config>${path}.xml</users_config>
  <mark_cache_size>67108864</mark_cache_size><default_profile>default</default_profile>
  <default_database>default</default_database>
  <profiles><default><distributed_ddl_task_timeout>60</distributed_ddl_task_timeout></default></profiles><quotas><default/></quotas>
  <users><default><password/><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
  <remote_servers><${CLUSTER}>${shard(0, 1)}${shard(2, 3)}</${CLUSTER}></remote_servers>
  <zookeeper><node><host>127.0.0.1</host><port>${ports[12]}</port></node><session_timeout_ms>6000</session_timeout_ms></zookeeper>
  <distributed_ddl><path>/clickhouse/task_queue/ddl</path></distributed_ddl>
  <macros><shard>${Math.floor(i / 2)}</shard><replica>${i % 2}</replica></macros>
</yandex>`;
}

interface Process {
  /** Until `isReady`. */
  start(isReady: () => Promise<boolean>): Promise<void>;
  kill(): Promise<void>;
}

/** Killed when its shell's standard input ends, so that it never outlives this process either. */
const UNTIL_STDIN_ENDS = '"$0" "$@" & cat > /dev/null; kill -9 $!; wait';

function processOf(command: string, args: readonly string[], log: string): Process {
  let child: ChildProcess | undefined;
  return {
    async start(isReady) {
      child = spawn("sh", ["-c", UNTIL_STDIN_ENDS, command, ...args], { stdio: ["pipe", "pipe", "pipe"] });
      let told = "";
      for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (chunk) => (told += chunk));
      const deadline = Date.now() + PATIENCE_MS;
      while (!(await isReady().catch(() => false))) {
        assert.ok(Date.now() < deadline, `${command} did not start: ${told}${textOf(log)}`);
        await sleep(50);
      }
    },
    async kill() {
      if (!child || child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.stdin!.end();
      await ended;
    },
  };
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8").slice(-2_000) : "";
}

/** Its port is open before it takes requests; until then it hangs up, or says nothing for ever. */
async function zooKeeperServes(port: number): Promise<boolean> {
  const socket = createConnection(port, "127.0.0.1");
  socket.setTimeout(1_000, () => socket.destroy());
  socket.write("srvr");
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer.includes("Mode: standalone");
}

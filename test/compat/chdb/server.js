/**
 * A ClickHouse server out of `libchdb.so`: clickhouse-local that listens. It ends when its standard input does, so it
 * never outlives whoever started it. `node server.js <data directory> <http port> <tcp port> <config file>`
 *
 * HTTP is on 127.0.0.2. The native port there is behind one on 127.0.0.1: out of the library there is nobody to catch the
 * error of a connection that is reset, and the server aborts. A peer that gives a query up, or dies, resets connections.
 */
import { createRequire } from "node:module";
import { createConnection, createServer } from "node:net";
import { dirname, join } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { DataType, load, open } from "ffi-rs";

const HOST = "127.0.0.2";

if (isMainThread) {
  const [path, httpPort, tcpPort, config] = process.argv.slice(2);
  createServer({ allowHalfOpen: true }, forward).listen(Number(tcpPort), "127.0.0.1");
  new Worker(new URL(import.meta.url), { workerData: { path, httpPort, tcpPort, config } }).on("exit", () =>
    process.exit(0),
  );
} else serve(workerData);

/** However the peer goes, the server sees the end of what it reads, and may write as long as it likes. */
function forward(peer) {
  const server = createConnection({ host: HOST, port: peer.localPort, allowHalfOpen: true, noDelay: true });
  peer.setNoDelay();
  peer.pipe(server);
  server.pipe(peer);
  peer.on("error", () => {});
  peer.on("close", () => {
    server.end();
    server.unpipe().resume();
  });
  server.on("error", () => peer.destroy());
}

/** Does not return before the server has ended. */
function serve({ path, httpPort, tcpPort, config }) {
  const require = createRequire(import.meta.url);
  const platform = `@chdb/lib-${process.platform}-${process.arch}${process.platform === "linux" ? "-gnu" : ""}`;
  const library = join(dirname(require.resolve(`${platform}/package.json`)), "libchdb.so");
  const query = [
    "SYSTEM START LISTEN HTTP",
    "SYSTEM START LISTEN TCP",
    // Never comes to its end: it reads standard input.
    "SELECT count() FROM file('-', 'LineAsString', 'l String') FORMAT Null",
  ].join("; ");
  const args = [
    ...["clickhouse-local", "--path", path, `--listen_host=${HOST}`],
    ...[`--http_port=${httpPort}`, `--tcp_port=${tcpPort}`],
    // What it says when it dies.
    ...["--log-level=fatal", `--logger.log=${path}.log`, "--config-file", config],
    ...["--query", query],
  ];
  open({ library: "chdb", path: library });
  load({
    library: "chdb",
    funcName: "chdb_query_cmdline",
    retType: DataType.U64,
    paramsType: [DataType.I32, DataType.StringArray],
    paramsValue: [args.length, args],
  });
}

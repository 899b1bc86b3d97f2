/**
 * A ClickHouse server out of `libchdb.so`: clickhouse-local that listens. It ends when its standard input does, so it
 * never outlives whoever started it. `node server.js <data directory> <http port> <tcp port> [config file]`
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DataType, load, open } from "ffi-rs";

const [path, httpPort, tcpPort, config] = process.argv.slice(2);
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
  ...["clickhouse-local", "--path", path, "--listen_host=127.0.0.1"],
  ...[`--http_port=${httpPort}`, `--tcp_port=${tcpPort}`],
  // What it says when it dies.
  ...["--logger.level=error", `--logger.log=${path}.log`],
  ...(config ? ["--config-file", config] : []),
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
process.exit(0);

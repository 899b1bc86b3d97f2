import { spawnSync } from "node:child_process";

const SCRIPT = new URL("../traced-fetch.js", import.meta.url).pathname;

/** The figures of `bench/traced-fetch.js`, which takes turns in one process: what `tracedFetch` adds. */
export function measureFetch() {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--expose-gc", SCRIPT], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const find = (pattern) => Number(pattern.exec(stdout)[1]);
  return {
    chunk: find(/in process, stream: .*: \+(-?[\d.]+) µs/) * 1_000,
    call: find(/in process, plain call.*: \+(-?[\d.]+) µs/) * 1_000,
    firstChunk: find(/first chunk: .* added (-?[\d.]+) ms/),
    heap: find(/stream of 200000 chunks: .*, (-?[\d.]+) MiB traced/),
  };
}

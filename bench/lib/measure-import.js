import { spawnSync } from "node:child_process";
import { median } from "./statistics.js";

const PROBE = new URL("import-probe.js", import.meta.url).pathname;

/** Medians of fresh processes, milliseconds. What the empty module of `bare` costs is in each, and is taken off in the report. */
export function measureImport(url, processes) {
  const samples = Array.from({ length: processes }, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [PROBE, url], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  });
  const of = (step, what) => median(samples.map((sample) => sample[step][what]));
  return {
    importWall: of("import", "wall"),
    importCpu: of("import", "cpu"),
    startWall: of("start", "wall"),
  };
}

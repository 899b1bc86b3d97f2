import { spawnSync } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";

/** The machine, without its name. */
export function machine() {
  const [{ model }] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release().split("-")[0]}`,
  };
}

/** @param {string} node a binary */
export function versionOf(node) {
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim().slice(1);
}

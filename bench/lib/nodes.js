import { existsSync } from "node:fs";
import { UsageError } from "./usage-error.js";

const PACKAGED = new URL("../../test/compat/node/node_modules/", import.meta.url);

/** @param {string} major @returns the binary: this one, or one of test/compat/node */
export function nodeBinary(major) {
  if (process.versions.node.split(".")[0] === major) return process.execPath;
  const binary = new URL(`node${major}/bin/node`, PACKAGED);
  if (!existsSync(binary)) throw new UsageError(`--node: no Node ${major} here; npm ci --prefix test/compat/node`);
  return binary.pathname;
}

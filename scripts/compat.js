/**
 * Packs the built package, installs it beside the dependencies of a folder in test/compat as a user would, and runs
 * that folder's tests.
 *
 *   node scripts/compat.js nest openai7
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const packed = mkdtempSync(join(tmpdir(), "sightline-pack-"));
process.on("exit", () => rmSync(packed, { recursive: true }));

npm(root, "pack", "--silent", "--ignore-scripts", "--pack-destination", packed);
const [tarball] = readdirSync(packed);
for (const name of process.argv.slice(2)) {
  const folder = join(root, "test/compat", name);
  npm(folder, "ci");
  npm(folder, "install", "--no-save", "--no-package-lock", join(packed, tarball));
  npm(folder, "test");
}

function npm(cwd, ...args) {
  const { status } = spawnSync("npm", args, { cwd, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

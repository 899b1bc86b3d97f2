/**
 * Builds `dist/`: declarations by tsc, one file per source file; JavaScript by esbuild, one bundle per entry of the
 * export map, with what they share in chunks of its own so that every subpath uses the same copy of the core.
 * Figures: docs/decisions/build.md.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { build } from "esbuild";

const SOURCE = "@sightline/source";

process.chdir(new URL("..", import.meta.url).pathname);
const { exports, engines } = JSON.parse(await readFile("package.json", "utf8"));
const entryPoints = Object.values(exports).flatMap((entry) => entry[SOURCE] ?? []);

await rm("dist", { recursive: true, force: true });
await Promise.all([declarations(), javascript()]);

async function declarations() {
  const tsc = spawn("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
  const [code] = await once(tsc, "exit");
  if (code !== 0) process.exitCode = 1;
}

async function javascript() {
  await build({
    entryPoints,
    outbase: "src",
    outdir: "dist",
    chunkNames: "chunks/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: `node${engines.node.replace(/[^\d.]/g, "")}`,
    packages: "external",
    sourcemap: true,
    // The sources are in the package.
    sourcesContent: false,
  });
}

/**
 * Builds the command line: `main.js`, and beside it a chunk for each command with what it uses, so that a command loads no
 * more than it needs. What other packages give is in it, apart from our own dependencies and optional peers. All files
 * are in one folder: some find what is in `dist/` by where they are.
 */
import { join } from "node:path";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
/** Dependencies of the package, and what is loaded only where it is installed. */
const EXTERNAL = [
  "@pydantic/genai-prices",
  "uuid",
  "@photostructure/sqlite",
  "@clickhouse/client",
  "chdb",
  "chdb/*",
  "prom-client",
  "marked",
  "sightline/*",
];

/** @param {string} outdir `dist/cli` @param {import("esbuild").BuildOptions} [options] */
export async function buildCommandLine(outdir, options = {}) {
  await build({
    absWorkingDir: root,
    entryPoints: { main: join(root, "src/cli/main.ts") },
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: "[name]-[hash]",
    format: "esm",
    platform: "node",
    target: "node20.19",
    conditions: ["@sightline/source"],
    external: EXTERNAL,
    // It would point into other people's packages.
    sourcemap: false,
    // picocolors is CommonJS and asks for Node's own modules by `require`.
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
    minifyWhitespace: true,
    lineLimit: 160,
    logLevel: "warning",
    ...options,
  });
}

/**
 * Builds `dist/`: declarations by tsc, one file per source file; JavaScript by esbuild, one file per entry of the export
 * map plus one chunk that holds all they share, so that every subpath uses the same copy of the core.
 * Why, with figures: docs/decisions/build.md.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const { exports, engines } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const main = join(root, "src/index.ts");
const entries = Object.values(exports).flatMap((entry) => entry["@sightline/source"] ?? []);

/**
 * Lets every entry import the main one too. esbuild makes a chunk for each set of entries that share a file, and each
 * file costs most of a millisecond to load; so there is one set.
 */
const oneChunk = {
  name: "one-chunk",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path }) => {
      return kind === "entry-point" ? { path: join(root, path), namespace: "entry" } : undefined;
    });
    onLoad({ filter: /./, namespace: "entry" }, ({ path }) => {
      return { contents: `import ${JSON.stringify(main)}; export * from ${JSON.stringify(path)};`, resolveDir: root };
    });
  },
};

await rm(join(root, "dist"), { recursive: true, force: true });
await Promise.all([declarations(), javascript()]);

async function declarations() {
  const tsc = spawn(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  const [code] = await once(tsc, "exit");
  if (code !== 0) process.exitCode = 1;
}

async function javascript() {
  await build({
    absWorkingDir: root,
    entryPoints: entries.map((path) => ({ in: path, out: path.replace("./src/", "").replace(".ts", "") })),
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
    plugins: [oneChunk],
  });
}

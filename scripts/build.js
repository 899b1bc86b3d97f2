/**
 * Builds `dist/`: declarations by tsc, one file per source file that an entry leads to; JavaScript by esbuild, one file per entry of the export
 * map plus one chunk that holds all they share, so that every subpath uses the same copy of the core. The thread of
 * a store is one file with everything it needs; the command line and the viewer are what `command-line.js` and
 * `build-viewer.js` make.
 * Why, with figures: docs/decisions/build.md.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { buildViewer } from "./build-viewer.js";
import { buildCommandLine } from "./command-line.js";

const root = new URL("..", import.meta.url).pathname;
const { exports, engines, bin } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const main = join(root, "src/index.ts");
const COMMON = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: `node${engines.node.replace(/[^\d.]/g, "")}`,
  sourcemap: true,
  // The sources are in the package.
  sourcesContent: false,
};
const entries = Object.values(exports).flatMap((entry) => entry["@sightline/source"] ?? []);

/** `./src/sinks/http.ts` → `sinks/http` */
function outputOf(entry) {
  return entry.replace("./src/", "").replace(".ts", "");
}

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
    // What is loaded on first use is the published entry, which is there anyway; a chunk for it would be one more.
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const entry = `./${relative(root, join(resolveDir, path))}`;
      if (!entries.includes(entry)) return { errors: [{ text: `${entry} is loaded on first use, and is no entry` }] };
      return { path: `../${outputOf(entry)}.js`, external: true };
    });
    onLoad({ filter: /./, namespace: "entry" }, ({ path }) => {
      return { contents: `import ${JSON.stringify(main)}; export * from ${JSON.stringify(path)};`, resolveDir: root };
    });
  },
};

// Aside and then moved in one step: who runs from `dist/` meanwhile sees the old one or the new one, never half of either.
const made = `dist-${process.pid}`;
try {
  await Promise.all([declarations(), javascript(), worker(), commandLine(), buildViewer(join(root, made, "viewer"))]);
  await rm(join(root, "dist"), { recursive: true, force: true });
  await rename(join(root, made), join(root, "dist"));
} finally {
  await rm(join(root, made), { recursive: true, force: true });
}

async function declarations() {
  const tsc = spawn(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.build.json", "--outDir", made], {
    cwd: root,
    stdio: "inherit",
  });
  const [code] = await once(tsc, "exit");
  if (code !== 0) process.exitCode = 1;
  await removeUnreached(entries.map((path) => join(root, made, `${outputOf(path)}.d.ts`)));
}

/** Removes the declarations that none of these leads to: five of eight, and each takes a block of the disk. */
async function removeUnreached(files) {
  // Not `await import(…)`, which stands in examples.
  const imported = /(?:from |^import |(?<!await )import\()"(\.[^"]+)\.ts"/gm;
  const reached = new Set(files);
  for (const file of reached) {
    const text = await readFile(file, "utf8");
    for (const [, path] of text.matchAll(imported)) reached.add(join(dirname(file), `${path}.d.ts`));
  }
  const all = await readdir(join(root, made), { recursive: true });
  const unreached = all
    .map((path) => join(root, made, path))
    .filter((path) => path.endsWith(".d.ts") && !reached.has(path));
  await Promise.all(unreached.map((path) => rm(path)));
}

async function javascript() {
  await build({
    absWorkingDir: root,
    entryPoints: entries.map((path) => ({ in: path, out: outputOf(path) })),
    outdir: made,
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
    packages: "external",
    // A fifth of the bytes, and 2 ms of an import; lines stay short enough to read a stack by.
    minifyWhitespace: true,
    lineLimit: 160,
    ...COMMON,
    plugins: [oneChunk],
  });
}

/** What the thread of a store runs, with everything it needs: it shares nothing with the code that starts it. */
async function worker() {
  await build({
    absWorkingDir: root,
    entryPoints: ["src/store/sqlite/worker.ts"],
    outfile: `${made}/store/sqlite/worker.js`,
    packages: "external",
    ...COMMON,
  });
}

async function commandLine() {
  await buildCommandLine(join(root, dirname(bin.sightline.replace("dist", made))));
}

/**
 * Builds the JavaScript of `dist/`: one file per entry of the export map and one for the command line, one chunk that
 * holds all they share, so that every subpath uses the same copy of the core, and chunks for what only some use. The
 * thread of a store, and the prices, are one file each with everything they need.
 * Why, with figures: docs/decisions/build.md.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { bundledPrices } from "./bundled-prices.js";

const root = new URL("..", import.meta.url).pathname;
const { exports, engines, peerDependencies, dependencies } = JSON.parse(
  await readFile(join(root, "package.json"), "utf8"),
);
const main = join(root, "src/index.ts");
const PRICES = "./src/pricing/price-library.ts";
const COMMAND_LINE = "./src/cli/main.ts";
/** The files of the package that others import, but for the prices, which need nothing of it. */
export const published = Object.values(exports).flatMap((entry) => entry["@sightline/source"] ?? []);
const entries = published.filter((entry) => entry !== PRICES);
const COMMON = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  platform: "node",
  target: `node${engines.node.replace(/[^\d.]/g, "")}`,
  minifyWhitespace: true,
  minifySyntax: true,
  // Lines stay short enough to read a stack by.
  lineLimit: 160,
  write: false,
  metafile: true,
  logLevel: "warning",
};
/** Names of locals get short, a fifth of the bytes; functions and classes keep theirs, for stacks. */
const SHORTER = {
  module: true,
  compress: false,
  mangle: { keep_fnames: true, keep_classnames: true },
  format: { max_line_len: 160 },
};

/**
 * @param {string} outdir `dist`
 * @param {{ shorten?: boolean }} [options] not to shorten names saves seconds
 * @returns {Promise<string[]>} the files that have been bundled
 */
export async function buildJavaScript(outdir, { shorten = true } = {}) {
  const results = await Promise.all([packageAndCommandLine(outdir), worker(outdir), prices(outdir)]);
  const { minify } = shorten ? await import("terser") : {};
  for (const { path, text } of results.flatMap(({ outputFiles }) => outputFiles)) {
    await mkdir(dirname(path), { recursive: true });
    const code = withBuiltins(text);
    await writeFile(path, minify ? (await minify(code, SHORTER)).code : code);
  }
  return results.flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/**
 * Takes Node's modules from where they are at hand: of each one that is imported Node makes a module with all its names, 0.1 to
 * 0.3 ms. Sources import them.
 */
function withBuiltins(text) {
  return text.replace(
    /\bimport\s*(?:\{([^{}]*)\}|\*\s*as\s+(\w+))\s*from\s*"(node:[^"]+)";/g,
    (_, names, all, builtin) => {
      const taken = all ?? `{${names.replaceAll(" as ", ":")}}`;
      return `const ${taken}=process.getBuiltinModule("${builtin}");`;
    },
  );
}

function packageAndCommandLine(outdir) {
  return build({
    ...COMMON,
    entryPoints: [...entries, COMMAND_LINE].map((path) => ({ in: path, out: outputOf(path) })),
    outdir,
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
    plugins: [oneChunk],
  });
}

/** What the thread of a store runs: it shares nothing with the code that starts it. */
function worker(outdir) {
  const entryPoints = ["src/store/sqlite/worker.ts"];
  return build({ ...COMMON, entryPoints, outfile: join(outdir, "store/sqlite/worker.js"), packages: "external" });
}

function prices(outdir) {
  const outfile = join(outdir, `${outputOf(PRICES)}.js`);
  return build({ ...COMMON, entryPoints: [PRICES], outfile, plugins: [bundledPrices] });
}

/** `./src/sinks/http.ts` → `sinks/http` */
export function outputOf(entry) {
  return entry.replace("./src/", "").replace(".ts", "");
}

/**
 * Lets every entry, and every command, import the main one too. esbuild makes a chunk for each set of entries that share
 * a file, and each file costs most of a millisecond to load; so the core is in one set.
 */
const oneChunk = {
  name: "one-chunk",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ kind, path }) => {
      return kind === "entry-point" ? { path: join(root, path), namespace: "entry" } : undefined;
    });
    // What the command line has of others is bundled; all else is for the user to have.
    const kept = [...Object.keys(dependencies), ...Object.keys(peerDependencies), "chdb", "sightline"];
    onResolve({ filter: /^[^./]/ }, ({ path }) => {
      return kept.some((name) => path === name || path.startsWith(`${name}/`)) ? { path, external: true } : undefined;
    });
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir, importer }) => {
      if (kind !== "dynamic-import") return undefined;
      const file = join(resolveDir, path);
      const entry = `./${relative(root, file)}`;
      // What is loaded on first use is the published entry, which is there anyway; a chunk for it would be one more.
      if (entries.includes(entry)) return { path: `../${outputOf(entry)}.js`, external: true };
      // Each command has a chunk, and so has what only some of them load.
      if (relative(root, importer).startsWith("src/cli/")) return { path: file, namespace: "entry" };
      return { errors: [{ text: `${entry} is loaded on first use, and is no entry` }] };
    });
    onLoad({ filter: /./, namespace: "entry" }, ({ path }) => {
      const first = path === join(root, COMMAND_LINE) ? "#!/usr/bin/env node\n" : "";
      const imports = `import ${JSON.stringify(main)}; export * from ${JSON.stringify(path)};`;
      return { contents: first + imports, resolveDir: root };
    });
  },
};

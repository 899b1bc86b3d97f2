/**
 * Builds the viewer: `dist/viewer/index.html` and what it loads, names with hashes, nothing inline and nothing evaluated,
 * as its content security policy demands. Says what it weighs, and fails above the budget of docs/decisions.
 *
 * `node scripts/build-viewer.js [outdir]`, or `buildViewer(outdir)`.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const BUDGET = { js: 110, css: 15 };

/** Writes the viewer into `outdir`, which it empties first. Resolves to its gzipped kilobytes, and the files in it; rejects above the budget. */
export async function buildViewer(outdir = join(root, "dist/viewer")) {
  const out = resolve(outdir);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/viewer/app/main.tsx"],
    outdir: out,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const kilobytes = { js: 0, css: 0 };
  for (const { path, contents } of outputFiles) {
    await writeFile(path, contents);
    kilobytes[path.endsWith(".css") ? "css" : "js"] += gzipSync(contents).length / 1000;
  }
  const [main, { cssBundle }] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint);
  const assets = [
    ...(cssBundle ? [`<link rel="stylesheet" href="./${basename(cssBundle)}" />`] : []),
    `<script type="module" src="./${basename(main)}"></script>`,
  ].join("\n    ");
  const html = await readFile(join(root, "src/viewer/app/index.html"), "utf8");
  await writeFile(join(out, "index.html"), html.replace("<!-- assets -->", assets));
  for (const [kind, limit] of Object.entries(BUDGET)) {
    if (kilobytes[kind] <= limit) continue;
    throw new Error(`the viewer's ${kind} is ${kilobytes[kind].toFixed(1)} KB gzipped, more than ${limit}`);
  }
  return { ...kilobytes, inputs: Object.keys(metafile.inputs) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { js, css } = await buildViewer(process.argv[2]);
  console.log(`viewer: ${js.toFixed(1)} KB of JavaScript and ${css.toFixed(1)} KB of CSS, gzipped`);
}

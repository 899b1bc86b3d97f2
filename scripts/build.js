/**
 * Builds `dist/`: declarations by tsc, one file per source file that an entry leads to; what runs is made by
 * `build-javascript.js` and `build-viewer.js`. Why, with figures: docs/decisions/build.md.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildJavaScript, outputOf, published } from "./build-javascript.js";
import { buildViewer } from "./build-viewer.js";
import { licensesOf } from "./licenses.js";

const root = new URL("..", import.meta.url).pathname;

// Aside and then moved in one step: who runs from `dist/` meanwhile sees the old one or the new one, never half of either.
const made = `dist-${process.pid}`;
try {
  const [inputs, viewer] = await Promise.all([
    buildJavaScript(join(root, made)),
    buildViewer(join(root, made, "viewer")),
    declarations(),
  ]);
  await writeFile(join(root, made, "third-party-licenses.txt"), await licensesOf([...inputs, ...viewer.inputs]));
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
  await removeUnreached(published.map((path) => join(root, made, `${outputOf(path)}.d.ts`)));
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

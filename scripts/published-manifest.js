/**
 * `package.json` as it is published: the sources stay at home, so nothing in it may name them. npm reads it after `prepack`
 * and has `postpack` put back the one that is kept here.
 *
 * Who interrupts npm in between puts it back with `--restore`, as that manifest has no scripts left.
 *
 *     node scripts/published-manifest.js [--restore]
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../package.json", import.meta.url));
const kept = `${file}.kept`;

/** @param {object} manifest @returns {object} without the sources, and what only those who work on them need */
export function published({ scripts: _, devDependencies: __, ...manifest }) {
  const exports = Object.entries(manifest.exports).map(([path, entry]) => {
    if (typeof entry === "string") return [path, entry];
    const { "@sightline/source": ___, ...conditions } = entry;
    return [path, conditions];
  });
  const sideEffects = manifest.sideEffects.filter((path) => !path.startsWith("./src/"));
  return { ...manifest, sideEffects, exports: Object.fromEntries(exports) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === "--restore") await rename(kept, file);
  else {
    const text = await readFile(file, "utf8");
    const manifest = JSON.parse(text);
    // Without scripts it is the published one, left by a run that was interrupted: the one that is kept is the original.
    if (manifest.scripts !== undefined) {
      await writeFile(kept, text);
      await writeFile(file, `${JSON.stringify(published(manifest), null, 2)}\n`);
    }
  }
}

/** The notices of the packages whose code is bundled into ours: their licenses ask for it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;

/** @param {Iterable<string>} inputs files of bundles, as esbuild's metafile names them @returns {Promise<string>} a text */
export async function licensesOf(inputs) {
  const folders = new Set([...inputs].flatMap((path) => /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []));
  return (await Promise.all([...folders].sort().map(licenseIn))).join("\n");
}

async function licenseIn(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
  const file = (await readdir(join(root, folder))).find((each) => /^licen[cs]e/i.test(each));
  if (file === undefined) throw new Error(`${name} has no license in its package`);
  const text = await readFile(join(root, folder, file), "utf8");
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

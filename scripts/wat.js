// Writes what `src/store/sqlite/word-hashes.wat` says as WebAssembly, in a module of TypeScript.

import { readFile, writeFile } from "node:fs/promises";
import createWabt from "wabt";

const source = new URL("../src/store/sqlite/word-hashes.wat", import.meta.url);

/** @returns {Promise<string>} the module */
export async function wordHashesModule() {
  const wabt = await createWabt();
  const wat = wabt.parseWat("word-hashes.wat", await readFile(source, "utf8"), { simd: true });
  const base64 = Buffer.from(wat.toBinary({}).buffer).toString("base64");
  return `/** \`word-hashes.wat\` in base64, by \`npm run build:wat\`. */\nexport const WORD_HASHES =\n  "${base64}";\n`;
}

if (import.meta.filename === process.argv[1]) {
  await writeFile(new URL("word-hashes.wasm.ts", source), await wordHashesModule());
}

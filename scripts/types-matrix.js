/**
 * Compiles test/types against the built declarations as a consumer would: three TypeScript versions, both decorator
 * protocols, both module resolutions, every library checked (no skipLibCheck). Needs `npm run build` and
 * `npm ci` in test/compat/typescript.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const COMPILERS = [
  join(root, "test/compat/typescript/node_modules/typescript52"),
  join(root, "test/compat/typescript/node_modules/typescript59"),
  join(root, "node_modules/typescript"),
];
const PROTOCOLS = {
  "stage 3": { folder: "stage3", options: {} },
  legacy: { folder: "legacy", options: { experimentalDecorators: true, emitDecoratorMetadata: true } },
};
const RESOLUTIONS = {
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
};

const folder = await mkdtemp(join(tmpdir(), "sightline-types-"));
const cases = COMPILERS.flatMap((compiler) =>
  Object.entries(PROTOCOLS).flatMap(([protocol, { folder, options }]) =>
    Object.entries(RESOLUTIONS).map(([resolution, modules]) => ({
      compiler,
      name: `${protocol}, ${resolution}`,
      sources: ["test/types", `test/types/${folder}`],
      options: { ...options, ...modules },
    })),
  ),
);
const queue = cases.entries();
await Promise.all([compileFrom(queue), compileFrom(queue)]);
await rm(folder, { recursive: true });

/** Two take from one queue: as many as the smallest machine has cores. */
async function compileFrom(queue) {
  for (const [index, one] of queue) await compile(one, join(folder, `tsconfig.${index}.json`));
}

async function compile({ compiler, name, sources, options }, config) {
  const files = await Promise.all(sources.map(typescriptIn));
  const compilerOptions = {
    target: "es2022",
    lib: ["es2022"],
    types: ["node"],
    typeRoots: [join(root, "node_modules/@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    ...options,
  };
  await writeFile(config, JSON.stringify({ compilerOptions, files: files.flat() }));
  const [version] = (await run(compiler, ["--version"])).output.match(/[\d.]+/);
  const { code, output } = await run(compiler, ["-p", config]);
  console.log(`TypeScript ${version}, ${name}: ${code === 0 ? `ok, ${files.flat().length} files` : "failed"}`);
  if (code === 0) return;
  console.log(output);
  process.exitCode = 1;
}

async function typescriptIn(path) {
  const entries = await readdir(join(root, path));
  return entries.filter((entry) => entry.endsWith(".ts")).map((entry) => join(root, path, entry));
}

function run(compiler, args) {
  return new Promise((resolve) => {
    const tsc = spawn(process.execPath, [join(compiler, "bin/tsc"), ...args], { cwd: folder });
    let output = "";
    for (const stream of [tsc.stdout, tsc.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    tsc.on("close", (code) => resolve({ code, output }));
  });
}

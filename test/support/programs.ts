/**
 * Programs for child processes, made from the sources as they are now. Bundled, a program starts in a third of the time
 * that tsx takes to load the sources one by one.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type BuildOptions, build, type Plugin, transform } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** As tsx compiles, and other packages are left where they are. */
const OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  keepNames: true,
  ignoreAnnotations: true,
  sourcemap: true,
  conditions: ["@sightline/source"],
  logLevel: "warning",
} satisfies BuildOptions;

const otherPackages: Plugin = {
  name: "other packages",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
      kind === "entry-point" || /^sightline(\/|$)/.test(path) ? undefined : { path, external: true },
    );
  },
};

/** `import.meta.url` is the address of the source, so that what is next to the source is found. */
const sourceAddresses: Plugin = {
  name: "source addresses",
  setup({ initialOptions, onLoad }) {
    initialOptions.define = { "import.meta.url": "sourceAddress" };
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      if (!source.includes("import.meta.url")) return undefined;
      // On the first line, so that every line keeps its number.
      const address = `const sourceAddress = ${JSON.stringify(pathToFileURL(path).href)};`;
      return { contents: source.replace(/^(#!.*\n)?/, (hashbang) => hashbang + address), loader: "ts" };
    });
  },
};

/** A folder for this process and purpose, inside the package, so that what is in it finds the other packages. */
async function newFolder(name: string): Promise<string> {
  const folder = join(root, "test/.readme", `${name}-${process.pid}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

export interface Programs {
  readonly folder: string;
  /** Where the program of a source, named from the root of the package, is. */
  path(source: string): string;
  remove(): Promise<void>;
}

/** Bundles programs with what they import from `sightline` and by relative paths. */
export async function bundlePrograms(
  name: string,
  sources: readonly string[],
  plugins: readonly Plugin[] = [],
): Promise<Programs> {
  const folder = await newFolder(name);
  await build({
    ...OPTIONS,
    plugins: [otherPackages, ...plugins],
    entryPoints: [...sources],
    outbase: root,
    outdir: folder,
  });
  return {
    folder,
    path: (source) => join(folder, source.replace(/\.ts$/, ".js")),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** Test files as programs of their own. */
export function bundleTests(sources: readonly string[]): Promise<Programs> {
  return bundlePrograms("tests", sources, [sourceAddresses]);
}

export interface SourcePackage {
  /** Modules in it, and programs on the command line with it as working folder, find `sightline` in it. */
  readonly folder: string;
  /** Writes a module in TypeScript; gives back its path. */
  write(name: string, source: string): Promise<string>;
  remove(): Promise<void>;
}

/** The package `sightline` with all its entries. */
export async function sourcePackage(name: string): Promise<SourcePackage> {
  const folder = await newFolder(name);
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const entries = Object.entries<{ "@sightline/source"?: string }>(manifest.exports).flatMap(([path, entry]) => {
    const source = entry["@sightline/source"];
    return source === undefined ? [] : [[path, source] as const];
  });
  await build({
    ...OPTIONS,
    plugins: [otherPackages],
    entryPoints: entries.map(([, source]) => source),
    outbase: join(root, "src"),
    outdir: join(folder, "made"),
  });
  const made = entries.map(([path, source]) => [path, source.replace("./src/", "./made/").replace(/\.ts$/, ".js")]);
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ ...manifest, exports: { ...Object.fromEntries(made), "./package.json": "./package.json" } }),
  );
  return {
    folder,
    async write(file, source) {
      const path = join(folder, `${file}.js`);
      const { code } = await transform(source, { loader: "ts", format: "esm", target: "node20", keepNames: true });
      await writeFile(path, code);
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

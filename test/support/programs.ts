/**
 * Programs for child processes, made from the sources as they are now. Bundled, a program starts in a third of the time
 * that tsx takes to load the sources one by one.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build, transform } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** As tsx compiles, and other packages are left where they are. */
export const OPTIONS: BuildOptions = {
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
  plugins: [
    {
      name: "other packages",
      setup({ onResolve }) {
        onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
          kind === "entry-point" || /^sightline(\/|$)/.test(path) ? undefined : { path, external: true },
        );
      },
    },
  ],
};

/** A folder for this process and purpose, inside the package, so that what is in it finds the other packages. */
export async function newFolder(name: string): Promise<string> {
  const folder = join(root, "test/.readme", `${name}-${process.pid}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}

export interface Programs {
  /** Where the program of a source, named from the root of the package, is. */
  path(source: string): string;
  remove(): Promise<void>;
}

/** Bundles programs with what they import from `sightline` and by relative paths. */
export async function bundlePrograms(name: string, sources: readonly string[]): Promise<Programs> {
  const folder = await newFolder(name);
  await build({ ...OPTIONS, entryPoints: [...sources], outbase: root, outdir: folder });
  return {
    path: (source) => join(folder, source.replace(/\.ts$/, ".js")),
    remove: () => rm(folder, { recursive: true }),
  };
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

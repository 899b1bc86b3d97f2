import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { VERSION } from "../../sinks/otlp/scope.ts";
import { hasSqlite } from "../../store/sqlite/index.ts";
import { type Check, ok, problem, warning } from "./check.ts";

/** The first release of each line with all that we use. */
const NODE = [20, 19] as const;
const PEERS = {
  openai: { least: 4, most: 7, for: "sightline/openai" },
  "cls-hooked": { least: 4, most: 4, for: "sightline/interop/cls-hooked" },
  "@opentelemetry/api": { least: 1, most: 1, for: "sightline/interop/opentelemetry" },
  "prom-client": { least: 15, most: 15, for: "sightline/monitors/prometheus" },
  marked: { least: 15, most: 19, for: "markdownFormat()" },
  "@clickhouse/client": { least: 1, most: 1, for: "a ClickHouse store" },
} as const;
/** Deeper nothing is looked for: a tree of packages may be huge. */
const MAX_DEPTH = 5;
const MAX_FOLDERS = 20_000;

export function checkNode(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return ok("Node", version);
  return problem("Node", `${version} is older than ${NODE.join(".")}`, `use Node ${NODE.join(".")} or newer`);
}

export function checkCopies(cwd: string): Check {
  const copies = copiesBelow(join(cwd, "node_modules"), "sightline");
  const [first] = copies;
  if (first === undefined) {
    return warning(
      "sightline",
      `this is ${VERSION}; it is not among the packages of ${cwd}`,
      "npm install sightline, or run this in the program's folder",
    );
  }
  if (copies.length === 1) return ok("sightline", first.version);
  const told = copies.map(({ version, path }) => `${version} in ${path}`).join("; ");
  const versions = new Set(copies.map(({ version }) => version));
  return warning(
    "sightline",
    `${copies.length} copies: ${told}`,
    versions.size === 1
      ? "npm dedupe; they share one runtime meanwhile"
      : "bring all to one version (npm ls sightline), then npm dedupe: the first that is loaded decides",
  );
}

interface Copy {
  readonly path: string;
  readonly version: string;
}

/** Each real folder once, links of workspaces and of pnpm followed. */
function copiesBelow(modules: string, name: string): Copy[] {
  const found = new Map<string, Copy>();
  let looked = 0;
  const visit = (folder: string, depth: number): void => {
    if (depth > MAX_DEPTH || looked > MAX_FOLDERS) return;
    const own = join(folder, name);
    const version = versionIn(own);
    if (version !== undefined) found.set(realpathSync(own), { path: own, version });
    for (const entry of entries(folder)) {
      looked++;
      if (entry.name === ".pnpm")
        for (const { name: each } of entries(join(folder, entry.name)))
          visit(join(folder, ".pnpm", each, "node_modules"), depth + 1);
      else if (entry.name.startsWith("@"))
        for (const { name: each } of entries(join(folder, entry.name)))
          visit(join(folder, entry.name, each, "node_modules"), depth + 1);
      else if (!entry.name.startsWith(".") && entry.isDirectory())
        visit(join(folder, entry.name, "node_modules"), depth + 1);
    }
  };
  visit(modules, 0);
  return [...found.values()];
}

function entries(folder: string): import("node:fs").Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function versionIn(folder: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}

/** Optional packages that are there: whether they are of a version that is known. */
export function checkPeers(cwd: string): Check[] {
  return Object.entries(PEERS).flatMap(([name, { least, most, for: what }]) => {
    const version = versionOf(cwd, name);
    if (version === undefined) return [];
    const major = Number(version.split(".")[0]);
    if (major >= least && major <= most) return ok(name, version);
    const range = least === most ? String(least) : `${least} to ${most}`;
    return warning(name, `${version}; ${what} is tested with ${range}`, `npm install ${name}@${most}`);
  });
}

function versionOf(cwd: string, name: string): string | undefined {
  const folders = createRequire(pathToFileURL(resolve(cwd, "package.json"))).resolve.paths(name) ?? [];
  return folders.map((folder) => versionIn(join(folder, name))).find((version) => version !== undefined);
}

export function checkDrivers(): Check {
  if (hasSqlite("node:sqlite")) return ok("SQLite", "node:sqlite");
  if (hasSqlite("@photostructure/sqlite")) return ok("SQLite", "@photostructure/sqlite");
  return warning(
    "SQLite",
    `Node ${process.versions.node} has none: serve and import need it, view keeps all in memory`,
    "use Node 22.13 or newer, or: npm install @photostructure/sqlite@1",
  );
}

/** What decorators are in this folder's TypeScript. */
export function checkDecorators(cwd: string): Check {
  const path = join(cwd, "tsconfig.json");
  if (!existsSync(path)) return ok("decorators", "no tsconfig.json; in JavaScript, functions are wrapped: observe(fn)");
  let options: { [name: string]: unknown };
  try {
    options = compilerOptions(path, 0);
  } catch (error) {
    return warning(
      "decorators",
      `tsconfig.json cannot be read: ${(error as Error).message}`,
      "mend it; npx tsc --showConfig says more",
    );
  }
  if (options["experimentalDecorators"] !== true)
    return ok("decorators", "standard (TypeScript 5 and later): @observe() works on methods");
  return ok(
    "decorators",
    "experimentalDecorators: @observe() works on methods, beside those of Nest, TypeORM and their like",
  );
}

function compilerOptions(path: string, depth: number): { [name: string]: unknown } {
  const config = JSON.parse(withoutComments(readFileSync(path, "utf8")));
  const parents: string[] = [config.extends ?? []].flat();
  const inherited = parents.map((parent) => {
    const file = parent.startsWith(".")
      ? resolve(path, "..", parent)
      : join(resolve(path, ".."), "node_modules", parent);
    const found = [file, `${file}.json`, join(file, "tsconfig.json")].find(
      (each) => each.endsWith(".json") && existsSync(each),
    );
    return found === undefined || depth > 5 ? {} : compilerOptions(found, depth + 1);
  });
  return Object.assign({}, ...inherited, config.compilerOptions);
}

/** Comments and commas before a bracket, outside of strings. */
function withoutComments(text: string): string {
  return text
    .replace(/^\ufeff/, "")
    .replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string) => string ?? "")
    .replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, string) => string ?? "");
}

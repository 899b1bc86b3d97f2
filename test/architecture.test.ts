/** Who may import whom: DESIGN and ARCHITECTURE as a test. Reads the import lines of `src/`, so types count too. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

/** Area → what it may import. `sinks/sink` is that one file. An area that is not listed has no place yet. */
const DIRECTIONS: Record<string, readonly string[]> = {
  core: [],
  capture: ["core"],
  semconv: ["core"],
  pricing: ["core"],
  store: ["core", "sinks/sink"],
  observe: ["core", "capture"],
  openai: ["core", "observe"],
  interop: ["core", "observe", "openai"],
  sinks: ["core", "semconv"],
  pipeline: ["core", "sinks/sink"],
  policy: ["core", "capture", "sinks/sink", "sinks/wrap-sink"],
  monitors: [
    "core",
    "semconv",
    "sinks/sink",
    "sinks/lines",
    "sinks/text-stream",
    "sinks/console-text",
    "sinks/endpoint",
    "sinks/otlp/metrics-store",
    "pipeline/backoff",
    "pipeline/exit",
    "pipeline/losses",
    "pipeline/signals",
  ],
  formats: [
    "core",
    "semconv",
    "sinks/rotation",
    "sinks/read-records",
    "sinks/otlp/protobuf-fields",
    "sinks/otlp/is-time",
    "collector/api",
  ],
  collector: ["core", "formats", "pricing", "sinks", "monitors", "store"],
  // From the last two types only: it runs in a browser.
  viewer: ["core", "store", "collector/api", "monitors/index"],
  spool: ["core", "pipeline", "sinks/sink", "sinks/wrap-sink", "sinks/options"],
  cli: [
    "core",
    "capture",
    "environment",
    "sinks",
    "pipeline",
    "spool",
    "pricing",
    "openai/findings/findings",
    "monitors",
    "formats",
    "store",
    "collector",
  ],
  // The roots of src/ put the areas together.
  environment: ["core", "capture", "sinks", "spool"],
  options: ["core", "capture", "pipeline", "pricing", "sinks", "openai/findings/options"],
  configure: ["options", "environment", "core", "capture", "observe", "pipeline", "pricing", "sinks", "monitors"],
  "flush-after": ["configure", "core"],
  index: [
    "configure",
    "options",
    "flush-after",
    "core",
    "capture",
    "observe",
    "pipeline",
    "policy",
    "pricing",
    "sinks",
    "spool",
    "monitors",
    "openai",
  ],
};
const TOP = ["cli", "viewer", "testing"];
/** The optional peer that files of a subpath of its own load: who imports that subpath has it, or it is bundled. */
const LOADED_PEERS: Record<string, string> = {
  "pricing/price-library": "@pydantic/genai-prices",
  "interop/opentelemetry": "@opentelemetry/api",
  "monitors/prometheus": "prom-client",
  "monitors/quality/markdown": "marked",
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const root = new URL("..", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => /\.tsx?$/.test(file))
  .sort();
const sources = new Map(files.map((file) => [file, readFileSync(join(root, "src", file), "utf8")]));
const imports = files.flatMap((file) => importsOf(file, sources.get(file)!));

/** `from "…"`, `import "…"`, `import("…")`, `require("…")` outside comments. `import { type X }` loads its module. */
function importsOf(file: string, source: string): Import[] {
  // What the viewer shows may be a program.
  const shown = areaOf(file) === "viewer" ? source.replace(/`[^`]*`/g, "``") : source;
  const code = withoutComments(shown);
  const statements = code.matchAll(/^(?:import|export)\b(?<type>\s+type\b)?[^;"'`]*?\bfrom\s*["'](?<to>[^"']+)["']/gm);
  const calls = code.matchAll(/\b(?:import|require)\s*\(\s*["'](?<to>[^"']+)["']|^import\s*["'](?<bare>[^"']+)["']/gm);
  return [
    ...[...statements].map(({ groups }) => ({
      from: file,
      to: groups!["to"]!,
      typeOnly: groups!["type"] !== undefined,
    })),
    ...[...calls].map(({ groups }) => ({ from: file, to: (groups!["to"] ?? groups!["bare"])!, typeOnly: false })),
  ].map((found) => ({ ...found, to: found.to.startsWith(".") ? join(file, "..", found.to) : found.to }));
}

function withoutComments(source: string): string {
  return source.replace(/^\s*\/\*[\s\S]*?\*\//gm, "").replace(/^\s*\/\/.*$/gm, "");
}

/** A file of src/, not a package. */
function isOurs({ to }: Import): boolean {
  return /\.tsx?$/.test(to);
}

/** `core/span.ts` → `core`; `index.ts` → `index`. */
function areaOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/")) : file.replace(/\.tsx?$/, "");
}

function wrongArrows(found: readonly Import[]): string[] {
  return found.filter((arrow) => isOurs(arrow) && !isAllowed(arrow)).map(({ from, to }) => `${from} → ${to}`);
}

function isAllowed({ from, to }: Import): boolean {
  const [source, target] = [areaOf(from), areaOf(to)];
  if (source === target) return true;
  if (TOP.includes(target)) return false;
  if (source === "testing") return true;
  const allowed = DIRECTIONS[source] ?? [];
  return allowed.includes(target) || allowed.includes(to.replace(/\.tsx?$/, ""));
}

/** Cycles among what is loaded at run time; a type import loads nothing. */
function cycles(found: readonly Import[]): string[] {
  const targets = new Map<string, string[]>();
  for (const { from, to, typeOnly } of found) {
    if (!typeOnly) targets.set(from, [...(targets.get(from) ?? []), to]);
  }
  const done = new Set<string>();
  const closed: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) closed.push([...path.slice(path.indexOf(file)), file].join(" → "));
    if (path.includes(file) || done.has(file)) return;
    for (const next of targets.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return closed;
}

test("every relative import names a file of src/", () => {
  assert.deepEqual(
    imports.filter((found) => isOurs(found) && !sources.has(found.to)),
    [],
  );
  assert.ok(imports.length > files.length, `${imports.length} imports in ${files.length} files`);
});

test("every file of src/ lives in a known area", () => {
  const known = [...Object.keys(DIRECTIONS), ...TOP];
  assert.deepEqual(
    files.filter((file) => !known.includes(areaOf(file))),
    [],
  );
});

test("imports point the way DESIGN says", () => {
  assert.deepEqual(wrongArrows(imports), []);
});

test("no cycles", () => {
  assert.deepEqual(cycles(imports), []);
});

test("packages: dependencies at run time, optional peers as types or behind their subpath, what the command line and the viewer use bundled into them", () => {
  const dependencies = Object.keys(manifest.dependencies);
  const bundled = Object.keys(manifest.devDependencies);
  const peers = Object.keys(manifest.peerDependencies);
  const wrong = imports.filter((found) => {
    if (isOurs(found) || found.to.startsWith("node:")) return false;
    const name = found.to
      .split("/")
      .slice(0, found.to.startsWith("@") ? 2 : 1)
      .join("/");
    if (["cli", "viewer"].includes(areaOf(found.from)) && bundled.includes(name)) return false;
    if (areaOf(found.from) === "viewer" && found.to.endsWith(".css")) return false;
    if (Object.entries(LOADED_PEERS).some(([start, peer]) => found.from.startsWith(start) && peer === name))
      return false;
    return !dependencies.includes(name) && !(found.typeOnly && peers.includes(name));
  });
  assert.deepEqual(wrong, []);
});

test("no decorators and only erasable syntax in src/", () => {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
  assert.equal(compilerOptions.erasableSyntaxOnly, true, "tsc refuses enums, namespaces and parameter properties");
  assert.equal(compilerOptions.experimentalDecorators, undefined);
  const decorated = files.filter((file) => /^\s*@\w/m.test(withoutComments(sources.get(file)!)));
  assert.deepEqual(decorated, []);
});

test("this test would see a wrong arrow, a cycle and every form of import", () => {
  const arrow = (from: string, to: string, typeOnly = false): Import => ({ from, to, typeOnly });
  const wrong = [
    arrow("core/x.ts", "sinks/sink.ts", true),
    arrow("capture/x.ts", "observe/observe.ts"),
    arrow("pipeline/x.ts", "sinks/console.ts"),
    arrow("observe/x.ts", "testing/index.ts"),
    arrow("index.ts", "testing/index.ts"),
    arrow("sinks/x.ts", "configure.ts"),
  ];
  assert.equal(wrongArrows(wrong).length, wrong.length);
  assert.deepEqual(wrongArrows([arrow("pipeline/x.ts", "sinks/sink.ts"), arrow("testing/x.ts", "index.ts")]), []);

  assert.deepEqual(cycles([arrow("a", "b"), arrow("b", "c"), arrow("c", "b")]), ["b → c → b"]);
  assert.deepEqual(cycles([arrow("a", "b"), arrow("b", "a", true)]), []);

  const source = `
import type { A } from "./a.ts";
import { type B } from "./b.ts";
import {
  type D,
  e,
} from "./c.ts";
import F, { type G } from "./d.ts";
export type * from "./e.ts";
import "./f.ts";
const g = await import("./g.ts");
// import { h } from "./h.ts";
`;
  assert.deepEqual(
    importsOf("core/x.ts", source).map(({ to, typeOnly }) => [to, typeOnly]),
    [
      ["core/a.ts", true],
      ["core/b.ts", false],
      ["core/c.ts", false],
      ["core/d.ts", false],
      ["core/e.ts", true],
      ["core/f.ts", false],
      ["core/g.ts", false],
    ],
  );
});

/** The package as npm would publish it. Reads `dist/`: `npm test` builds first. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { published } from "../scripts/published-manifest.js";

const root = new URL("..", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
const subpaths = Object.keys(manifest.exports).map((path) => path.replace(".", "sightline"));
const modules = subpaths.filter((path) => !path.endsWith(".json"));

/** Runs a module in a fresh process, without the source condition: it sees what a user's program sees. */
function asUser(code: string): any {
  const { NODE_OPTIONS: _, SIGHTLINE_SINK: __, ...env } = process.env;
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", code];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, env, encoding: "utf8" }));
}

const [{ files, unpackedSize }] = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: root, encoding: "utf8" }),
);
const packed: string[] = files.map((file: { path: string }) => file.path);

test("dist/ has been built", () => {
  assert.ok(existsSync(join(root, "dist/index.js")), "npm run build");
});

test("npm pack holds only what users need", () => {
  const wanted =
    /^(dist\/.+\.(js|d\.ts)|dist\/viewer\/[\w.-]+\.(html|css)|dist\/third-party-licenses\.txt|docs\/.+\.md|(README|CHANGELOG)\.md|LICENSE|package\.json)$/;
  assert.deepEqual(
    packed.filter((path) => !wanted.test(path)),
    [],
  );
  for (const path of [
    "dist/viewer/index.html",
    "dist/store/sqlite/worker.js",
    "README.md",
    "docs/openai.md",
    "CHANGELOG.md",
    "LICENSE",
  ])
    assert.ok(packed.includes(path), path);
});

test("package.json is put back as it was, also when packing was interrupted before", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "manifest-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => join(folder, name);
  cpSync(join(root, "scripts/published-manifest.js"), at("scripts/published-manifest.js"));
  cpSync(join(root, "package.json"), at("package.json"));
  const run = (...args: string[]) => execFileSync(process.execPath, [at("scripts/published-manifest.js"), ...args]);
  run();
  run();
  assert.equal(JSON.parse(readFileSync(at("package.json"), "utf8")).scripts, undefined);
  run("--restore");
  assert.equal(readFileSync(at("package.json"), "utf8"), readFileSync(join(root, "package.json"), "utf8"));
  assert.ok(!existsSync(at("package.json.kept")));
});

test("what is published names no source, and only files that npm pack holds", () => {
  const { exports, sideEffects, bin, ...rest } = published(manifest);
  const named = Object.values<any>(exports).flatMap((entry) =>
    typeof entry === "string" ? [entry] : Object.values<string>(entry),
  );
  assert.ok(named.length > 40);
  assert.deepEqual(
    [...named, ...Object.values<string>(bin).map((path) => `./${path}`)].filter(
      (path) => !packed.includes(path.slice(2)),
    ),
    [],
  );
  assert.doesNotMatch(JSON.stringify([exports, sideEffects, bin, rest]), /\bsrc\b|@sightline\/source/);
});

test("every subpath resolves, and require() gives the instance that import() gives", () => {
  const same = asUser(`
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    const same = {};
    for (const path of ${JSON.stringify(modules)}) same[path] = require(path) === (await import(path));
    console.log(JSON.stringify(same));
  `);
  assert.deepEqual(same, Object.fromEntries(modules.map((path) => [path, true])));
  assert.equal(createRequire(join(root, "x.js"))("sightline/package.json").name, "sightline");
});

test("subpaths share one copy of the core", () => {
  const shared = asUser(`
    const one = await import("sightline");
    const all = await Promise.all(${JSON.stringify(modules)}.map((path) => import(path)));
    const differing = all.flatMap((each) => Object.keys(each).filter((name) => name in one && each[name] !== one[name]));
    console.log(JSON.stringify(differing));
  `);
  assert.deepEqual(shared, []);
});

test("the build exports what the source exports", async () => {
  for (const path of modules) {
    const built = asUser(`console.log(JSON.stringify(Object.keys(await import("${path}"))));`);
    assert.deepEqual(built, Object.keys(await import(path)), path);
  }
});

test("the build's errors keep their names", () => {
  const names = asUser(`
    const { ConfigError, ObserveError, SinkError } = await import("sightline");
    const errors = [new ConfigError("C", "m"), new ObserveError("C", "m"), new SinkError("m", { retry: "never" })];
    console.log(JSON.stringify(errors.map((error) => error.name)));
  `);
  assert.deepEqual(names, ["ConfigError", "ObserveError", "SinkError"]);
});

test("importing touches no lazily loaded part of Node: fetch, streams of the web, crypto, compression, HTTP", () => {
  const loaded: string[] = asUser(`
    const before = new Set(process.moduleLoadList);
    await import("sightline");
    console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name))));
  `);
  const heavy = /\b(undici|webstreams|crypto|zlib|https?|http2|tls|child_process|inspector)\b/;
  assert.deepEqual(
    loaded.filter((name) => heavy.test(name)),
    [],
  );
});

test("what import loads makes no module of Node's own ones", () => {
  const main = readFileSync(join(root, "dist/index.js"), "utf8").match(/chunks\/chunk-\w+\.js/)![0];
  assert.doesNotMatch(readFileSync(join(root, "dist", main), "utf8"), /from\s*"node:/);
});

test("the sinks that the environment names are loaded from the package, by the first write", () => {
  const seen = asUser(`
    const { createServer } = await import("node:http");
    const paths = [];
    const server = createServer((request, response) => {
      paths.push(request.url);
      request.resume().on("end", () => response.end());
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = "http://127.0.0.1:" + server.address().port;
    Object.assign(process.env, {
      SIGHTLINE_SINK: "otlp,langfuse," + url + "/v1/records",
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      LANGFUSE_BASE_URL: url,
      LANGFUSE_PUBLIC_KEY: "pk-lf-1",
      LANGFUSE_SECRET_KEY: "sk-lf-1",
    });
    const { flush, shutdown, startSpan } = await import("sightline");
    startSpan("root").end();
    const { ok } = await flush();
    await shutdown();
    server.close();
    console.log(JSON.stringify({ ok, paths: paths.sort() }));
  `);
  assert.deepEqual(seen, { ok: true, paths: ["/api/public/otel/v1/traces", "/v1/records", "/v1/traces"] });
});

test("installing brings at most three packages and 3 MB", () => {
  const brought = Object.entries<any>(lock.packages)
    .filter(([path, entry]) => path !== "" && !entry.dev && !entry.peer && !entry.optional && !entry.devOptional)
    .map(([path]) => path);
  assert.ok(brought.length >= 1 && brought.length <= 2, brought.join(", "));
  const others = brought.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map(
      (file) => statSync(join(root, folder, file)).size,
    ),
  );
  const bytes = others.reduce((sum, size) => sum + size, unpackedSize);
  assert.ok(bytes < 3_000_000, `${bytes} bytes`);
});

test("prices come with the package", () => {
  const { cost, read } = asUser(`
    const { createRequire, default: Module } = await import("node:module");
    const resolve = Module._resolveFilename;
    Module._resolveFilename = (request, ...rest) => {
      if (request.startsWith("@pydantic/")) throw new Error("not installed");
      return resolve(request, ...rest);
    };
    const { genaiPrices } = await import("sightline");
    const call = { provider: "openai", model: "gpt-4o", usage: { inputTokens: 1_000_000, outputTokens: 0 }, at: 1_767_225_600_000 };
    const cost = genaiPrices().price(call);
    const library = await import("sightline/genai-prices");
    const read = genaiPrices(library).price(call);
    console.log(JSON.stringify({ cost, read }));
  `);
  assert.equal(cost.input, 2.5);
  assert.deepEqual(read, cost);
});

test("the prices that come with the package are the library's, for every model", async () => {
  const library = await import("@pydantic/genai-prices");
  const providers = await library.waitForUpdate();
  const calls = providers!.flatMap(({ id, models }) => models.map((model) => [id, model.id] as const));
  assert.ok(calls.length > 1_000);
  const ask = `(library) => calls.map(([providerId, model]) => {
    const usage = { input_tokens: 300_000, output_tokens: 1_000, cache_read_tokens: 100 };
    const timestamp = new Date("2026-01-01T12:00:00Z");
    try {
      const found = library.calcPrice(usage, model, { providerId, timestamp });
      return found && [found.provider.id, found.model.id, found.input_price, found.output_price, found.model_price];
    } catch (error) {
      return error.message;
    }
  })`;
  const asked = asUser(`
    const calls = ${JSON.stringify(calls)};
    console.log(JSON.stringify((${ask})(await import("sightline/genai-prices"))));
  `);
  const expected = new Function("calls", "library", `return (${ask})(library)`)(calls, library);
  assert.deepEqual(asked, JSON.parse(JSON.stringify(expected)));
});

test("the lock file names no registry", () => {
  const entries = Object.values<any>(lock.packages);
  assert.equal(entries.filter((entry) => entry.resolved !== undefined).length, 0);
});

test("SIGHTLINE_SINK=otlp-file:… a program that ends at once has written, without a warning", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-package-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "t.jsonl");
  const { NODE_OPTIONS: _, ...env } = process.env;
  for (const [status, end] of [
    [0, "process.exit(0)"],
    [1, 'throw "uncaught"'],
  ] as const) {
    const code = `import { observe } from "sightline"; observe("job", () => 1)(); ${end};`;
    const { stderr, ...ended } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
      cwd: root,
      env: { ...env, SIGHTLINE_SINK: `otlp-file:${path}` },
      encoding: "utf8",
    });
    assert.equal(ended.status, status);
    assert.doesNotMatch(stderr, /sightline:|Warning/);
  }
  assert.equal(readFileSync(path, "utf8").match(/"name":"job"/g)?.length, 2);
});

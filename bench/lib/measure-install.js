import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const root = new URL("../../", import.meta.url).pathname;
const PEERS = {
  otel: [
    "@opentelemetry/api",
    "@opentelemetry/context-async-hooks",
    "@opentelemetry/sdk-trace-base",
    "@opentelemetry/exporter-trace-otlp-http",
  ],
  langfuse: ["@langfuse/tracing", "@langfuse/otel", "@opentelemetry/api", "@opentelemetry/sdk-trace-base"],
  langsmith: ["langsmith"],
};

/**
 * What a user gets: packages and MiB with all that they depend on, our own as `npm pack` makes it; for us also
 * `import … from "sightline"` minified and gzipped, without its dependencies: whole, and of a program that has
 * `configure`, `observe`, `fileSink`.
 */
export async function measureInstall(name) {
  if (name !== "sightline") return sizeOf(join(root, "bench/peers/node_modules"), PEERS[name]);
  const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const others = sizeOf(join(root, "node_modules"), Object.keys(dependencies));
  const args = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [{ unpackedSize }] = Object.values(JSON.parse(spawnSync("npm", args, { cwd: root, encoding: "utf8" }).stdout));
  const names = "configure, observe, fileSink";
  return {
    packages: others.packages + 1,
    size: others.size + unpackedSize / 2 ** 20,
    whole: await gzipped('export * from "sightline";'),
    core: await gzipped(`export { ${names} } from "sightline";`),
  };
}

function sizeOf(modules, names) {
  const seen = new Set();
  const add = (name) => {
    const folder = join(modules, name);
    if (seen.has(folder) || !existsSync(folder)) return;
    seen.add(folder);
    const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const needed = Object.keys(about.peerDependencies ?? {}).filter(
      (each) => !about.peerDependenciesMeta?.[each]?.optional,
    );
    for (const each of [...Object.keys(about.dependencies ?? {}), ...needed]) add(each);
  };
  for (const name of names) add(name);
  const bytes = [...seen].flatMap((folder) => files(folder).map((file) => statSync(file).size));
  return { packages: seen.size, size: bytes.reduce((sum, each) => sum + each, 0) / 2 ** 20 };
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return files(path);
    return entry.isFile() ? [path] : [];
  });
}

/** KiB of a bundle, minified and gzipped. */
async function gzipped(contents) {
  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "node",
    external: ["uuid", "@pydantic/genai-prices", "../store/*"],
    logLevel: "silent",
  });
  return gzipSync(outputFiles[0].contents).length / 1_024;
}

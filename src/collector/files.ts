import { type Dirent, readdirSync, readFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Answer } from "./answer.ts";

/** The viewer's files by the path under which they are asked for. */
export type Files = ReadonlyMap<string, Answer & { readonly body: Buffer }>;

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".json": "application/json; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
};

/** `dist/viewer`, from `dist/` and from the sources. */
export function viewerDirectory(): string {
  const up = import.meta.url.endsWith(".ts") ? "../../dist/viewer/" : "../viewer/";
  return fileURLToPath(new URL(up, import.meta.url));
}

/**
 * Reads a directory once. What is asked for is looked up among these names: no address ever becomes a path. Links are left
 * out, and so is what has no type that a browser needs.
 */
export function readFiles(directory: string): Files {
  const files = new Map<string, Answer & { readonly body: Buffer }>();
  for (const path of pathsBelow(directory)) {
    const type = TYPES[extname(path)];
    if (type === undefined) continue;
    const name = `/${relative(directory, path).split(sep).join("/")}`;
    const answer = { status: 200, headers: { "content-type": type }, body: readFileSync(path) };
    files.set(name, answer);
    if (name === "/index.html") files.set("/", answer);
  }
  return files;
}

/** The same, compressed once and for all. */
export function zipped(files: Files): Files {
  const best = new Map<Buffer, Buffer>();
  const zip = (body: Buffer): Buffer => {
    const known = best.get(body) ?? gzipSync(body, { level: 9 });
    best.set(body, known);
    return known;
  };
  return new Map(
    [...files].map(([name, { status, headers, body }]) => {
      return [name, { status, headers: { ...headers, "content-encoding": "gzip" }, body: zip(body) }];
    }),
  );
}

/** Paths of the files below, links left out: newer versions of Node follow them by themselves in a recursive listing. */
function pathsBelow(directory: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return pathsBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

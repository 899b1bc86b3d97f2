import { basename, dirname, extname, join } from "node:path";

/** Where a full `traces.ndjson` goes: `traces-20261121T101500123Z-4711-0.ndjson`; in names, the oldest comes first. */
export function rotatedPath(path: string, epochMs: number, n: number): string {
  const stamp = new Date(epochMs).toISOString().replace(/[-:.]/g, "");
  return join(dirname(path), `${stem(path)}-${stamp}-${process.pid}-${n}${extname(path)}`);
}

/** The rotated files of `path`, oldest first. */
export function rotatedSiblings(path: string): string[] {
  const prefix = `${stem(path)}-`;
  const suffix = extname(path);
  return process
    .getBuiltinModule("node:fs")
    .readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
    .map((name) => ({
      name,
      mark: /^(\d{8}T\d{9}Z)-(\d+)-(\d+)$/.exec(name.slice(prefix.length, name.length - suffix.length)),
    }))
    .filter(({ mark }) => mark !== null)
    .sort((a, b) => (a.mark![1]! < b.mark![1]! ? -1 : a.mark![1]! > b.mark![1]! ? 1 : +a.mark![3]! - +b.mark![3]!))
    .map(({ name }) => join(dirname(path), name));
}

function stem(path: string): string {
  return basename(path, extname(path));
}

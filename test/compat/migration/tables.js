import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const PAGES = new URL("../../../docs/migration/", import.meta.url);

/** The rows of all tables of a page of docs/migration: what stands in backticks in the first two cells of each. */
export function rowsOf(page) {
  const lines = readFileSync(new URL(page, PAGES), "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("| `")).map((line) => line.split(" | "));
  return rows.map(([theirs, ours]) => ({ theirs: codes(theirs), ours: codes(ours) }));
}

function codes(cell) {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code);
}

/** The names that a piece of code calls: `span.end`, `new RunTree`, `@observe` as `span.end`, `RunTree`, `observe`. */
export function calledIn(code) {
  return [...code.matchAll(/(?<![\w.])(?:new |@)?([A-Za-z_][\w.]*)\(/g)].map(([, name]) => name);
}

export function variablesIn(code) {
  return code.match(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g) ?? [];
}

/** What a dotted name is in a namespace. */
export function resolve(namespace, name) {
  return name.split(".").reduce((value, key) => value?.[key], namespace);
}

/** Whether a text stands in any file of a folder of code. */
export function isIn(folder, text) {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some((entry) => {
    if (!entry.isFile() || !/\.(?:[cm]?js|ts)$/.test(entry.name)) return false;
    return readFileSync(join(entry.parentPath, entry.name), "utf8").includes(text);
  });
}

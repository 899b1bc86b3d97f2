import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ConfigError } from "../core/errors.ts";
import type { TraceStore } from "../store/trace-store.ts";

export interface Source {
  readonly store: TraceStore;
  /** As it was named. */
  readonly name: string;
  /** The address of a running collector, to show what is there. */
  readonly url?: string;
  close(): Promise<void>;
}

export interface OpenSourceOptions {
  /** Whether somebody will ask in SQL. */
  readonly sql?: boolean;
  /** How long a statement may take. */
  readonly sqlTimeoutMs?: number | undefined;
  readonly token?: string | undefined;
  /** What is asked about: one that is not there is refused. */
  readonly project?: string | undefined;
}

/** What a word on the command line stands for. */
export type Spec =
  | { readonly kind: "files"; readonly paths: readonly string[] }
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "clickhouse"; readonly url: string }
  | { readonly kind: "collector"; readonly url: string };

const DEFAULT_PROJECT = "default";
const USUAL = [".traces", "traces.ndjson", "traces.db"];
const SQLITE_MAGIC = "SQLite format 3\0";

/**
 * Opens what is named to be asked about: files and directories of any form that is understood (read into a store that is
 * gone afterwards), the file of a SQLite store, ClickHouse, or a running collector. Nothing is written to any of them.
 *
 * @param words none: `.traces/`, `traces.ndjson` or `traces.db` of the working directory
 * @throws ConfigError for what is not there, and for several where one is meant
 */
export async function openSource(words: readonly string[], options: OpenSourceOptions = {}): Promise<Source> {
  const source = await opened(words, options);
  try {
    // A collector says so itself.
    if (source.url === undefined) await checkProject(source, options.project);
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

async function checkProject({ store, name }: Source, project: string | undefined): Promise<void> {
  if (project === undefined || project === DEFAULT_PROJECT) return;
  const { spans, scores, findings } = await store.stats({ project });
  if (spans + scores + findings > 0) return;
  const names = await projectsOf(store);
  if (names.includes(project)) return;
  const others = names.length === 0 ? `The usual one is ${DEFAULT_PROJECT}` : `It has ${names.join(", ")}`;
  throw new ConfigError("CLI_NO_PROJECT", `${name} has no project "${project}". ${others}.`);
}

/** As they stand in the store's tables; none where it cannot be asked. */
async function projectsOf(store: TraceStore): Promise<readonly string[]> {
  const [table, column] = store.name.startsWith("clickhouse:") ? ["revisions", "project"] : ["projects", "name"];
  try {
    const { rows } = await store.sql(`SELECT DISTINCT ${column} FROM ${table} WHERE ${column} <> '' ORDER BY 1`);
    return rows.map(([name]) => String(name));
  } catch {
    return [];
  }
}

async function opened(words: readonly string[], options: OpenSourceOptions): Promise<Source> {
  const spec = specOf(words.length === 0 ? [usualSource()] : words);
  if (spec.kind === "files") return (await import("./file-source.ts")).fileSource(spec.paths, options);
  if (spec.kind === "collector") {
    const { remoteStore } = await import("./remote-store.ts");
    const store = remoteStore(spec.url, options);
    const { origin } = new URL(spec.url);
    return { store, name: origin, url: origin, close: () => store.close() };
  }
  const store = await openStore(spec, { readOnly: true, sqlTimeoutMs: options.sqlTimeoutMs });
  return { store, name: store.name, close: () => store.close() };
}

/** @throws ConfigError for what is not there, and for several where one is meant */
export function specOf(words: readonly string[]): Spec {
  const specs = words.map(specOfWord);
  const [first] = specs;
  if (specs.length === 1) return first!;
  const other = specs.find(({ kind }) => kind !== "files");
  if (other === undefined)
    return { kind: "files", paths: specs.flatMap((spec) => ("paths" in spec ? spec.paths : [])) };
  const named = other.kind === "sqlite" ? other.path : "url" in other ? withoutSecrets(other.url) : "";
  throw new ConfigError(
    "CLI_ONE_SOURCE",
    `Several files can be read together, but a store or a collector (${named}) comes alone.`,
  );
}

function specOfWord(word: string): Spec {
  if (/^https?:\/\//i.test(word)) {
    if (!URL.canParse(word))
      throw new ConfigError("CLI_BAD_URL", `"${withoutSecrets(word)}" is no address of a collector.`);
    return { kind: "collector", url: word };
  }
  if (/^clickhouses?:\/\//i.test(word)) return { kind: "clickhouse", url: word };
  const [, scheme] = /^([a-z][a-z\d+.-]*):\/\//i.exec(word) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== "sqlite")
    throw new ConfigError(
      "CLI_BAD_URL",
      `${withoutSecrets(word)} is no address that is read: those of collectors begin with http:// or https://, those of stores with clickhouse:// or clickhouses://.`,
    );
  if (word.startsWith("sqlite:")) return { kind: "sqlite", path: word.slice("sqlite:".length) };
  if (isSqlite(word)) return { kind: "sqlite", path: word };
  return { kind: "files", paths: filesOf(word) };
}

/** The files of a pattern that no shell has expanded; else the path itself. */
function filesOf(word: string): readonly string[] {
  if (statSync(word, { throwIfNoEntry: false }) !== undefined) return [word];
  const pattern = basename(word);
  if (/[*?]/.test(pattern)) {
    const form = new RegExp(
      `^${pattern
        .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
        .replace(/\*/g, ".*")
        .replace(/\?/g, ".")}$`,
    );
    const found = entries(dirname(word)).filter((name) => form.test(name) && !name.startsWith("."));
    if (found.length > 0) return found.sort().map((name) => join(dirname(word), name));
  }
  // `traces.ndjson` may just have been rotated away.
  const rotated = entries(dirname(word)).some(
    (name) => name !== pattern && name.startsWith(pattern.replace(/\.[^.]*$/, "")),
  );
  if (rotated && /\.(?:nd)?jsonl?$/.test(word)) return [word];
  throw new ConfigError(
    "CLI_NO_SOURCE",
    `There is no ${word}. It takes files or directories with traces, a store (traces.db, clickhouse://…), or the address of a collector.`,
  );
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

export function isSqlite(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (!stats.isFile()) return false;
  if (stats.size < SQLITE_MAGIC.length) return /\.(?:db|sqlite3?)$/.test(path);
  const head = Buffer.alloc(SQLITE_MAGIC.length);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head.toString("latin1") === SQLITE_MAGIC;
}

/** @throws ConfigError that says how to make one */
export function usualSource(): string {
  const found = USUAL.find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  if (found !== undefined) return found;
  throw new ConfigError(
    "CLI_NO_SOURCE",
    "There is no .traces/, traces.ndjson or traces.db here. Name a file, or make one: SIGHTLINE_SINK=file:traces.ndjson node app.js",
  );
}

/**
 * A store that stays: `traces.db`, or `clickhouse://user:password@host:8123/database`.
 *
 * @throws StoreError, and ConfigError for what is no store
 */
export async function openStore(
  spec: Spec,
  { readOnly = false, sqlTimeoutMs }: { readonly readOnly?: boolean; readonly sqlTimeoutMs?: number | undefined } = {},
): Promise<TraceStore> {
  if (spec.kind === "sqlite") {
    if (statSync(spec.path, { throwIfNoEntry: false })?.isDirectory())
      throw new ConfigError(
        "CLI_NO_STORE",
        `${spec.path} is a directory; a store is the path of a SQLite file, such as ${join(spec.path, "traces.db")}.`,
      );
    const { sqliteStore } = await import("../store/sqlite/index.ts");
    return sqliteStore({
      path: spec.path,
      ...(readOnly && { readOnly }),
      ...(sqlTimeoutMs !== undefined && { sqlTimeoutMs }),
    });
  }
  if (spec.kind === "clickhouse") {
    const { clickHouseStore, clickHouseUrl } = await import("../store/clickhouse/index.ts");
    return clickHouseStore(clickHouseUrl(spec.url));
  }
  throw new ConfigError(
    "CLI_NO_STORE",
    "A store is the path of a SQLite file, such as traces.db, or clickhouse://<host>/<database>.",
  );
}

/** A store by its name where it may not be there yet: any path that is no address is a SQLite file. */
export function storeSpec(written: string): Spec {
  if (/^https?:\/\//i.test(written))
    throw new ConfigError(
      "CLI_NO_STORE",
      `${withoutSecrets(written)} is the address of a collector; a store is the path of a SQLite file, such as traces.db, or clickhouse://<host>/<database>.`,
    );
  if (/^clickhouses?:\/\//i.test(written)) return { kind: "clickhouse", url: written };
  return { kind: "sqlite", path: written.replace(/^sqlite:/, "") };
}

/** What follows may hold a password or a token. */
export function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//").replace(/[?#].*$/s, "");
}

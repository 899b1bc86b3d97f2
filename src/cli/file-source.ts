import { expand } from "../formats/files/expand.ts";
import { memoryStore } from "../store/memory-store.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { loadFiles } from "./load-files.ts";
import { remark } from "./output.ts";
import { progress, readingText } from "./progress.ts";
import { many } from "./quantities.ts";
import type { OpenSourceOptions, Source } from "./source.ts";

/** Up to here memory is quicker than a file on disk and a thread. */
const SMALL_BYTES = 16 * 1024 ** 2;

/** Files in a store that is gone afterwards, read in whole; how far it is, is shown meanwhile. */
export async function fileSource(
  paths: readonly string[],
  { sql = false, sqlTimeoutMs }: OpenSourceOptions,
): Promise<Source> {
  const name = paths.length === 1 ? paths[0]! : `${paths.length} files`;
  const store = await temporaryStore(paths, name, sql, sqlTimeoutMs);
  const bar = progress();
  const started = performance.now();
  try {
    const last = await loadFiles(store, paths, {
      onReading: (reading) => {
        const { bytes, totalBytes } = reading;
        bar.show({ share: totalBytes > 0 ? bytes / totalBytes : 1, text: readingText(reading, started) });
      },
    });
    bar.clear();
    if (last.damaged > 0) remark(`sightline: left out, as they hold no record: ${many(last.damaged, "line")}`);
    if (last.problem !== undefined) {
      // The answer is of what could be read.
      remark(`sightline: ${last.problem}`);
      process.exitCode = 1;
    }
  } catch (error) {
    bar.clear();
    await store.close();
    throw error;
  }
  return { store, name, close: () => store.close() };
}

async function temporaryStore(
  paths: readonly string[],
  name: string,
  sql: boolean,
  sqlTimeoutMs: number | undefined,
): Promise<TraceStore> {
  const files = expand(paths);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const isPlain = files.every(({ path }) => !/\.(?:gz|zst)$/.test(path));
  if (!sql && isPlain && bytes <= SMALL_BYTES) return memoryStore({ name });
  const { hasSqlite, sqliteStore } = await import("../store/sqlite/index.ts");
  if (sql || hasSqlite())
    return sqliteStore({ path: ":temporary:", ...(sqlTimeoutMs !== undefined && { sqlTimeoutMs }) });
  return memoryStore({ name });
}

import { existsSync } from "node:fs";
import type * as Module from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { StoreError } from "../store-error.ts";

const nodeModule: Pick<typeof Module, "createRequire"> = process.getBuiltinModule("node:module");

/** What a store's threads and processes run; from the sources, with what makes them run. */
export interface WorkerFile {
  readonly url: URL;
  /** The folder of `tsx`, for a file of TypeScript. */
  readonly tsx?: URL;
}

/** @throws StoreError where the package is not whole */
export function workerFile(): WorkerFile {
  const here = import.meta.url;
  if (!here.endsWith(".ts")) return { url: builtWorker(here) };
  const tsx = pathToFileURL(nodeModule.createRequire(here).resolve("tsx/package.json"));
  return { url: new URL("./worker.ts", here), tsx };
}

/** Built, this may be in `dist/chunks/`, in `dist/store/`, or in the one file of the command line. */
function builtWorker(here: string): URL {
  const places = ["../store/sqlite/worker.js", "./sqlite/worker.js", "./worker.js", "./store/sqlite/worker.js"];
  const found = places.map((place) => new URL(place, here)).find((url) => existsSync(fileURLToPath(url)));
  if (found) return found;
  throw new StoreError(
    "STORE_UNAVAILABLE",
    `The file of the store's thread, store/sqlite/worker.js, is not near ${here}.`,
  );
}

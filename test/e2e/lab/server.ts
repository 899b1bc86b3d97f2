import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { collector } from "../../../src/collector/index.ts";
import type { TraceRecord } from "../../../src/core/record.ts";
import { memoryStore } from "../../../src/store/index.ts";
import type { TraceStore } from "../../../src/store/trace-store.ts";

const BUILD = fileURLToPath(new URL("../../../scripts/build-viewer.js", import.meta.url));

export interface ViewerServer {
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  readonly store: TraceStore;
  /** Where the built viewer lies. */
  readonly assets: string;
  close(): Promise<void>;
}

/** The viewer built from the sources and a collector that serves it over a store in memory with these records. */
export async function viewerServer(records: readonly TraceRecord[]): Promise<ViewerServer> {
  const assets = await mkdtemp(join(tmpdir(), "sightline-viewer-"));
  await promisify(execFile)(process.execPath, [BUILD, assets]);
  const store = memoryStore();
  for (let i = 0; i < records.length; i += 10_000) await store.append(records.slice(i, i + 10_000));
  const server = await collector({ store, port: 0, assets, prices: false });
  return {
    url: server.url,
    store,
    assets,
    async close() {
      await server.close({ timeoutMs: 500 });
      await store.close();
      await rm(assets, { recursive: true, force: true });
    },
  };
}

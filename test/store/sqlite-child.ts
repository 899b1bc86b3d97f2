/**
 * Appends batches of 20 spans, a trace each, until it has made `batches` of them or is killed; writes the number of each
 * batch when it is acknowledged. With `isIdle` it makes one, asks for it, and leaves the store open.
 */
import { writeSync } from "node:fs";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { batch } from "./support/sqlite-batches.ts";

const { path, name, first, batches, isIdle } = JSON.parse(process.argv[2]!);
const store = sqliteStore({ path });
for (let n = first; n < first + batches; n++) {
  await store.append(batch(name, n));
  writeSync(1, `${n}\n`);
}
if (isIdle) writeSync(1, `${(await store.traces()).items.length} listed\n`);
else await store.close();

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "../../src/store/memory-store.ts";
import { type DriverName, hasSqlite } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { compareStores, storeContract } from "./contract.ts";

const DRIVERS: readonly DriverName[] = ["node:sqlite", "@photostructure/sqlite"];

for (const driver of DRIVERS) {
  if (!hasSqlite(driver)) {
    test(`sqliteStore on ${driver}`, (t) => t.skip(`this Node (${process.version}) has no ${driver}`));
    continue;
  }
  storeContract(`sqlite on ${driver}`, () => sqliteStore({ path: ":temporary:", thread: false, driver }));

  test(`${driver} answers as memory does`, async (t) => {
    const store = sqliteStore({ path: ":temporary:", thread: false, driver });
    t.after(() => store.close());
    const counts = await compareStores(memoryStore(), store, 1, { spans: 1_500, times: 0.3 });
    t.diagnostic(`figure: ${JSON.stringify(counts)}`);
    assert.ok(Object.values(counts).every((count) => count > 0));
  });
}

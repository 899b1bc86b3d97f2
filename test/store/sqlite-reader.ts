/** Lists what is in each of the stores it is given, or says why it cannot; as the user `READ_AS`, if there is one. */
import { writeSync } from "node:fs";
import type { DriverName } from "../../src/store/sqlite/driver.ts";
import { hasSqlite } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

const [driver, ...paths] = process.argv.slice(2) as [DriverName, ...string[]];
hasSqlite(driver);
const { READ_AS } = process.env;
if (READ_AS) process.setuid?.(Number(READ_AS));
for (const path of paths) {
  // Without threads: these would load files that this user may not read.
  const store = sqliteStore({ path, driver, readOnly: true, thread: false });
  try {
    const { items } = await store.traces();
    const { rows } = await store.sql("SELECT count(*) FROM spans");
    writeSync(1, `${rows[0]?.[0] === items.length ? items.length : "other"} listed\n`);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    writeSync(1, `${code} ${message}\n`);
  }
  await store.close();
}

/** Asks for what never ends, then for something else, closes while another endless one runs, and must then end by itself. */
import { writeSync } from "node:fs";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";

const ENDLESS = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
const say = (text: unknown) => writeSync(1, `${text}\n`);
const store = sqliteStore({ path: ":temporary:", sqlTimeoutMs: 300 });
await store.sql(ENDLESS).catch(({ code }) => say(code));
say((await store.sql("SELECT 1")).rows[0]?.[0]);
const last = sqliteStore({ path: ":temporary:" });
await last.revision();
const running = last.sql(ENDLESS).catch(({ code }) => say(code));
await new Promise((resolve) => setTimeout(resolve, 100));
await Promise.all([store.close(), last.close()]);
await running;
say("closed");

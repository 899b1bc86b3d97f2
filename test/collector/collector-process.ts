/** A collector over SQLite in a process of its own, to be killed: `collector-process.ts <file>`. Says its address. */
import { collector } from "../../src/collector/index.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";

const server = await collector({ store: sqliteStore({ path: process.argv[2]! }), port: 0, prices: false });
process.stdout.write(`${server.url}\n`);

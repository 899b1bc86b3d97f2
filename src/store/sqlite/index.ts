export { type DriverName, hasSqlite } from "./driver.ts";
export { type SqliteStoreOptions, sqliteStore } from "./sqlite-store.ts";

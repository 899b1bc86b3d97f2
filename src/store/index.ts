/** Where traces are kept and asked about: `sightline/store`. */
export { type MemoryStoreOptions, memoryStore } from "./memory-store.ts";
export { type SqliteStoreOptions, sqliteStore } from "./sqlite/index.ts";
export { StoreError, type StoreErrorCode } from "./store-error.ts";
export { type StoreSinkOptions, storeSink } from "./store-sink.ts";
export type * from "./trace-store.ts";

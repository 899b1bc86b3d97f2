/** Traces in ClickHouse: `sightline/sinks/clickhouse`. */
export { type ClickHouseSinkOptions, clickhouseSink } from "./clickhouse-sink.ts";
export { clickHouseStore } from "./clickhouse-store.ts";
export { type ClickHouseStoreOptions, clickHouseUrl } from "./options.ts";

import type { Sink } from "../../sinks/sink.ts";
import { type StoreSinkOptions, storeSink } from "../store-sink.ts";
import { clickHouseStore } from "./clickhouse-store.ts";
import type { ClickHouseStoreOptions } from "./options.ts";

export interface ClickHouseSinkOptions extends ClickHouseStoreOptions, Pick<StoreSinkOptions, "project"> {}

/**
 * Writes straight to ClickHouse, without a collector between.
 *
 * @throws ConfigError for an option that does not exist or makes no sense
 * @example
 * configure({ sinks: [clickhouseSink({ url: "http://db.example:8123", project: "tutor" })] });
 */
export function clickhouseSink(options: ClickHouseSinkOptions): Sink {
  const { project, ...store } = options;
  return storeSink(clickHouseStore(store), project === undefined ? {} : { project });
}

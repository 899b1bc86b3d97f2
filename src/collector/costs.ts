import type { SpanRecord, TraceRecord } from "../core/record.ts";
import { totalUsd } from "../core/usd.ts";
import { genaiPrices } from "../pricing/genai-prices.ts";
import { type Prices, priceBook } from "../pricing/price-book.ts";
import { recordPrices } from "../pricing/record-prices.ts";

/** Gives model calls that come with usage and without cost what they cost; the others stay the same objects. */
export type SetCosts = (records: readonly TraceRecord[]) => readonly TraceRecord[];

const MAX_LINE = 400;

export function setCosts(prices: Prices | false | undefined, log: (line: string) => void): SetCosts {
  if (prices === false) return (records) => records;
  const book = recordPrices(
    priceBook(prices ?? genaiPrices()),
    (text) => text,
    (line) => log(line.slice(0, MAX_LINE)),
  );
  // It takes as long as some requests: no first one has to wait for it.
  book.prepare?.();
  return (records) => {
    if (!records.some(needsCost)) return records;
    return records.map((record) => {
      if (!needsCost(record)) return record;
      const cost = book.costOf(record);
      return cost === undefined ? record : { ...record, cost };
    });
  };
}

/** Usage on other spans is that of the calls below them, once more. */
function needsCost(record: TraceRecord): record is SpanRecord {
  if (record.record !== "span" || record.usage === undefined) return false;
  return (record.type === "generation" || record.type === "embedding") && totalUsd(record.cost) === undefined;
}

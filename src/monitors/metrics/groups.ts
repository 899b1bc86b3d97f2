import { lastMsOf, newSeries, type Series } from "./series.ts";

/** What has no place of its own. A value that is called so is counted here too. */
export const OTHER = "other";
/** A group that has been still for so long gives its place to a new one, and with it the rest of its hour. */
export const IDLE_MS = 300_000;
/** Longer names are cut: they come from payloads. */
const MAX_NAME = 200;

/** The values of one dimension, with a series each. */
export interface Groups {
  /** The series of a value; that of `other` when there is no place. */
  of(value: string, nowMs: number): Series;
  find(value: string): Series | undefined;
  entries(): Iterable<[value: string, series: Series]>;
  /** No getter: of objects made with one, all but the first are dictionaries, and `of` is called four times a record. */
  size(): number;
}

export function newGroups(maxGroups: number, maxBins: number, startMs: number): Groups {
  const named = new Map<string, Series>();
  let other: Series | undefined;
  /** No group can have been still long enough before. */
  let freeFromMs = 0;
  /** As long as every value has had a place, a new one has never been there before. */
  let haveAllHadPlace = true;

  const free = (nowMs: number): boolean => {
    if (named.size < maxGroups) return true;
    haveAllHadPlace = false;
    if (nowMs < freeFromMs) return false;
    let stillest = "";
    let lastMs = Number.POSITIVE_INFINITY;
    for (const [value, series] of named) {
      if (lastMsOf(series) >= lastMs) continue;
      lastMs = lastMsOf(series);
      stillest = value;
    }
    freeFromMs = lastMs + IDLE_MS;
    return nowMs >= freeFromMs && named.delete(stillest);
  };

  return {
    of(value, nowMs) {
      const name = nameOf(value);
      const known = named.get(name);
      if (known !== undefined) return known;
      if (name === OTHER || !free(nowMs)) return (other ??= newSeries(maxBins, nowMs, startMs));
      const series = newSeries(maxBins, nowMs, haveAllHadPlace ? startMs : nowMs);
      named.set(name, series);
      return series;
    },
    find: (value) => (value === OTHER ? other : named.get(nameOf(value))),
    *entries() {
      yield* named;
      if (other !== undefined) yield [OTHER, other];
    },
    size: () => named.size + (other === undefined ? 0 : 1),
  };
}

/** A cut text would keep the whole one alive. */
export function nameOf(value: string): string {
  return value.length <= MAX_NAME ? value : Buffer.from(value.slice(0, MAX_NAME)).toString();
}

import type { Connection } from "./connection.ts";
import type { Segment } from "./word-book.ts";
import { bucketOf, placesIn } from "./word-bytes.ts";

/** Which spans have some words, each span all of them. Valid inside one `snapshot`. */
export interface WordSearch {
  /** Ids of spans, the latest first; also of spans that are gone. */
  spans(): Generator<number>;
  /** Whether a span of the trace has them. */
  hasTrace(trace: number): boolean;
  /** How many of the latest spans have them: from 0 to 1. */
  share(): number;
}

/** So many spans say what share of all has the words. */
const SAMPLE = 2_000;

/** @param wanted as `words()` gives them */
export function wordSearch({ prepare }: Connection, wanted: string): WordSearch {
  const words = wanted.split(" ").map((word) => Buffer.from(word));
  const segments = prepare("SELECT * FROM word_segments ORDER BY id DESC").all() as Segment[];
  const read = prepare("SELECT bytes FROM word_buckets WHERE id = ?");
  const known = new Map<Segment, ReadonlySet<number>>();

  /** Ascending. */
  function idsIn(segment: Segment): ReadonlySet<number> {
    let ids = known.get(segment);
    if (!ids) known.set(segment, (ids = new Set(look(segment))));
    return ids;
  }

  function look({ id, bits }: Segment): number[] {
    let found: number[] | undefined;
    for (const word of words) {
      const bucket = read.get(id + bucketOf(word, bits));
      const places = bucket ? placesIn(bucket.bytes, word) : [];
      const before: ReadonlySet<number> | undefined = found && new Set(found);
      found = before ? places.filter((place) => before.has(place)) : places;
      if (found.length === 0) return [];
    }
    return found!.map((place) => id + place);
  }

  return {
    *spans() {
      for (const segment of segments) yield* [...idsIn(segment)].reverse();
    },
    hasTrace(trace) {
      for (const { id } of prepare("SELECT id FROM span_rows WHERE trace = ?").all(trace)) {
        const segment = segments.find((one) => one.id <= id);
        if (segment && idsIn(segment).has(id)) return true;
      }
      return false;
    },
    share() {
      let [spans, having] = [0, 0];
      for (const segment of segments) {
        spans += segment.written;
        having += idsIn(segment).size;
        if (spans >= SAMPLE) break;
      }
      return spans === 0 ? 0 : having / spans;
    },
  };
}

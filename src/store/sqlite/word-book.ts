import type { Connection } from "./connection.ts";
import { bucketBits, bucketOf, bucketWriter, entriesOf } from "./word-bytes.ts";
import type { Posting } from "./word-collector.ts";

/** Segments of one size that become one. */
const MERGED = 8;
/** Spans from which on a segment is left as it is. */
const LARGE = 2_048;

/** A row of `word_segments`: the words of the spans whose ids are from `id` to `last`. */
export interface Segment {
  readonly id: number;
  readonly last: number;
  /** Spans when it was written, and how many of them are still there. */
  readonly written: number;
  readonly spans: number;
  /** It has `2 ** bits` buckets: rows of `word_buckets` from `id` on. */
  readonly bits: number;
}

/** The index of words. */
export interface WordBook {
  /** The words of spans whose ids are `first` and the place, to `last`. Later ones than any before. */
  put(first: number, last: number, spans: number, postings: readonly Posting[]): void;
  /** A span is gone. Its words go when half of its segment has. */
  take(id: number): void;
  flush(): void;
  forget(): void;
}

export function createWordBook({ prepare }: Connection): WordBook {
  let taken: number[] = [];

  function write(segment: Segment, buckets: Iterable<readonly [bucket: number, bytes: Uint8Array]>): void {
    const { id, last, written, spans, bits } = segment;
    prepare("INSERT INTO word_segments VALUES (?, ?, ?, ?, ?)").run(id, last, written, spans, bits);
    const insert = prepare("INSERT INTO word_buckets VALUES (?, ?)");
    for (const [bucket, bytes] of buckets) if (bytes.length > 0) insert.run(id + bucket, bytes);
  }

  function remove({ id, last }: Segment): void {
    prepare("DELETE FROM word_segments WHERE id = ?").run(id);
    prepare("DELETE FROM word_buckets WHERE id BETWEEN ? AND ?").run(id, last);
  }

  /** The segments as one, without what is gone. They follow each other. */
  function merge(segments: readonly Segment[]): void {
    const [first, last] = [segments[0]!, segments.at(-1)!];
    const spans = segments.reduce((sum, segment) => sum + segment.spans, 0);
    const bits = Math.max(bucketBits(spans), ...segments.map((segment) => segment.bits));
    const sources = segments.map((segment) => ({ ...segment, live: liveOf(segment) }));
    const read = prepare("SELECT bytes FROM word_buckets WHERE id = ?");
    const buckets: [number, Uint8Array][] = [];
    for (let bucket = 0; bucket < 2 ** bits; bucket++) {
      const places = new Map<string, number[]>();
      for (const { id, bits: own, live } of sources) {
        const stored = read.get(id + (bucket >> (bits - own)));
        for (const entry of stored ? entriesOf(stored.bytes) : []) {
          if (bucketOf(entry.word, bits) !== bucket) continue;
          const word = Buffer.from(entry.word).toString("latin1");
          const known = places.get(word) ?? [];
          for (const place of entry.places()) if (live?.has(id + place) ?? true) known.push(id + place - first.id);
          if (known.length > 0) places.set(word, known);
        }
      }
      const writer = bucketWriter();
      for (const [word, all] of places) {
        writer.add({ word: Buffer.from(word, "latin1"), places: Uint32Array.from(all) });
      }
      buckets.push([bucket, writer.bytes().slice()]);
    }
    for (const segment of segments) remove(segment);
    write({ id: first.id, last: last.last, written: spans, spans, bits }, buckets);
  }

  /** Undefined: all. */
  function liveOf({ id, last, written, spans }: Segment): Set<number> | undefined {
    if (spans === written) return undefined;
    const rows = prepare("SELECT id FROM span_rows WHERE id BETWEEN ? AND ?").all(id, last);
    return new Set(rows.map((row) => row.id));
  }

  /** Many small appends leave few segments: the last ones of about a size become one of the next size. */
  function mergeLast(): void {
    for (;;) {
      const last = prepare("SELECT * FROM word_segments ORDER BY id DESC LIMIT ?").all(MERGED) as Segment[];
      const sizes = last.map(sizeOf);
      if (last.length < MERGED || sizes.some((size) => size !== sizes[0] || size === sizeOf({ spans: LARGE }))) return;
      merge(last.reverse());
    }
  }

  return {
    put(first, last, spans, postings) {
      const bits = bucketBits(spans);
      const writers = Array.from({ length: 2 ** bits }, bucketWriter);
      for (const posting of postings) writers[bucketOf(posting.word, bits)]!.add(posting);
      const buckets = writers.map((writer, bucket) => [bucket, writer.bytes()] as const);
      write({ id: first, last, written: spans, spans, bits }, buckets);
      mergeLast();
    },
    take: (id) => void taken.push(id),
    flush() {
      const find = prepare("SELECT * FROM word_segments WHERE id <= ? ORDER BY id DESC LIMIT 1");
      taken.sort((a, b) => a - b);
      for (let i = 0; i < taken.length; ) {
        const segment: Segment = find.get(taken[i]!);
        const before = i;
        while (i < taken.length && taken[i]! <= segment.last) i++;
        const left = { ...segment, spans: segment.spans - (i - before) };
        if (left.spans === 0) remove(segment);
        else if (left.spans * 2 < left.written) merge([left]);
        else prepare("UPDATE word_segments SET spans = ? WHERE id = ?").run(left.spans, left.id);
      }
      taken = [];
    },
    forget() {
      taken = [];
    },
  };
}

/** Up to 7 spans 0, to 63 it is 1, to 511 2, to 2,047 3. */
function sizeOf({ spans }: Pick<Segment, "spans">): number {
  return spans >= LARGE ? 4 : Math.floor(Math.log(spans) / Math.log(MERGED));
}

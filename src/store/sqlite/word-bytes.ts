import type { Posting } from "./word-collector.ts";

/**
 * How words lie in the store: a segment has those of some spans, in buckets by their hash. A bucket is entry after entry:
 * the word's length, the word, in three bytes twice the length of its places (and one where they are bits), the places.
 * Other numbers are of seven bits a byte, the lowest first; a place is written as what it is more than the one before, or all as a bit each.
 */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Spans for each bucket: a word that is looked for costs a few kilobytes in a segment. */
const SPANS = 64;

/** As a power of two. */
export function bucketBits(spans: number): number {
  return Math.max(0, Math.ceil(Math.log2(spans / SPANS)));
}

export function bucketOf(word: Uint8Array, bits: number): number {
  if (bits === 0) return 0;
  let hash = FNV_BASIS;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word[i]!, FNV_PRIME);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> (32 - bits);
}

/** Of a number. */
const MOST_BYTES = 5;

/** Entries one after the other. */
export interface BucketWriter {
  add(posting: Posting): void;
  bytes(): Uint8Array;
}

export function bucketWriter(): BucketWriter {
  let bytes = new Uint8Array(16 * 1024);
  let end = 0;

  function number(value: number): void {
    while (value > 127) {
      bytes[end++] = (value & 127) | 128;
      value >>>= 7;
    }
    bytes[end++] = value;
  }

  return {
    add({ word, places }) {
      const count = places.length;
      const bits = (places[count - 1]! >>> 3) + 1;
      const room = end + word.length + 2 * MOST_BYTES + (bits < count ? bits : count * MOST_BYTES);
      if (room > bytes.length) {
        const larger = new Uint8Array(Math.max(room, bytes.length * 2));
        larger.set(bytes.subarray(0, end));
        bytes = larger;
      }
      number(word.length);
      for (let i = 0; i < word.length; i++) bytes[end++] = word[i]!;
      const begin = end + 3;
      end = begin;
      if (bits < count) {
        bytes.fill(0, begin, begin + bits);
        for (let i = 0; i < count; i++) bytes[begin + (places[i]! >>> 3)]! |= 1 << (places[i]! & 7);
        end += bits;
      } else {
        let last = 0;
        for (let i = 0; i < count; i++) {
          const more = places[i]! - last;
          last = places[i]!;
          if (more < 128) bytes[end++] = more;
          else number(more);
        }
      }
      const kind = (end - begin) * 2 + (bits < count ? 1 : 0);
      bytes[begin - 3] = kind & 255;
      bytes[begin - 2] = (kind >>> 8) & 255;
      bytes[begin - 1] = kind >>> 16;
    },
    bytes: () => bytes.subarray(0, end),
  };
}

/** All entries of a bucket; the places are read when they are asked for. */
export function* entriesOf(bucket: Uint8Array): Generator<{ readonly word: Uint8Array; places(): number[] }> {
  let at = 0;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bucket[at++]!;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bucket.length) {
    const wordEnd = number() + at;
    const word = bucket.subarray(at, wordEnd);
    at = wordEnd;
    const kind = bucket[at]! | (bucket[at + 1]! << 8) | (bucket[at + 2]! << 16);
    at += 3;
    const end = at + (kind >>> 1);
    const begin = at;
    const places = () => {
      const all: number[] = [];
      if (kind & 1) {
        for (let i = begin; i < end; i++) {
          for (let byte = bucket[i]!, bit = 0; byte > 0; byte >>>= 1, bit++) {
            if (byte & 1) all.push((i - begin) * 8 + bit);
          }
        }
        return all;
      }
      let last = 0;
      for (at = begin; at < end; ) all.push((last += number()));
      return all;
    };
    yield { word, places };
    at = end;
  }
}

/** The places of one word; none where it is not in the bucket. In a plain loop: a search goes through many words. */
export function placesIn(bucket: Uint8Array, word: Uint8Array): number[] {
  for (let at = 0; at < bucket.length; ) {
    const begin = at;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bucket[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    const end = at + length;
    const places = end + 3 + ((bucket[end]! | (bucket[end + 1]! << 8) | (bucket[end + 2]! << 16)) >>> 1);
    if (length === word.length && isAt(bucket, at, word)) {
      const [entry] = entriesOf(bucket.subarray(begin, places));
      return entry!.places();
    }
    at = places;
  }
  return [];
}

function isAt(bucket: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bucket[at + i] !== word[i]) return false;
  return true;
}

/**
 * Which spans have been counted, of the last `size`. A span that comes again later than that is counted again.
 *
 * Of several records of one span the first one that is counted stands: monitors offer final records only, so that is the
 * first record written after the span had ended, and what a later `seq` adds to it changes no figure.
 */
export interface IdWindow {
  /** True the first time. */
  add(traceId: string, spanId: string): boolean;
  /** Puts the hash of what will be added soon, `HASH` numbers, in `hashes` from `at` on. */
  prepare(traceId: string, spanId: string, hashes: Int32Array, at: number): void;
  /** As `add`, of what was prepared. */
  addPrepared(hashes: Int32Array, at: number): boolean;
  /** How many are remembered now; never more than `capacity`. */
  readonly size: number;
  readonly capacity: number;
  /** What it takes now. Grows by doubling up to 28 bytes for each id: 2.3 MB for 100,000. */
  readonly bytes: number;
}

/** Numbers of a prepared hash: its halves. */
export const HASH = 2;

/** At a thousand calls a second, what comes twice within a hundred seconds: a retried batch, a run recorded once more. */
const DEFAULT_SIZE = 100_000;
const FIRST_SIZE = 1_024;

/** Of an id in the ring: the halves of its hash, and how many came since the one before it in its chain. */
const LOW = 0;
const HIGH = 1;
const BACK = 2;
const FIELDS = 3;
/** Farther back than any window reaches. */
const NONE = 2 ** 30;

/**
 * Ids are kept as hashes of 64 bits, in a ring and in chains through it, each from its newest one back, as zlib finds what
 * it repeats: what has left the window ends its chain, so that nothing is ever taken out. No strings, so that nothing is
 * kept alive. Among a million spans the chance that any one is taken for another is 10⁻⁸.
 *
 * @example
 * const { idWindow } = await import("../../src/monitors/id-window.ts");
 * const counted = idWindow();
 * const isFirst = counted.add("0193489c5a7e7c3e9f2e4d7a1b2c3d4e", "00f067aa0ba902b7"); // true
 */
export function idWindow(capacity: number = DEFAULT_SIZE): IdWindow {
  let room = Math.min(FIRST_SIZE, capacity);
  let ring = new Int32Array(FIELDS * room);
  /** The number of the newest of each chain. They begin with 1, and are compared to their last 32 bits. */
  let heads = newHeads(room);
  let mask = heads.length - 1;
  let size = 0;
  /** The number of the next one, and its place in the ring; the oldest is there when the ring is full. */
  let number = 1;
  let next = 0;

  /** How many came since the newest of a chain; more than `size` for none. */
  const sinceHead = (low: number): number => (number - heads[low & mask]!) >>> 0;

  const has = (low: number, high: number): boolean => {
    for (let since = sinceHead(low); since <= size; ) {
      const at = FIELDS * (since <= next ? next - since : next - since + room);
      if (ring[at + LOW] === low && ring[at + HIGH] === high) return true;
      since += ring[at + BACK]!;
    }
    return false;
  };

  const append = (low: number, high: number): void => {
    const since = sinceHead(low);
    const at = FIELDS * next;
    ring[at + LOW] = low;
    ring[at + HIGH] = high;
    ring[at + BACK] = since <= size ? since : NONE;
    heads[low & mask] = number;
    number = (number + 1) | 0;
    next = next + 1 === room ? 0 : next + 1;
    if (size < room) size++;
  };

  const grow = (): void => {
    const [old, count] = [ring, size];
    room = Math.min(2 * room, capacity);
    ring = new Int32Array(FIELDS * room);
    heads = newHeads(room);
    mask = heads.length - 1;
    [size, number, next] = [0, 1, 0];
    for (let at = 0; at < FIELDS * count; at += FIELDS) append(old[at + LOW]!, old[at + HIGH]!);
  };

  const addHash = (low: number, high: number): boolean => {
    if (has(low, high)) return false;
    if (size === room && room < capacity) grow();
    append(low, high);
    return true;
  };

  return {
    add(traceId, spanId) {
      hash(traceId, spanId);
      return addHash(low, high);
    },
    prepare(traceId, spanId, hashes, at) {
      hash(traceId, spanId);
      hashes[at] = low;
      hashes[at + 1] = high;
    },
    addPrepared: (hashes, at) => addHash(hashes[at]!, hashes[at + 1]!),
    get size() {
      return size;
    },
    capacity,
    get bytes() {
      return ring.byteLength + heads.byteLength;
    },
  };
}

/** A power of two, two to four for each id: most chains are empty, and a new id meets no other. */
function newHeads(room: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(room) + 1));
}

/** The two halves of the last hash: one pass over the ids makes both, and no object for them, as integers with a sign need none. */
let low = 0;
let high = 0;

/** Murmur3's mixing, in two lanes, two characters a step. Ids from elsewhere may be of any length, and no hexadecimal. */
function hash(traceId: string, spanId: string): void {
  low = 0x9e3779b9;
  high = 0x85ebca6b;
  mix(traceId);
  // So that it matters which of the two a character belongs to.
  low = Math.imul(low, 0x27d4eb2f);
  high = Math.imul(high, 0x165667b1);
  mix(spanId);
  low = finish(low);
  high = finish(high ^ low);
}

function mix(id: string): void {
  const { length } = id;
  let a = low ^ length;
  let b = high ^ length;
  for (let at = 0; at < length; at += 2) {
    // Behind the end there is NaN, which is zero to the bits.
    const two = id.charCodeAt(at) | (id.charCodeAt(at + 1) << 16);
    a = Math.imul((a << 13) | (a >>> 19), 5) ^ Math.imul(two, 0xcc9e2d51);
    b = Math.imul(b ^ two, 0x1b873593);
    b = (b << 15) | (b >>> 17);
  }
  low = a;
  high = b;
}

function finish(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/**
 * Which spans have been counted, of the last `size`. A span that comes again later than that is counted again.
 *
 * Of several records of one span the first one that is counted stands: monitors offer final records only, so that is the
 * first record written after the span had ended, and what a later `seq` adds to it changes no figure.
 */
export interface IdWindow {
  /** True the first time. */
  add(traceId: string, spanId: string): boolean;
  /** How many are remembered now; never more than `capacity`. */
  readonly size: number;
  readonly capacity: number;
  /** What it takes now. Grows by doubling up to 40 bytes for each id: 2.9 MB for 100,000. */
  readonly bytes: number;
}

/** At a thousand calls a second, what comes twice within a hundred seconds: a retried batch, a run recorded once more. */
const DEFAULT_SIZE = 100_000;
const FIRST_SIZE = 1_024;

/**
 * Ids are kept as hashes of 64 bits, in a table with open addressing and in a ring that says which is the oldest: no
 * strings, so that nothing is kept alive. Among a million spans the chance that any one is taken for another is 10⁻⁸.
 *
 * @example
 * const { idWindow } = await import("../../src/monitors/id-window.ts");
 * const counted = idWindow();
 * const isFirst = counted.add("0193489c5a7e7c3e9f2e4d7a1b2c3d4e", "00f067aa0ba902b7"); // true
 */
export function idWindow(capacity: number = DEFAULT_SIZE): IdWindow {
  let room = Math.min(FIRST_SIZE, capacity);
  let ring = new Int32Array(2 * room);
  let table = newTable(room);
  let mask = table.length / 2 - 1;
  let size = 0;
  /** Where the next one goes; the oldest is there when the ring is full. */
  let next = 0;

  /** The place of a hash, or the free one where it belongs. A free place is two zeros; `high` of a hash is never zero. */
  const find = (low: number, high: number): number => {
    let at = low & mask;
    while (table[2 * at + 1] !== 0 && (table[2 * at] !== low || table[2 * at + 1] !== high)) at = (at + 1) & mask;
    return at;
  };

  const put = (at: number, low: number, high: number): void => {
    table[2 * at] = low;
    table[2 * at + 1] = high;
  };

  /** Takes one out, and moves those behind it that would not be found any more. */
  const remove = (low: number, high: number): void => {
    let hole = find(low, high);
    for (let at = (hole + 1) & mask; table[2 * at + 1] !== 0; at = (at + 1) & mask) {
      const home = table[2 * at]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      put(hole, table[2 * at]!, table[2 * at + 1]!);
      hole = at;
    }
    put(hole, 0, 0);
  };

  const grow = (): void => {
    const old = ring;
    room = Math.min(2 * room, capacity);
    ring = new Int32Array(2 * room);
    ring.set(old);
    table = newTable(room);
    mask = table.length / 2 - 1;
    for (let i = 0; i < size; i++) put(find(old[2 * i]!, old[2 * i + 1]!), old[2 * i]!, old[2 * i + 1]!);
    next = size;
  };

  return {
    add(traceId, spanId) {
      hash(traceId, spanId);
      let at = find(low, high);
      if (table[2 * at + 1] !== 0) return false;
      if (size === room && room < capacity) {
        grow();
        at = find(low, high);
      }
      put(at, low, high);
      if (size === room) remove(ring[2 * next]!, ring[2 * next + 1]!);
      else size++;
      ring[2 * next] = low;
      ring[2 * next + 1] = high;
      next = next + 1 === room ? 0 : next + 1;
      return true;
    },
    get size() {
      return size;
    },
    capacity,
    get bytes() {
      return ring.byteLength + table.byteLength;
    },
  };
}

/** At most half full, and one: the newest goes in before the oldest goes out. */
function newTable(room: number): Int32Array {
  // Four at least: the oldest goes after the newest has come.
  let places = 4;
  while (places < 2 * room) places *= 2;
  return new Int32Array(2 * places);
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
  high = finish(high ^ low) || 1;
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

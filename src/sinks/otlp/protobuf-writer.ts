/**
 * Bytes of protobuf, filled from their end: by the time a length is written, what it counts is there. Nothing is measured
 * beforehand or moved afterwards.
 */
export interface Output {
  bytes: Buffer;
  /** Where the written part starts. */
  at: number;
}

const FIRST_SIZE = 64 * 1024;

export function createOutput(): Output {
  return { bytes: Buffer.allocUnsafe(FIRST_SIZE), at: FIRST_SIZE };
}

export function written({ bytes, at }: Output): Buffer {
  return bytes.subarray(at);
}

/** Bytes written so far. */
export function size({ bytes, at }: Output): number {
  return bytes.length - at;
}

/** Makes room for `size` bytes before what is written, and gives the offset at which they start. */
function reserve(out: Output, size: number): number {
  if (size > out.at) grow(out, size);
  out.at -= size;
  return out.at;
}

/** At least doubles, so that the copies add up to no more than what is written. */
function grow(out: Output, size: number): void {
  const used = out.bytes.length - out.at;
  const bytes = Buffer.allocUnsafe(Math.max(out.bytes.length * 2, used + size));
  out.bytes.copy(bytes, bytes.length - used, out.at);
  out.at = bytes.length - used;
  out.bytes = bytes;
}

/** Unsigned, up to 2^53. */
export function varint(out: Output, value: number): void {
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size++;
  let at = reserve(out, size);
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.bytes[at++] = (rest % 128) | 128;
  out.bytes[at] = rest;
}

/** Two's complement in ten bytes when it is negative. */
export function int64(out: Output, decimal: string): void {
  const value = Number(decimal);
  if (value >= 0 && Number.isSafeInteger(value)) {
    varint(out, value);
    return;
  }
  let rest = BigInt.asUintN(64, BigInt(decimal));
  const groups: number[] = [];
  for (; rest >= 128n; rest >>= 7n) groups.push(Number(rest & 127n) | 128);
  groups.push(Number(rest));
  const at = reserve(out, groups.length);
  out.bytes.set(groups, at);
}

/** Signed or not: the bits are the same. */
export function fixed64(out: Output, decimal: string): void {
  const at = reserve(out, 8);
  out.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(decimal)), at);
}

export function fixed32(out: Output, value: number): void {
  const at = reserve(out, 4);
  out.bytes.writeUInt32LE(value, at);
}

export function double(out: Output, value: number): void {
  const at = reserve(out, 8);
  out.bytes.writeDoubleLE(value, at);
}

/** UTF-8 with its length before it; lone surrogates become U+FFFD. */
export function string(out: Output, text: string): void {
  const size = Buffer.byteLength(text);
  const at = reserve(out, size);
  out.bytes.write(text, at, size);
  varint(out, size);
}

/**
 * The bytes of hex digits with their length before them.
 *
 * @throws TypeError for anything else
 */
export function hex(out: Output, digits: string): void {
  const size = digits.length / 2;
  const at = Number.isInteger(size) ? reserve(out, size) : -1;
  if (at < 0 || out.bytes.write(digits, at, size, "hex") !== size) throw new TypeError("an id is not of hex digits");
  varint(out, size);
}

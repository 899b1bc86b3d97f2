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
  if (value < 128) {
    const at = reserve(out, 1);
    out.bytes[at] = value;
    return;
  }
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

/** Nanoseconds since 1970 until 2286 have nine digits, and ten of seconds before. */
const TIME_DIGITS = 19;
const SECOND_DIGITS = 10;

/** The number that these digits are; NaN where one of them is none. */
function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Signed or not: the bits are the same. */
export function fixed64(out: Output, decimal: string): void {
  const seconds = decimal.length === TIME_DIGITS ? digits(decimal, 0, SECOND_DIGITS) : Number.NaN;
  const nanos = digits(decimal, SECOND_DIGITS, TIME_DIGITS);
  if (Number.isNaN(seconds + nanos)) {
    const at = reserve(out, 8);
    out.bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(decimal)), at);
    return;
  }
  // seconds * 1e9 + nanoseconds in two steps of 2^53 at most: a `BigInt` costs ten times as much.
  const low = (seconds % 0x10000) * 1e9 + nanos;
  const high = Math.floor(seconds / 0x10000) * 1e9;
  const sum = (high % 0x10000) * 0x10000 + low;
  fixed32(out, Math.floor(high / 0x10000) + Math.floor(sum / 0x100000000));
  fixed32(out, sum % 0x100000000);
}

export function fixed32(out: Output, value: number): void {
  const at = reserve(out, 4);
  const { bytes } = out;
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function double(out: Output, value: number): void {
  const at = reserve(out, 8);
  out.bytes.writeDoubleLE(value, at);
}

/** Below it, a call of `Buffer` costs more than a loop over the characters. */
const SHORT = 48;

/** UTF-8 with its length before it; lone surrogates become U+FFFD. */
export function string(out: Output, text: string): void {
  if (text.length < SHORT && ascii(out, text)) {
    varint(out, text.length);
    return;
  }
  const size = Buffer.byteLength(text);
  const at = reserve(out, size);
  out.bytes.write(text, at, size);
  varint(out, size);
}

/** False, and nothing is written, where a character is not ASCII. */
function ascii(out: Output, text: string): boolean {
  const at = reserve(out, text.length);
  const { bytes } = out;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 128) {
      out.at += text.length;
      return false;
    }
    bytes[at + i] = code;
  }
  return true;
}

/** By the code of a hex digit, what it stands for; else 255. */
const DIGITS = new Uint8Array(128).fill(255);
for (let i = 0; i < 16; i++) {
  DIGITS[i.toString(16).charCodeAt(0)] = DIGITS[i.toString(16).toUpperCase().charCodeAt(0)] = i;
}

/**
 * The bytes of hex digits with their length before them.
 *
 * @throws TypeError for anything else
 */
export function hex(out: Output, digits: string): void {
  const size = digits.length / 2;
  if (!Number.isInteger(size)) throw new TypeError("an id is not of hex digits");
  const at = reserve(out, size);
  const { bytes } = out;
  for (let i = 0; i < size; i++) {
    const high = DIGITS[digits.charCodeAt(2 * i)] ?? 255;
    const low = DIGITS[digits.charCodeAt(2 * i + 1)] ?? 255;
    if (high > 15 || low > 15) throw new TypeError("an id is not of hex digits");
    bytes[at + i] = high * 16 + low;
  }
  varint(out, size);
}

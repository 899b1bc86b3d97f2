/** Bytes that grow at their end. What is written of one size or another needs room for it first: `reserve`. */
export interface Bytes {
  buffer: Buffer;
  /** Of the same memory. */
  view: DataView;
  /** Where the next byte goes. */
  at: number;
}

/** Tag and length of what is length-delimited, below 2 GiB. */
export const MAX_HEAD_BYTES = 6;

export function createBytes(size: number): Bytes {
  const buffer = Buffer.allocUnsafeSlow(size);
  return { buffer, view: viewOf(buffer), at: 0 };
}

export function written({ buffer, at }: Bytes): Buffer {
  return buffer.subarray(0, at);
}

/** Makes room for `size` more bytes. */
export function reserve(out: Bytes, size: number): void {
  if (out.at + size <= out.buffer.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(out.buffer.length * 2, out.at + size));
  out.buffer.copy(larger, 0, 0, out.at);
  out.buffer = larger;
  out.view = viewOf(larger);
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** UTF-8; lone surrogates become U+FFFD. Reserves what it takes. */
export function writeText(out: Bytes, text: string): void {
  // A unit of UTF-16 takes three bytes at most.
  reserve(out, text.length * 3);
  writeString(out, text);
}

/** The same where there is room for it; says how many bytes it took. */
export function writeString(out: Bytes, text: string): number {
  const size = out.buffer.write(text, out.at);
  out.at += size;
  return size;
}

/** Reserves what it takes. */
export function writeBytes(out: Bytes, bytes: Uint8Array): void {
  reserve(out, bytes.length);
  out.buffer.set(bytes, out.at);
  out.at += bytes.length;
}

/** For some ten bytes, of which a call of `Buffer` costs more than a loop. */
export function copySmall(out: Bytes, bytes: Uint8Array): void {
  const { buffer, at } = out;
  for (let i = 0; i < bytes.length; i++) buffer[at + i] = bytes[i]!;
  out.at += bytes.length;
}

export function writeFixed32(out: Bytes, value: number): void {
  out.view.setUint32(out.at, value, true);
  out.at += 4;
}

export function writeFixed64(out: Bytes, value: bigint): void {
  out.view.setBigUint64(out.at, value, true);
  out.at += 8;
}

/** Tag and length of a field that is length-delimited: a message, a text. */
export function writeHead(out: Bytes, field: number, size: number): void {
  out.buffer[out.at++] = field * 8 + 2;
  writeVarint(out, size);
}

/** Unsigned, up to 2^53. */
export function writeVarint(out: Bytes, value: number): void {
  const { buffer } = out;
  let { at } = out;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) buffer[at++] = (rest % 128) | 128;
  buffer[at++] = rest;
  out.at = at;
}

export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** A field of its own: tag, length and bytes. */
export function lengthDelimited(field: number, bytes: Uint8Array): Buffer {
  const out = createBytes(MAX_HEAD_BYTES + bytes.length);
  writeHead(out, field, bytes.length);
  writeBytes(out, bytes);
  return written(out);
}

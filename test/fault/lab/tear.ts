/** Byte-exact damage. */
import { closeSync, fstatSync, openSync, readSync, truncateSync, writeSync } from "node:fs";

/** Cuts the file off behind its first `length` bytes, as a crash in the middle of a write does. */
export function tear(path: string, length: number): void {
  truncateSync(path, length);
}

/** Changes the bits of `mask` in the byte at `offset`. With 0xff, no ASCII byte stays UTF-8. */
export function flip(path: string, offset: number, mask = 0xff): void {
  patch(path, offset, (bytes) => (bytes[0]! ^= mask), 1);
}

/** Overwrites `length` bytes with zeros, as a power failure leaves blocks that were never written. */
export function zero(path: string, offset: number, length: number): void {
  patch(path, offset, (bytes) => bytes.fill(0), length);
}

function patch(path: string, offset: number, change: (bytes: Buffer) => void, length: number): void {
  const fd = openSync(path, "r+");
  try {
    const bytes = Buffer.alloc(Math.min(length, fstatSync(fd).size - offset));
    readSync(fd, bytes, 0, bytes.length, offset);
    change(bytes);
    writeSync(fd, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(fd);
  }
}

import type * as Fs from "node:fs";
import type * as Zlib from "node:zlib";

const fs: typeof Fs = process.getBuiltinModule("node:fs");
/** On first use: loading it costs a millisecond. */
const zlib = (): typeof Zlib => process.getBuiltinModule("node:zlib");

/** `<crc32> <length> `, each number as eight hex digits. */
const HEADER_BYTES = 18;
const NEWLINE = 10;
const SPACE = 32;

/** Longer ones are not written, and what claims to be longer is not believed. As `readRecords` has it. */
export const MAX_JSON_BYTES: number = 16 * 1024 ** 2;
/** What is read at once: some 2 ms of parsing. */
const WINDOW_BYTES = 256 * 1024;

/**
 * The line that holds a record: `<crc32> <length> <json>\n`. The checksum covers length and JSON, so a damaged length is
 * seen before it is believed; the length finds the next line although the newline between them is damaged.
 */
export function frame(json: string): string {
  const rest = `${hex(Buffer.byteLength(json))} ${json}`;
  return `${hex(zlib().crc32(rest))} ${rest}\n`;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** How far a segment has been read. */
export interface Cursor {
  offset: number;
  /** In the middle of a damaged line that is longer than a window. */
  isSkipping: boolean;
  /** What was read last was damaged. */
  isDamaged: boolean;
}

export interface Frames {
  /** The JSON of each whole record, and where its line ends. */
  readonly whole: { readonly json: Buffer; readonly end: number }[];
  /** Damaged lines. A stretch without the look of a line counts once, however many lines it destroyed. */
  damaged: number;
}

export function newCursor(offset = 0): Cursor {
  return { offset, isSkipping: false, isDamaged: false };
}

/**
 * Reads the next window that holds whole records, moves the cursor behind it and never further than `end`. Memory stays
 * at one window, or at the largest record.
 */
export async function readFrames(path: string, cursor: Cursor, end: number): Promise<Frames> {
  const file = await fs.promises.open(path, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
  const found: Frames = { whole: [], damaged: 0 };
  let window = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, end - cursor.offset));
  try {
    while (cursor.offset < end && found.whole.length === 0) {
      const asked = Math.min(window.length, end - cursor.offset);
      const { bytesRead } = await file.read(window, 0, asked, cursor.offset);
      const isShort = bytesRead < asked;
      const left = isShort ? bytesRead : end - cursor.offset;
      const { read, needed } = scan(window.subarray(0, bytesRead), left, cursor, found);
      if (read === 0 && !isShort) window = Buffer.allocUnsafe(needed);
      // Shorter than it was: the rest is no more.
      cursor.offset = isShort ? end : cursor.offset + read;
    }
    return found;
  } finally {
    await file.close();
  }
}

/** Every step moves on. `left`: bytes from here to the end of the segment, of which `bytes` are the first. */
function scan(bytes: Buffer, left: number, cursor: Cursor, found: Frames): { read: number; needed: number } {
  let at = 0;
  while (at < bytes.length) {
    if (cursor.isSkipping) {
      const newline = bytes.indexOf(NEWLINE, at);
      cursor.isSkipping = newline === -1;
      at = newline === -1 ? bytes.length : newline + 1;
      continue;
    }
    if (bytes[at] === NEWLINE) {
      at++;
      continue;
    }
    if (at + HEADER_BYTES > bytes.length && bytes.length < left) return { read: at, needed: WINDOW_BYTES };
    const length = lengthAt(bytes, at);
    const end = at + HEADER_BYTES + (length ?? 0);
    // One byte more: the newline decides where the next line begins.
    const needed = Math.min(end + 1, left);
    if (length !== undefined && end <= left) {
      if (needed > bytes.length) return { read: at, needed: needed - at };
      if (isWhole(bytes, at, end)) {
        const next = bytes[end] === NEWLINE || lengthAt(bytes, end) === undefined ? Math.min(end + 1, left) : end;
        found.whole.push({ json: bytes.subarray(at + HEADER_BYTES, end), end: cursor.offset + next });
        cursor.isDamaged = false;
        at = next;
        continue;
      }
    }
    if (!cursor.isDamaged || length !== undefined) found.damaged++;
    cursor.isDamaged = cursor.isSkipping = true;
  }
  return { read: at, needed: WINDOW_BYTES };
}

/** The length that the line beginning here states; `undefined` when it does not begin like a line. */
function lengthAt(bytes: Buffer, at: number): number | undefined {
  if (bytes[at + 8] !== SPACE || bytes[at + 17] !== SPACE) return undefined;
  if (hexAt(bytes, at) === undefined) return undefined;
  const length = hexAt(bytes, at + 9);
  return length !== undefined && length <= MAX_JSON_BYTES ? length : undefined;
}

function hexAt(bytes: Buffer, at: number): number | undefined {
  const digits = bytes.toString("latin1", at, at + 8);
  return /^[0-9a-f]{8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function isWhole(bytes: Buffer, at: number, end: number): boolean {
  return zlib().crc32(bytes.subarray(at + 9, end)) === hexAt(bytes, at);
}

/** The one record of a file that holds one; `undefined` when it is damaged in any way. */
export function unframe(bytes: Buffer): Buffer | undefined {
  const length = lengthAt(bytes, 0);
  if (length === undefined || HEADER_BYTES + length > bytes.length) return undefined;
  return isWhole(bytes, 0, HEADER_BYTES + length) ? bytes.subarray(HEADER_BYTES, HEADER_BYTES + length) : undefined;
}

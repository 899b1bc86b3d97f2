import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { Share } from "./budget.ts";
import type { Room } from "./reading-rooms.ts";
import type { SentBody } from "./receive-body.ts";
import { Refusal, tooLarge, tooMuch } from "./refusal.ts";

/**
 * The body in the room, inflated: good while nobody else is in it.
 *
 * @throws Refusal
 */
export async function inflate(
  { pieces, isZipped }: SentBody,
  room: Room,
  inflatedBytes: number,
  share: Share,
): Promise<Buffer> {
  let size = 0;
  const keep = (piece: Buffer): void => {
    if (size + piece.length > inflatedBytes) throw tooLarge(inflatedBytes, " when it is inflated");
    // What came is counted already.
    if (isZipped && !share.take(piece.length)) throw tooMuch();
    if (size + piece.length > room.bytes.length) room.bytes = larger(room.bytes, size, piece.length);
    size += piece.copy(room.bytes, size);
  };
  if (!isZipped) for (const piece of pieces) keep(piece);
  else {
    try {
      for await (const piece of Readable.from(pieces).pipe(createGunzip())) keep(piece);
    } catch (error) {
      throw error instanceof Refusal ? error : badGzip(error as NodeJS.ErrnoException);
    }
  }
  return room.bytes.subarray(0, size);
}

/** @param used bytes of it that are to be kept */
function larger(bytes: Buffer, used: number, more: number): Buffer {
  const next = Buffer.allocUnsafeSlow(Math.max(used + more, 2 * bytes.length));
  bytes.copy(next, 0, 0, used);
  return next;
}

function badGzip({ code }: NodeJS.ErrnoException): Refusal {
  const isCut = code === "Z_BUF_ERROR";
  const what = isCut ? "The body is cut: its gzip has no end." : "The body says it is gzip, and is not.";
  return new Refusal(400, "BAD_GZIP", what);
}

import type { IncomingMessage } from "node:http";
import type { Share } from "./budget.ts";
import { Refusal, tooLarge, tooMuch } from "./refusal.ts";

/** A body as it came. */
export interface SentBody {
  readonly pieces: readonly Buffer[];
  readonly isZipped: boolean;
}

/** The sender went away: there is nobody to answer. */
export class Gone extends Error {}

/** @throws Refusal, Gone */
export function receiveBody(request: IncomingMessage, bodyBytes: number, share: Share): Promise<SentBody> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const isZipped = encoding === "gzip";
  if (!isZipped && encoding !== "identity" && encoding !== "") {
    const headers = { "accept-encoding": "gzip" };
    throw new Refusal(415, "BAD_ENCODING", "The body must be plain or compressed with gzip.", headers);
  }
  if (Number(request.headers["content-length"] ?? 0) > bodyBytes) throw tooLarge(bodyBytes, "");
  const pieces: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      if (error === undefined) resolve({ pieces, isZipped });
      else reject(error);
    };
    const onData = (piece: Buffer): void => {
      size += piece.length;
      if (size > bodyBytes) settle(tooLarge(bodyBytes, ""));
      else if (!share.take(piece.length)) settle(tooMuch());
      else pieces.push(piece);
    };
    const onEnd = (): void => settle();
    const onClose = (): void => {
      if (!request.complete) settle(new Gone());
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose);
  });
}

/**
 * Lets the rest of a body that nobody wants go by, so that its sender comes to read the answer; at some point it is cut off.
 */
export function discard(request: IncomingMessage, maxBytes: number): void {
  if (request.complete) return;
  let left = maxBytes;
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.socket.destroy();
  });
  request.resume();
}

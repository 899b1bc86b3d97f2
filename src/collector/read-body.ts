import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";
import { later, Refusal } from "./refusal.ts";

/** How many bytes may be in use at once, by whoever. */
export interface Budget {
  readonly used: number;
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createBudget(limit: number): Budget {
  let used = 0;
  return {
    get used() {
      return used;
    },
    take(bytes) {
      if (used + bytes > limit) return false;
      used += bytes;
      return true;
    },
    give(bytes) {
      used -= bytes;
    },
  };
}

export interface BodyLimits {
  readonly bodyBytes: number;
  readonly inflatedBytes: number;
}

/** The sender went away: there is nobody to answer. */
export class Gone extends Error {}

/**
 * The body, inflated. Its length stays taken from the budget, until the caller gives it back; nothing does when this rejects.
 *
 * @throws Refusal, Gone
 */
export function readBody(request: IncomingMessage, limits: BodyLimits, budget: Budget): Promise<Buffer> {
  const { bodyBytes, inflatedBytes } = limits;
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "gzip" && encoding !== "identity" && encoding !== "") {
    const headers = { "accept-encoding": "gzip" };
    throw new Refusal(415, "BAD_ENCODING", "The body must be plain or compressed with gzip.", headers);
  }
  if (Number(request.headers["content-length"] ?? 0) > bodyBytes) throw tooLarge(bodyBytes, "");
  const gunzip = encoding === "gzip" ? createGunzip() : undefined;
  const chunks: Buffer[] = [];
  let wire = 0;
  let size = 0;
  return new Promise((resolve, reject) => {
    const settle = (error: unknown): void => {
      request.off("data", onData).off("end", onEnd).off("close", onClose);
      gunzip?.removeAllListeners().on("error", () => {});
      gunzip?.destroy();
      if (error === undefined) resolve(Buffer.concat(chunks, size));
      else {
        budget.give(size);
        reject(error);
      }
    };
    const keep = (chunk: Buffer): void => {
      const isTooLarge = size + chunk.length > inflatedBytes;
      if (isTooLarge) settle(tooLarge(inflatedBytes, " when it is inflated"));
      else if (budget.take(chunk.length)) {
        size += chunk.length;
        chunks.push(chunk);
      } else settle(later(429, "TOO_MUCH_IN_FLIGHT", "Other bodies are being worked on; come again."));
    };
    const onData = (chunk: Buffer): void => {
      wire += chunk.length;
      if (wire > bodyBytes) settle(tooLarge(bodyBytes, ""));
      else if (gunzip === undefined) keep(chunk);
      else if (!gunzip.write(chunk)) request.pause();
    };
    const onEnd = (): void => (gunzip === undefined ? settle(undefined) : void gunzip.end());
    const onClose = (): void => {
      if (!request.complete) settle(new Gone());
    };
    gunzip
      ?.on("data", keep)
      .on("drain", () => request.resume())
      .on("end", () => settle(undefined))
      .on("error", (error: NodeJS.ErrnoException) => settle(badGzip(error)));
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

function badGzip({ code }: NodeJS.ErrnoException): Refusal {
  const isCut = code === "Z_BUF_ERROR";
  const what = isCut ? "The body is cut: its gzip has no end." : "The body says it is gzip, and is not.";
  return new Refusal(400, "BAD_GZIP", what);
}

function tooLarge(limit: number, when: string): Refusal {
  return new Refusal(413, "BODY_TOO_LARGE", `The body has more than ${limit} bytes${when}; send it in parts.`);
}

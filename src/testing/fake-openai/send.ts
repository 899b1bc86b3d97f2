import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Reply, SentEvent } from "./http.ts";

/** How an event stream goes over the wire. */
export interface StreamShape {
  /** Wait before each event, in milliseconds. Default: 0. */
  readonly delayMs?: number;
  /** The stream comes in pieces of so many bytes, cut anywhere. Default: a piece for each event. */
  readonly pieceBytes?: number;
  /** The connection breaks after so many events, in the middle of the next one. Default: never. */
  readonly cutAfter?: number;
}

/** Writes a reply. */
export async function send(response: ServerResponse, reply: Reply, shape: StreamShape): Promise<void> {
  const { status = 200 } = reply;
  const contentType = "json" in reply ? "application/json" : "bytes" in reply ? reply.contentType : EVENTS;
  response.setHeader("content-type", contentType);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  response.writeHead(status);
  if ("events" in reply) return sendEvents(response, reply.events, shape);
  response.end("json" in reply ? JSON.stringify(reply.json) : reply.bytes);
}

const EVENTS = "text/event-stream; charset=utf-8";

async function sendEvents(
  response: ServerResponse,
  events: readonly SentEvent[],
  { delayMs = 0, pieceBytes, cutAfter = Infinity }: StreamShape,
): Promise<void> {
  let held: Buffer = Buffer.alloc(0);
  const write = async (frame: Buffer, isLast: boolean) => {
    held = Buffer.concat([held, frame]);
    while (
      held.length > 0 &&
      !response.destroyed &&
      (isLast || pieceBytes === undefined || held.length >= pieceBytes)
    ) {
      const size = pieceBytes ?? held.length;
      response.write(held.subarray(0, size));
      held = held.subarray(size);
      await nextTurn();
    }
  };
  response.flushHeaders();
  for (const [i, event] of events.entries()) {
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
    if (response.destroyed) return;
    const bytes = frame(event);
    if (i < cutAfter) {
      await write(bytes, false);
      continue;
    }
    await write(bytes.subarray(0, Math.ceil(bytes.length / 2)), true);
    // What was written is on its way before the connection breaks.
    await sleep(5, undefined, { ref: false });
    response.destroy();
    return;
  }
  await write(Buffer.alloc(0), true);
  response.end();
}

function frame({ event, data, raw }: SentEvent): Buffer {
  if (raw !== undefined) return Buffer.from(raw);
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return Buffer.from(event === undefined ? `data: ${text}\n\n` : `event: ${event}\ndata: ${text}\n\n`);
}

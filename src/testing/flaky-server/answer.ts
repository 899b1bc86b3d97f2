import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { FlakyStep } from "./steps.ts";

const MEBIBYTE = 1024 ** 2;

/** Does what the step says with a request that has been read. `sent` is told how many bytes of body the socket took. */
export function answer(step: FlakyStep, response: ServerResponse, sent: (bytes: number) => void): void {
  const end = (body: string, headers?: { [name: string]: string }): void => {
    writeHead(step, response, headers);
    sent(Buffer.byteLength(body));
    response.end(body);
  };
  const json = (value: unknown): void => end(JSON.stringify(value), { "content-type": "application/json" });

  if ("reset" in step) breakOff(step.reset, response);
  else if ("redirect" in step) response.writeHead(step.redirect, { location: step.to }).end();
  else if ("json" in step) json(step.json);
  else if ("partial" in step) {
    json({ rejected: step.partial.map((spanId) => ({ spanId, reason: "rejected by the script" })) });
  } else if ("hang" in step) {
    if (step.hang !== true) later(step.hang, response, () => end(""));
  } else if ("drip" in step) {
    writeHead(step, response);
    response.flushHeaders();
    drip(step.drip, response, sent);
  } else if ("large" in step) {
    writeHead(step, response);
    pump(response, Buffer.alloc(Math.min(step.large, MEBIBYTE), "x"), step.large / MEBIBYTE, sent);
  } else if ("bomb" in step) {
    writeHead(step, response, { "content-encoding": "gzip" });
    // Gzip may be a row of gzips: the whole bomb is never made.
    pump(response, gzipSync(Buffer.alloc(Math.min(step.bomb, MEBIBYTE), " ")), step.bomb / MEBIBYTE, sent);
  } else end("body" in step ? step.body : "");
}

function writeHead(step: FlakyStep, response: ServerResponse, own: { [name: string]: string } = {}): void {
  const { status = 200, headers, retryAfter } = step as Extract<FlakyStep, { ok: true }>;
  if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
  response.writeHead(status, { ...own, ...headers });
}

function breakOff(where: "before" | "mid-headers" | "mid-body", response: ServerResponse): void {
  const socket = response.socket;
  if (socket === null) return;
  if (where === "before") return void socket.resetAndDestroy();
  // Not by a reset, which could overtake what was written before it.
  const leave = () => void socket.destroy();
  if (where === "mid-headers") return void socket.write("HTTP/1.1 200 OK\r\nContent-Le", leave);
  response.writeHead(200, { "content-length": "100" });
  response.write('{"rejected":[', leave);
}

function later(ms: number, response: ServerResponse, then: () => void): void {
  const timer = setTimeout(then, ms).unref();
  response.once("close", () => clearTimeout(timer));
}

function drip(ms: number, response: ServerResponse, sent: (bytes: number) => void): void {
  later(ms, response, () => {
    response.write(" ");
    sent(1);
    drip(ms, response, sent);
  });
}

/** Writes the chunk so many times, no faster than it is read. */
function pump(response: ServerResponse, chunk: Buffer, times: number, sent: (bytes: number) => void): void {
  let left = Math.ceil(times);
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left--;
      sent(chunk.length);
      if (!response.write(chunk)) return;
    }
    if (left === 0) response.end();
  };
  response.on("drain", more);
  more();
}

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { type Clock, systemClock } from "../core/clock.ts";
import type { TraceRecord } from "../core/record.ts";
import { answer } from "./flaky-server/answer.ts";
import { checkStep, type FlakyStep } from "./flaky-server/steps.ts";

export type { FlakyStep };

/** A request as it arrived, and what became of it. */
export interface FlakyRequest {
  /** Monotonic milliseconds: when all of it was there. */
  readonly at: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As text, unzipped. */
  readonly body: string;
  /** The lines of the body that are records. */
  readonly records: readonly TraceRecord[];
  /** What answers it. */
  readonly step: FlakyStep;
  /** The status that it was answered with; `undefined` as long as it was not. */
  readonly status: number | undefined;
  /** Bytes of the answer's body that the socket has taken so far. */
  readonly sentBytes: number;
  /** The answer is sent, or its connection is closed. */
  readonly isOver: boolean;
}

/** A step, or a function that looks at each request to choose one. */
export type FlakyScript = FlakyStep | ((request: FlakyRequest) => FlakyStep);

export interface FlakyServerOptions {
  /** The server closes itself on the request after so many. Default: 10,000. */
  maxRequests?: number;
  /** The server closes itself after so many milliseconds. Default: 60,000. */
  maxMs?: number;
  /** Where `at` comes from. */
  clock?: Pick<Clock, "monotonicMs">;
}

export interface FlakyServer {
  /** `http://127.0.0.1:<port>/` */
  readonly url: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly FlakyRequest[];
  /** The records of all requests, repetitions included: what a server that keeps everything would have. */
  records(): TraceRecord[];
  /** The records of the requests that were answered with a 2xx, without those that were rejected one by one. */
  accepted(): TraceRecord[];
  /** Appends to the script: the next request that has no step yet takes the first of them. */
  next(...steps: FlakyScript[]): void;
  /** Closes all connections, those that hang too. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Logged = { -readonly [K in keyof FlakyRequest]: FlakyRequest[K] };

/** Larger bodies, unzipped, break their connection off. */
const MAX_BODY_BYTES = 64 * 1024 ** 2;

/**
 * Starts a real HTTP server on loopback that misbehaves by script, to test a sink with. Each request takes the next step,
 * the last one stays; without steps, all are taken. It keeps no process alive and closes itself.
 *
 * @throws TypeError for a step that does not exist
 * @example
 * await using server = await flakyServer([{ status: 429, retryAfter: "1" }, { reset: "mid-body" }, { ok: true }]);
 * configure({ sinks: [httpSink({ url: server.url })] });
 * await tutor.answer(question);
 * await flush();
 * server.requests.map(({ at, step }) => [at, step]);
 */
export async function flakyServer(
  steps: readonly FlakyScript[] = [],
  options: FlakyServerOptions = {},
): Promise<FlakyServer> {
  const { maxRequests = 10_000, maxMs = 60_000, clock = systemClock } = options;
  const script: FlakyScript[] = [];
  let current: FlakyScript = { ok: true };
  const requests: Logged[] = [];
  const next = (...more: FlakyScript[]): void => {
    for (const step of more) script.push(typeof step === "function" ? step : checkStep(step));
  };
  next(...steps);

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(incoming);
    if (requests.length >= maxRequests) return void close();
    const { method = "GET", url: path = "/", headers } = incoming;
    const request: Logged = {
      at: clock.monotonicMs(),
      method,
      path,
      headers,
      body,
      records: recordsOf(body),
      step: { ok: true },
      get status() {
        return response.headersSent ? response.statusCode : undefined;
      },
      sentBytes: 0,
      isOver: false,
    };
    requests.push(request);
    response.once("close", () => (request.isOver = true));
    current = script.shift() ?? current;
    request.step = typeof current === "function" ? chosen(current, request) : current;
    answer(request.step, response, (bytes) => (request.sentBytes += bytes));
  };

  const server = createServer((incoming, response) => {
    // A client that leaves in the middle is what this server is for.
    response.on("error", () => {});
    handle(incoming, response).catch(() => response.destroy());
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket.unref());
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.unref().address() as AddressInfo;
  const timer = setTimeout(() => void close(), maxMs).unref();

  let closed: Promise<void> | undefined;
  function close(): Promise<void> {
    clearTimeout(timer);
    closed ??= new Promise((resolve) => {
      // A handle that is not referenced would let the process end before this is resolved.
      server.ref().close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
    return closed;
  }

  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    records: () => requests.flatMap(({ records }) => records),
    accepted: () => requests.flatMap(acceptedOf),
    next,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RangeError("the body is too large");
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const isZipped = incoming.headers["content-encoding"] === "gzip";
  return (isZipped ? gunzipSync(bytes, { maxOutputLength: MAX_BODY_BYTES }) : bytes).toString();
}

function recordsOf(body: string): TraceRecord[] {
  return body.split("\n").flatMap((line) => {
    try {
      const value = JSON.parse(line);
      return ["span", "score", "finding"].includes(value?.record) ? [value] : [];
    } catch {
      return [];
    }
  });
}

/** A script that fails says so in the answer: what it throws here would reach nobody. */
function chosen(script: Exclude<FlakyScript, FlakyStep>, request: FlakyRequest): FlakyStep {
  try {
    return checkStep(script(request));
  } catch (error) {
    return { status: 500, body: String(error) };
  }
}

function acceptedOf({ step, status = 0, records }: FlakyRequest): readonly TraceRecord[] {
  if (status < 200 || status > 299) return [];
  if (!("partial" in step)) return records;
  return records.filter((record) => record.record !== "span" || !step.partial.includes(record.spanId));
}

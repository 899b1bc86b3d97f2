/** A receiver of OTLP over HTTP on loopback: reads gzip, JSON and protobuf by the official definitions, answers as told. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { fromBytes, fromJson, type Message, typeOf } from "../proto/otlp-proto.ts";

export interface OtlpRequest {
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Unzipped. */
  readonly bytes: Buffer;
  /** `TracesData`, `LogsData` or `MetricsData`, read; `undefined` for a body that is none of them. */
  readonly message: Message | undefined;
  /** Of an answer in the 2xx. */
  isAccepted: boolean;
}

export interface OtlpAnswer {
  /** Default: 200 with an empty response. */
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: string | Uint8Array;
  /** Breaks the connection off instead. */
  readonly reset?: true;
  /** Never answers. */
  readonly hang?: true;
}

export interface OtlpServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly requests: readonly OtlpRequest[];
  /** Decides on all requests from now on. */
  answer(choose: (request: OtlpRequest) => OtlpAnswer | undefined | void): void;
  /** The spans and log records of accepted requests, in order, repetitions included. */
  spans(): Message[];
  logRecords(): Message[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const KINDS: { readonly [signal: string]: string } = {
  traces: "trace.v1.TracesData",
  logs: "logs.v1.LogsData",
  metrics: "metrics.v1.MetricsData",
};

export async function otlpServer(): Promise<OtlpServer> {
  const requests: OtlpRequest[] = [];
  let choose: (request: OtlpRequest) => OtlpAnswer | undefined | void = () => undefined;
  const server = createServer(async (incoming, response) => {
    response.on("error", () => {});
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of incoming) chunks.push(chunk);
    } catch {
      return;
    }
    const raw = Buffer.concat(chunks);
    const { headers, url: path = "/" } = incoming;
    const bytes = headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    const request: OtlpRequest = { path, headers, bytes, message: read(path, headers, bytes), isAccepted: false };
    requests.push(request);
    const { status = 200, headers: more = {}, body = "", reset, hang } = choose(request) ?? {};
    if (reset) return void incoming.socket.resetAndDestroy();
    if (hang) return;
    request.isAccepted = status >= 200 && status <= 299;
    response.writeHead(status, more).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const list = (outer: string, inner: string, items: string) =>
    requests
      .filter(({ isAccepted }) => isAccepted)
      .flatMap(({ message }) => message?.[outer] ?? [])
      .flatMap((group: Message) => group[inner])
      .flatMap((scope: Message) => scope[items]);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    answer: (next) => void (choose = next),
    spans: () => list("resourceSpans", "scopeSpans", "spans"),
    logRecords: () => list("resourceLogs", "scopeLogs", "logRecords"),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** `ExportTraceServiceResponse` or `ExportLogsServiceResponse`, by the path, as bytes. */
export function partialAnswer(signal: "traces" | "logs", rejected: number, errorMessage: string): Buffer {
  const [name, field] = signal === "traces" ? ["trace", "rejectedSpans"] : ["logs", "rejectedLogRecords"];
  const type = typeOf(`collector.${name}.v1.Export${signal === "traces" ? "Trace" : "Logs"}ServiceResponse`);
  return Buffer.from(type.encode(type.fromObject({ partialSuccess: { [field!]: rejected, errorMessage } })).finish());
}

function read(path: string, headers: IncomingHttpHeaders, bytes: Buffer): Message | undefined {
  const kind = KINDS[/\/v1\/(\w+)/.exec(path)?.[1] ?? "traces"] ?? KINDS["traces"]!;
  try {
    if (headers["content-type"] === "application/json") return fromJson(kind, bytes.toString());
    return headers["content-type"] === "application/x-protobuf" ? fromBytes(kind, bytes) : undefined;
  } catch {
    return undefined;
  }
}

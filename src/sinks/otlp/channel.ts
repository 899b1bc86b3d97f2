import type { Clock } from "../../core/clock.ts";
import { SinkError } from "../../core/errors.ts";
import { fingerprint } from "../endpoint.ts";
import { type PostTarget, post, type Refusal } from "../post.ts";
import { type OtlpAddressOptions, otlpAddress } from "./address.ts";
import type { OtlpProtocol, OtlpSignal } from "./environment.ts";
import type { LogsData, MetricsData, TracesData } from "./messages.ts";
import { type PartialSuccess, readPartialSuccess } from "./partial-success.ts";
import { VERSION } from "./scope.ts";
import { toProtobuf } from "./to-protobuf.ts";

/** How to reach a receiver of OTLP. */
export interface OtlpChannelOptions extends OtlpAddressOptions {
  /** Default: `OTEL_EXPORTER_OTLP_PROTOCOL`, or `http/protobuf`. */
  protocol?: OtlpProtocol;
  /** Of bodies of 1 KiB and more. Default: `OTEL_EXPORTER_OTLP_COMPRESSION`, or `none`. */
  compression?: "gzip" | "none";
  /** For a whole attempt, body of the answer included. Default: `OTEL_EXPORTER_OTLP_TIMEOUT`, or 10,000. */
  timeoutMs?: number;
  /** Before compression; a larger batch is halved by the pipeline. Bytes, default 4 MiB; OTLP allows 64 MiB. */
  maxBodyBytes?: number;
  /** Default: the global `fetch`, looked up at each request; Node's own client in its place where it is Node's. */
  fetch?: typeof fetch;
  /** Default `otlp:` and the host. */
  name?: string;
  clock?: Clock;
}

/** What is sent; bytes are of the channel's own form. */
export type OtlpData = Buffer | TracesData | LogsData | MetricsData;

/** The way to a receiver for one signal. */
export interface OtlpChannel {
  readonly host: string;
  /** Tells addresses apart without saying them. */
  readonly fingerprint: string;
  readonly isJson: boolean;
  /** Rejects with a SinkError; with the code `OTLP_UNSUPPORTED` where the receiver does not take this signal. */
  send(data: OtlpData, signal: AbortSignal): Promise<PartialSuccess>;
}

/** The kinds of `OtlpChannelOptions` for `checkOptions`. */
export const CHANNEL_OPTIONS = {
  endpoint: "any",
  headers: "object",
  protocol: ["http/protobuf", "http/json"],
  compression: ["gzip", "none"],
  timeoutMs: "positive",
  maxBodyBytes: "positive",
  insecure: "boolean",
  fetch: "function",
  name: "string",
  clock: "object",
} as const;

const MAX_BODY_BYTES = 4 * 1024 ** 2;

/**
 * @param own the whole address of this signal, over `options.endpoint`
 * @throws ConfigError for an address, header or variable that cannot be used
 */
export function otlpChannel(
  factory: string,
  signal: OtlpSignal,
  options: OtlpChannelOptions,
  own: string | URL | undefined,
  env: NodeJS.ProcessEnv,
): OtlpChannel {
  const { url, host, headers, variables } = otlpAddress(factory, signal, options, own, env);
  const { maxBodyBytes = MAX_BODY_BYTES, name = `otlp:${host}` } = options;
  const isJson = (options.protocol ?? variables.protocol) === "http/json";
  const target: PostTarget = {
    name,
    url,
    headers: { "user-agent": `sightline/${VERSION}`, ...headers },
    contentType: isJson ? "application/json" : "application/x-protobuf",
    gzip: options.compression === undefined ? variables.gzip === true : options.compression === "gzip",
    timeoutMs: options.timeoutMs ?? variables.timeoutMs ?? 10_000,
    fetch: options.fetch,
    clock: options.clock,
    refusal,
  };
  return {
    host,
    isJson,
    get fingerprint() {
      return fingerprint(url);
    },
    async send(data, abort) {
      const body = bytesOf(data, isJson);
      if (body.length > maxBodyBytes) {
        const problem = `sink "${name}": ${body.length} bytes are more than maxBodyBytes`;
        throw new SinkError(problem, { retry: "split" });
      }
      return readPartialSuccess(await post(target, body, abort));
    },
  };
}

function bytesOf(data: OtlpData, isJson: boolean): Buffer {
  if (Buffer.isBuffer(data)) return data;
  if (isJson) return Buffer.from(JSON.stringify(data));
  if ("resourceSpans" in data) return toProtobuf("TracesData", data);
  if ("resourceLogs" in data) return toProtobuf("LogsData", data);
  return toProtobuf("MetricsData", data);
}

/** OTLP: these four may pass, anything else must not be sent again. 413: each half may. */
function refusal(status: number): Refusal {
  if (status === 413) return { retry: "split", reason: "too_large", problem: "too large" };
  if ([429, 502, 503, 504].includes(status)) return { retry: "later" };
  if (status === 400) return { retry: "never", reason: "rejected_by_sink", problem: "it cannot read the batch" };
  if (status === 401 || status === 403) return { retry: "never", problem: "the headers do not open it" };
  if (![404, 405, 501].includes(status)) return { retry: "never" };
  return { retry: "never", problem: "nothing takes OTLP at this address", code: "OTLP_UNSUPPORTED" };
}

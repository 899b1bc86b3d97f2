import type { Clock } from "../core/clock.ts";
import { SinkError } from "../core/errors.ts";
import { encode, type TraceRecord } from "../core/record.ts";
import { batchId } from "./batch-id.ts";
import { endpoint, fingerprint } from "./endpoint.ts";
import { checkOptions } from "./options.ts";
import { type PostTarget, post, type Refusal } from "./post.ts";
import type { Sink, WriteResult } from "./sink.ts";

export interface HttpSinkOptions {
  /** `http:` or `https:`. A user and password in it become an `authorization` header. */
  url: string | URL;
  /** Sent with every request. Credentials are refused over plain http, except to this machine. */
  headers?: { readonly [name: string]: string };
  /** Compress bodies of 1 KiB and more. Default true. */
  gzip?: boolean;
  /** For a whole attempt, body of the answer included. Default 10,000. */
  timeoutMs?: number;
  /** Before compression; a larger batch is halved by the pipeline. Bytes, default 4 MiB. */
  maxBodyBytes?: number;
  /** Default: the global `fetch`, looked up at each request; Node's own client in its place where it is Node's. */
  fetch?: typeof fetch;
  /** Default `http:` and the host. */
  name?: string;
  clock?: Clock;
}

/**
 * Posts batches to any endpoint as NDJSON (`application/x-ndjson`), one record a line.
 *
 * Any 2xx accepts the batch; a JSON body `{ "rejected": [{ "spanId": "…", "reason": "…" }] }` may except records. 408,
 * 425, 429, 5xx and failed connections mean later, after `Retry-After` where it is given; 413, 400 and 422 halve the
 * batch until the record at fault stands alone; any other answer drops it. Redirects are not followed: they would carry
 * the records to an address nobody configured. The header `x-sightline-batch` is the same whenever the same records are
 * sent again: a server that has answered it with a 2xx before may answer so at once.
 *
 * @throws ConfigError for an address or header that cannot be used, and for credentials over plain http
 * @example
 * import { httpSink } from "sightline/sinks/http";
 * configure({ sinks: [httpSink({ url: "https://collector.example/v1/records", headers: { authorization: `Bearer ${key}` } })] });
 */
export function httpSink(options: HttpSinkOptions): Sink {
  checkOptions("httpSink", options, {
    url: "any",
    headers: "object",
    gzip: "boolean",
    timeoutMs: "positive",
    maxBodyBytes: "positive",
    fetch: "function",
    name: "string",
    clock: "object",
  });
  const { timeoutMs = 10_000, maxBodyBytes = 4 * 1024 ** 2 } = options;
  const { url, host, headers } = endpoint("httpSink", options.url, options.headers ?? {});
  const name = options.name ?? `http:${host}`;
  const target: PostTarget = {
    name,
    url,
    headers,
    contentType: "application/x-ndjson",
    gzip: options.gzip !== false,
    timeoutMs,
    fetch: options.fetch,
    clock: options.clock,
    refusal,
  };
  return {
    name,
    get destination() {
      return fingerprint(url);
    },
    async write(batch, signal) {
      if (batch.length === 0) return;
      const bytes = Buffer.from(batch.map((record) => `${encode(record)}\n`).join(""));
      if (bytes.length > maxBodyBytes) {
        const problem = `sink "${name}": ${bytes.length} bytes are more than maxBodyBytes`;
        throw new SinkError(problem, { retry: "split" });
      }
      return rejections(await post(target, bytes, signal, { "x-sightline-batch": batchId(batch) }), batch);
    },
  };
}

function refusal(status: number): Refusal {
  if (status === 413) return { retry: "split", reason: "too_large", problem: "too large" };
  if (status === 400 || status === 422) return { retry: "split", reason: "rejected_by_sink" };
  const isPassing = status === 408 || status === 425 || status === 429 || (status >= 500 && status <= 599);
  return { retry: isPassing ? "later" : "never" };
}

/** A body that is no such list rejects nothing. */
function rejections(answer: Buffer, batch: readonly TraceRecord[]): WriteResult | undefined {
  const known = new Set(batch.map((record) => record.spanId));
  try {
    const { rejected } = JSON.parse(answer.toString()) as { rejected: { spanId: string; reason: unknown }[] };
    const ours = rejected.filter(({ spanId }) => typeof spanId === "string" && known.delete(spanId));
    const text = (reason: unknown) => (typeof reason === "string" ? reason.slice(0, 200) : "rejected");
    return { rejected: ours.map(({ spanId, reason }) => ({ spanId, reason: text(reason) })) };
  } catch {
    return undefined;
  }
}

import { type Clock, systemClock } from "../core/clock.ts";
import { SinkError } from "../core/errors.ts";
import { encode, type TraceRecord } from "../core/record.ts";
import { parseRetryAfter } from "../core/retry-after.ts";
import { batchId } from "./batch-id.ts";
import { endpoint } from "./endpoint.ts";
import { checkOptions } from "./options.ts";
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
  /** Default: the global `fetch`, looked up at the first write. */
  fetch?: typeof fetch;
  /** Default `http:` and the host. */
  name?: string;
  clock?: Clock;
}

type Refusal = SinkError["reason"];

/** `setTimeout` takes no more than 31 bits: beyond, it fires after 1 ms. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** An answer is read up to here: it only names rejected records. */
const MAX_ANSWER_BYTES = 1024 ** 2;
/** An accepted batch waits no longer for that: a server that drips would hold up the next one, and this one would be sent again. */
const MAX_ANSWER_MS = 1_000;
/** Smaller bodies fit one packet as they are. */
const MIN_GZIP_BYTES = 1024;

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
  const { timeoutMs = 10_000, maxBodyBytes = 4 * 1024 ** 2, clock = systemClock } = options;
  const { url, host, headers } = endpoint("httpSink", options.url, options.headers ?? {});
  const name = options.name ?? `http:${host}`;
  const fail = (problem: string, retry: SinkError["retry"], more: { retryAfterMs?: number; reason?: Refusal } = {}) =>
    new SinkError(`sink "${name}": ${problem}`, { retry, ...more });

  async function post(id: string, bytes: Buffer<ArrayBuffer>, signal: AbortSignal): Promise<Response> {
    const isZipped = options.gzip !== false && bytes.length >= MIN_GZIP_BYTES;
    const encoding: Record<string, string> = isZipped ? { "content-encoding": "gzip" } : {};
    return (options.fetch ?? fetch)(url, {
      method: "POST",
      headers: {
        "user-agent": "sightline",
        ...headers,
        "content-type": "application/x-ndjson",
        "x-sightline-batch": id,
        ...encoding,
      },
      body: isZipped ? await zip(bytes) : bytes,
      redirect: "manual",
      signal,
    });
  }

  function refusal({ status, headers: answer }: Response): SinkError {
    if (status === 413) return fail("answered 413, too large", "split", { reason: "too_large" });
    if (status === 400 || status === 422) return fail(`answered ${status}`, "split", { reason: "rejected_by_sink" });
    if (status === 408 || status === 425 || status === 429 || (status >= 500 && status <= 599)) {
      const retryAfterMs = parseRetryAfter(answer.get("retry-after"), clock.epochMs());
      return fail(`answered ${status}`, "later", { retryAfterMs });
    }
    const isRedirect = status >= 300 && status <= 399;
    return fail(`answered ${status}${isRedirect ? ", a redirect, which is not followed" : ""}`, "never");
  }

  return {
    name,
    get destination() {
      return process.getBuiltinModule("node:zlib").crc32(url).toString(16);
    },
    async write(batch, signal) {
      if (batch.length === 0) return;
      const bytes = Buffer.from(batch.map((record) => `${encode(record)}\n`).join(""));
      if (bytes.length > maxBodyBytes) throw fail(`${bytes.length} bytes are more than maxBodyBytes`, "split");
      const attempt = new AbortController();
      const abort = () => attempt.abort();
      // The request itself keeps the process alive, and the pipeline aborts it when nobody waits any more.
      const timers = [setTimeout(abort, Math.min(timeoutMs, MAX_TIMEOUT_MS)).unref()];
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      try {
        const response = await post(batchId(batch), bytes, attempt.signal);
        if (response.ok) {
          timers.push(setTimeout(abort, MAX_ANSWER_MS).unref());
          return await rejections(response, batch);
        }
        response.body?.cancel().catch(() => {});
        throw refusal(response);
      } catch (error) {
        if (error instanceof SinkError) throw error;
        if (signal.aborted) throw fail("the attempt was called off", "later");
        if (attempt.signal.aborted) throw fail(`no answer within ${timeoutMs} ms`, "later");
        // Only the code: messages and causes of `fetch` may hold the address.
        const { cause, name: type } = (error ?? {}) as Error & { cause?: { code?: unknown } };
        throw fail(`the connection failed with ${cause?.code ?? type}`, "later");
      } finally {
        for (const timer of timers) clearTimeout(timer);
        signal.removeEventListener("abort", abort);
      }
    },
  };
}

/** zlib is loaded on first use, as importing a sink must cost next to nothing. */
function zip(bytes: Buffer): Promise<Buffer<ArrayBuffer>> {
  const { gzip } = process.getBuiltinModule("node:zlib");
  return new Promise((resolve, reject) => gzip(bytes, (error, zipped) => (error ? reject(error) : resolve(zipped))));
}

/** The status has accepted the batch: whatever becomes of the body, it only adds who was rejected. */
async function rejections(response: Response, batch: readonly TraceRecord[]): Promise<WriteResult | undefined> {
  const known = new Set(batch.map((record) => record.spanId));
  try {
    const { rejected } = JSON.parse(await readAnswer(response)) as { rejected: { spanId: string; reason: unknown }[] };
    const ours = rejected.filter(({ spanId }) => typeof spanId === "string" && known.delete(spanId));
    const text = (reason: unknown) => (typeof reason === "string" ? reason.slice(0, 200) : "rejected");
    return { rejected: ours.map(({ spanId, reason }) => ({ spanId, reason: text(reason) })) };
  } catch {
    return undefined;
  }
}

async function readAnswer(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // Leaving the loop cancels the body.
    if (size > MAX_ANSWER_BYTES) return "";
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

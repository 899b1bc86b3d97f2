import { type Clock, systemClock } from "../core/clock.ts";
import { SinkError } from "../core/errors.ts";
import { parseRetryAfter } from "../core/retry-after.ts";
import { type Answer, type Send, usualSend } from "./node-fetch.ts";

/** One destination of a sink that sends by HTTP. The address and the headers are checked: see `endpoint`. */
export interface PostTarget {
  /** The sink's name, for its errors: they tell neither the address nor a header. */
  readonly name: string;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly contentType: string;
  /** Compress bodies of 1 KiB and more. */
  readonly gzip: boolean;
  /** For a whole attempt, body of the answer included. */
  readonly timeoutMs: number;
  /** Default: the global `fetch`, looked up at each request; Node's own client in its place where it is Node's. */
  readonly fetch?: typeof fetch | undefined;
  readonly clock?: Clock | undefined;
  /** What an answer outside 2xx asks for; never called with a 2xx. */
  readonly refusal: (status: number) => Refusal;
}

/** `problem` completes "answered 400". */
export interface Refusal {
  readonly retry: SinkError["retry"];
  readonly reason?: SinkError["reason"];
  readonly problem?: string;
  /** Of the error, for who throws it to know it again. */
  readonly code?: string;
}

/** `setTimeout` takes no more than 31 bits: beyond, it fires after 1 ms. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
/** An answer is read up to here: it only names rejected records. */
const MAX_ANSWER_BYTES = 1024 ** 2;
/** An accepted batch waits no longer for that: a server that drips would hold up the next one, and this one would be sent again. */
const MAX_ANSWER_MS = 1_000;
/** Smaller bodies fit one packet as they are. */
const MIN_GZIP_BYTES = 1024;

/**
 * Posts a body and gives the bytes of a 2xx answer, empty when they did not come whole. Redirects are not followed: they
 * would carry the records to an address nobody configured.
 *
 * @throws SinkError for everything else: what the target makes of the status, and `later` for failed connections
 */
export async function post(
  target: PostTarget,
  body: string | Uint8Array,
  signal: AbortSignal,
  headers: { readonly [name: string]: string } = {},
): Promise<Buffer> {
  const { name, timeoutMs, clock = systemClock } = target;
  const fail = (
    problem: string,
    retry: SinkError["retry"],
    more: ConstructorParameters<typeof SinkError>[1] | object = {},
  ) => new SinkError(`sink "${name}": ${problem}`, { retry, ...more });
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body as Uint8Array);
  const attempt = new AbortController();
  const abort = () => attempt.abort();
  // The request itself keeps the process alive, and the pipeline aborts it when nobody waits any more.
  const timers = [setTimeout(abort, Math.min(timeoutMs, MAX_TIMEOUT_MS)).unref()];
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    const isZipped = target.gzip && bytes.length >= MIN_GZIP_BYTES;
    const send = (target.fetch as Send | undefined) ?? usualSend();
    const response = await send(target.url, {
      method: "POST",
      headers: {
        "user-agent": "sightline",
        ...target.headers,
        "content-type": target.contentType,
        ...headers,
        ...(isZipped && { "content-encoding": "gzip" }),
      },
      body: isZipped ? await zip(bytes) : bytes,
      redirect: "manual",
      signal: attempt.signal,
    });
    if (response.ok) {
      timers.push(setTimeout(abort, MAX_ANSWER_MS).unref());
      return await readAnswer(response);
    }
    response.body?.cancel().catch(() => {});
    const { status } = response;
    const { retry, reason, problem, code } = target.refusal(status);
    const retryAfterMs =
      retry === "later" ? parseRetryAfter(response.headers.get("retry-after"), clock.epochMs()) : undefined;
    const isRedirect = status >= 300 && status <= 399;
    const what = problem ?? (isRedirect ? "a redirect, which is not followed" : undefined);
    throw fail(`answered ${status}${what === undefined ? "" : `, ${what}`}`, retry, { retryAfterMs, reason, code });
  } catch (error) {
    if (error instanceof SinkError) throw error;
    if (signal.aborted) throw fail("the attempt was called off", "later");
    if (attempt.signal.aborted) throw fail(`no answer within ${timeoutMs} ms`, "later");
    // Only the code: messages and causes of `fetch` may hold the address.
    const { cause, name: type } = (error ?? {}) as Error & { cause?: { code?: unknown; message?: unknown } };
    const isBlocked = cause?.message === "bad port";
    const code = cause?.code ?? (error as { code?: unknown } | undefined)?.code ?? type;
    throw fail(`the connection failed with ${isBlocked ? "a port that fetch blocks" : code}`, "later");
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/** zlib is loaded on first use, as importing a sink must cost next to nothing. */
function zip(bytes: Buffer): Promise<Buffer<ArrayBuffer>> {
  const { gzip } = process.getBuiltinModule("node:zlib");
  return new Promise((resolve, reject) => gzip(bytes, (error, zipped) => (error ? reject(error) : resolve(zipped))));
}

/** The status has accepted the batch: whatever becomes of the body, it only adds who was rejected. */
async function readAnswer({ body }: Answer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body ?? []) {
      size += chunk.length;
      // Leaving the loop cancels the body.
      if (size > MAX_ANSWER_BYTES) return Buffer.alloc(0);
      chunks.push(chunk);
    }
  } catch {
    return Buffer.alloc(0);
  }
  return Buffer.concat(chunks);
}

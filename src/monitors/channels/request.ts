import { type Clock, systemClock } from "../../core/clock.ts";
import { SinkError } from "../../core/errors.ts";
import { parseRetryAfter } from "../../core/retry-after.ts";
import { suppress } from "../../core/suppress.ts";
import { endpoint } from "../../sinks/endpoint.ts";
import { MAX_TIMEOUT_MS } from "./options.ts";
import { clip, oneLine } from "./text.ts";

/** A vendor's API, checked once. Kept in closures only, so that no log of a channel shows it. */
export interface Api {
  /** The channel's name, for its errors. */
  readonly name: string;
  /** Without credentials in it. */
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  /** Replaced by `…` in everything that is told. */
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface ApiOptions {
  readonly name: string;
  readonly url: string | URL;
  readonly headers?: { readonly [name: string]: string } | undefined;
  /** Besides the values of the headers. */
  readonly secrets?: readonly string[];
  /** A credential goes out in the address or in the body, where `endpoint` does not see it. */
  readonly isSecret?: boolean;
  readonly timeoutMs?: number | undefined;
  readonly clock?: Clock | undefined;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
  /** The body as JSON; `undefined` when it is none. */
  json(): unknown;
}

export const DEFAULT_TIMEOUT_MS = 10_000;
/** An answer holds an id or an error, no more. */
const MAX_ANSWER_BYTES = 256 * 1024;
/** A header whose name `endpoint` takes for that of a secret. */
const MARK = "x-secret-mark";

/** @throws ConfigError for what cannot be used, and for credentials over plain http to another machine */
export function api(factory: string, options: ApiOptions): Api {
  const mark: { [name: string]: string } = options.isSecret ? { [MARK]: "x" } : {};
  const { url, headers } = endpoint(factory, options.url, { ...options.headers, ...mark });
  const { [MARK]: _mark, ...sent } = headers;
  // `Basic …` and `Bearer …` are secrets without their scheme too.
  const values = Object.values(sent).flatMap((value) => [value, value.replace(/^\w+\s+/, "")]);
  const { name, timeoutMs = DEFAULT_TIMEOUT_MS, clock = systemClock } = options;
  const secrets = [...(options.secrets ?? []), ...values].filter((secret) => secret.length >= 4);
  return { name, url, headers: sent, secrets, timeoutMs, clock };
}

/** `text` without what is secret. Longest first, as one secret may hold another. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return [...secrets]
    .sort((a, b) => b.length - a.length)
    .reduce((shown, secret) => shown.replaceAll(secret, "…"), text);
}

/** What the API has below its address. */
function addressOf(target: Api, path: string | undefined): string {
  if (path === undefined) return target.url;
  const url = new URL(target.url);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  return url.href;
}

/** What a dry run shows of a request: header values and what follows `?` are left out. */
export function shownRequest(target: Api, body: unknown, more: { path?: string; method?: string } = {}): object {
  const url = withoutSecrets(addressOf(target, more.path).replace(/\?.*/s, "?…"), target.secrets);
  const headers = Object.fromEntries(Object.keys(target.headers).map((name) => [name, "…"]));
  return { method: more.method ?? "POST", url, headers: { "content-type": "application/json", ...headers }, body };
}

/**
 * One request with a JSON body, and its 2xx answer. Traced by nobody; redirects are not followed: they would carry
 * credentials to an address nobody configured. 408, 425, 429 and 5xx mean later, after `Retry-After` where it is given.
 *
 * @throws SinkError for everything else, with what the vendor says about it and without secrets
 */
export function request(
  target: Api,
  signal: AbortSignal,
  what: {
    readonly method?: "GET" | "POST" | "PUT";
    readonly path?: string;
    /** Sent as it is when it is a text. */
    readonly body?: unknown;
    readonly headers?: { readonly [name: string]: string };
  },
): Promise<Answer> {
  return suppress(() => send(target, signal, what));
}

async function send(target: Api, signal: AbortSignal, what: Parameters<typeof request>[2]): Promise<Answer> {
  const { name, timeoutMs } = target;
  const attempt = new AbortController();
  const abort = (): void => attempt.abort();
  const timer = setTimeout(abort, Math.min(timeoutMs, MAX_TIMEOUT_MS)).unref();
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    const { method = "POST", path, body } = what;
    const response = await fetch(addressOf(target, path), {
      method,
      headers: {
        "user-agent": "sightline",
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json; charset=utf-8" }),
        ...target.headers,
        ...what.headers,
      },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      redirect: "manual",
      signal: attempt.signal,
    });
    const answer = await readAnswer(response, target.clock);
    if (response.ok) return answer;
    throw refused(target, answer);
  } catch (error) {
    if (error instanceof SinkError) throw error;
    if (signal.aborted) throw failed(name, "the attempt was called off");
    if (attempt.signal.aborted) throw failed(name, `no answer within ${timeoutMs} ms`);
    // Only the code: messages and causes of `fetch` may hold the address.
    const { cause, name: type } = (error ?? {}) as Error & { cause?: { code?: unknown } };
    throw failed(name, `the connection failed with ${cause?.code ?? type}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function failed(name: string, problem: string): SinkError {
  return new SinkError(`channel "${name}": ${problem}`, { retry: "later" });
}

function refused(target: Api, { status, text, retryAfterMs }: Answer): SinkError {
  const isPassing = status === 408 || status === 425 || status === 429 || (status >= 500 && status <= 599);
  const isRedirect = status >= 300 && status <= 399;
  const said = isRedirect
    ? "a redirect, which is not followed"
    : clip(oneLine(withoutSecrets(text, target.secrets)), 300);
  const problem = `channel "${target.name}": answered ${status}${said === "" ? "" : `: ${said}`}`;
  return new SinkError(problem, {
    retry: isPassing ? "later" : "never",
    retryAfterMs: isPassing ? retryAfterMs : undefined,
    code: `CHANNEL_HTTP_${status}`,
  });
}

async function readAnswer(response: Response, clock: Clock): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      // Leaving the loop cancels the body.
      if (size > MAX_ANSWER_BYTES) break;
      chunks.push(chunk);
    }
  } catch (error) {
    // The status has refused it already, whatever becomes of the text.
    if (response.ok) throw error;
  }
  const text = Buffer.concat(chunks).toString();
  return {
    status: response.status,
    text,
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), clock.epochMs()),
    json() {
      try {
        return JSON.parse(text);
      } catch {
        return undefined;
      }
    },
  };
}

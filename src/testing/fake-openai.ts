import { randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { type Clock, systemClock } from "../core/clock.ts";
import { chatRoutes } from "./fake-openai/chat.ts";
import {
  ApiError,
  badRequest,
  defaultBody,
  type Reply,
  router,
  type SentEvent,
  type Wire,
} from "./fake-openai/http.ts";
import { modelRoutes } from "./fake-openai/models.ts";
import { responseRoutes } from "./fake-openai/responses.ts";
import type { RunEnding } from "./fake-openai/run.ts";
import { runRoutes } from "./fake-openai/runs.ts";
import type { ThreadStore } from "./fake-openai/store.ts";
import { defaultAnswer } from "./fake-openai/text.ts";
import { threadRoutes } from "./fake-openai/threads.ts";

export type { RunEnding };

/** A reply that is given instead of the real one. */
export interface ScriptedReply {
  /** Method and path without `/v1`; `*` stands for anything: `"POST /chat/completions"`, `"* /threads*"`. */
  match: string;
  status: number;
  headers?: Record<string, string>;
  /** Default: what OpenAI says with that status. */
  body?: unknown;
  /** How often; then the real reply. Default: every time. */
  times?: number;
}

export interface FakeOpenAIOptions {
  /** What the model says to the last user message. Default: solves `3x + 11 = 14`. */
  answer?: (question: string) => string;
  /** How runs end. Default: `completed`. */
  runs?: RunEnding;
  /** The first rule that matches a request and is not used up answers it. */
  script?: readonly ScriptedReply[];
  /** How long every reply takes. Default: 0. */
  latencyMs?: number;
  /** The `openai-poll-after-ms` header of runs, which the client's polling helpers obey. Default: 1. */
  pollAfterMs?: number;
  /** Where `created_at` and the like come from; whole seconds of it. */
  clock?: Pick<Clock, "epochMs">;
}

/** A request as it arrived. */
export interface LoggedRequest {
  readonly method: string;
  /** Without `/v1` and without the query. */
  readonly path: string;
  readonly query: { readonly [name: string]: string };
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; `undefined` when there was none. */
  readonly body: any;
  /** Epoch milliseconds. */
  readonly at: number;
}

export interface FakeOpenAI {
  /** For `new OpenAI({ baseURL })`: loopback, any free port, ends in `/v1`. */
  readonly baseURL: string;
  /** The only key that is accepted. */
  readonly apiKey: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly LoggedRequest[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a scripted OpenAI-compatible server on loopback: assistants, threads, messages, runs with their steps, chat
 * completions, responses, embeddings and models, with OpenAI's payloads, headers, errors and event streams.
 *
 * A run goes `queued` → `in_progress` → (`requires_action`, when the assistant has function tools) → `completed`, one
 * step for each time it is retrieved, or all at once when it is streamed.
 *
 * @example
 * await using fake = await fakeOpenAI({ script: [{ match: "POST /chat/completions", status: 429, times: 1 }] });
 * const openai = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey });
 */
export async function fakeOpenAI(options: FakeOpenAIOptions = {}): Promise<FakeOpenAI> {
  const { answer = defaultAnswer, runs = "completed", latencyMs = 0, pollAfterMs = 1, clock = systemClock } = options;
  const apiKey = "sk-fake-key";
  const requests: LoggedRequest[] = [];
  const script = (options.script ?? []).map((rule) => ({ ...rule, left: rule.times ?? Number.POSITIVE_INFINITY }));

  // Unlike any other server's, in the order in which they were made.
  const salt = randomBytes(6).toString("hex");
  let made = 0;
  const world = {
    now: () => Math.floor(clock.epochMs() / 1000),
    id: (prefix: string) => `${prefix}${salt}${String(++made).padStart(12, "0")}`,
    answer,
  };
  const store: ThreadStore = { assistants: new Map(), threads: new Map() };
  const route = router({
    ...runRoutes(world, store, { ending: runs, pollAfterMs }),
    ...threadRoutes(world, store),
    ...chatRoutes(world),
    ...responseRoutes(world),
    ...modelRoutes(),
  });

  const reply = (request: IncomingMessage, text: string): Reply & { status?: number } => {
    const { method = "GET", headers } = request;
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const path = pathname.replace(/^\/v1/, "");
    const body = parse(text);
    requests.push({ method, path, query: Object.fromEntries(searchParams), headers, body, at: clock.epochMs() });
    const rule = script.find(({ match, left }) => left > 0 && glob(match).test(`${method} ${path}`));
    if (rule) {
      rule.left--;
      const { status, headers = {} } = rule;
      return { status, headers, json: rule.body ?? defaultBody(status) };
    }
    if (headers.authorization !== `Bearer ${apiKey}`) throw unauthorized(headers.authorization);
    if (text !== "" && body === undefined) throw badRequest("We could not parse the JSON body of your request.");
    return route(method, path, { query: searchParams, body: body ?? {} });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now();
    const text = await readText(request);
    if (latencyMs > 0) await sleep(latencyMs, undefined, { ref: false });
    const answered = await attempt(() => reply(request, text));
    response.setHeader("x-request-id", world.id("req_"));
    response.setHeader("openai-version", "2020-10-01");
    response.setHeader("openai-organization", "org-fake");
    response.setHeader("openai-processing-ms", String(Math.round(performance.now() - started)));
    for (const [name, value] of Object.entries(answered.headers ?? {})) response.setHeader(name, value);
    if ("events" in answered) return sendEvents(response, answered.events);
    response.writeHead(answered.status ?? 200, { "content-type": "application/json" });
    response.end(JSON.stringify(answered.json));
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { baseURL: `http://127.0.0.1:${port}/v1`, apiKey, requests, close, [Symbol.asyncDispose]: close };
}

function attempt(reply: () => Reply & { status?: number }): Reply & { status?: number } {
  try {
    return reply();
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, json: error.body };
    // A fault of the fake itself, or of the `answer` that it was given: a status that no client tries again.
    const body: Wire = { error: { message: String(error), type: "fake_openai_error", param: null, code: null } };
    return { status: 400, json: body };
  }
}

async function sendEvents(response: ServerResponse, events: readonly SentEvent[]): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  for (const { event, data } of events) {
    if (response.destroyed) return;
    const text = typeof data === "string" ? data : JSON.stringify(data);
    response.write(event === undefined ? `data: ${text}\n\n` : `event: ${event}\ndata: ${text}\n\n`);
    await nextTurn();
  }
  response.end();
}

function unauthorized(authorization: string | undefined): ApiError {
  const key = authorization?.replace(/^Bearer /, "") ?? "";
  const message = key
    ? `Incorrect API key provided: ${key.slice(0, 6)}***. You can find your API key at https://platform.openai.com/account/api-keys.`
    : "You didn't provide an API key.";
  return new ApiError(401, message, { code: "invalid_api_key" });
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function glob(match: string): RegExp {
  return new RegExp(
    `^${match
      .split("*")
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
  );
}

import type { Agent, IncomingMessage } from "node:http";

/** What is needed of an answer; that of `fetch` is one. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: AnswerBody | null;
}

interface AnswerBody extends AsyncIterable<Uint8Array> {
  cancel(): Promise<void>;
}

/** What is needed of a request. */
export interface Post {
  readonly method: "POST";
  readonly headers: { readonly [name: string]: string };
  readonly body: Buffer;
  /** Redirects are an answer like any other. */
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

export type Send = (url: string, post: Post) => Promise<Answer>;

/** Where Node's `fetch` looks for it: undici has another place from 8 on (Node 26), and tells both of what the package sets. */
export const DISPATCHER: symbol = Symbol.for(
  `undici.globalDispatcher.${Number.parseInt(process.versions["undici"] ?? "", 10) >= 8 ? 2 : 1}`,
);

/**
 * Node's own client where the global `fetch` would do the same, at a quarter of its processor time; else the global
 * `fetch`: somebody has put another in its place, or a dispatcher that is not Node's (a proxy, a mock), or watches Node's
 * client, as Sentry does, and would trace our requests with those of the program.
 */
export function usualSend(): Send {
  const isNodes = String(globalThis.fetch).includes("internal/deps/undici/undici");
  return isNodes && isNodesDispatcher((globalThis as { [at: symbol]: unknown })[DISPATCHER]) && isUnwatched()
    ? (url, post) => nodeSend(url, post)
    : (globalThis.fetch as unknown as Send);
}

/** Node tells of its requests by these, the second from 22.12 on. */
const CHANNELS = ["http.client.request.start", "http.client.request.created"];

/** Which of its methods others replace, as Sentry does: of its own it has none of them. */
const INHERITED = ["_storeHeader", "_send", "write", "end", "emit", "on", "setHeader", "flushHeaders"];

/** What Node's functions do, of `http` and of `https`. */
const NODES_REQUEST = /return (?:new |ReflectConstruct\()ClientRequest\b/;

/** Others hear of requests by a channel, by a `request` of their own, or by a method of every request. */
function isUnwatched(): boolean {
  const { hasSubscribers } = process.getBuiltinModule("node:diagnostics_channel");
  const { prototype } = process.getBuiltinModule("node:http").ClientRequest;
  return (
    !CHANNELS.some((name) => hasSubscribers(name)) &&
    !INHERITED.some((name) => Object.hasOwn(prototype, name)) &&
    (["node:http", "node:https"] as const).every((name) =>
      NODES_REQUEST.test(String(process.getBuiltinModule(name).request)),
    )
  );
}

let known: unknown;
let isKnownNodes = true;

/** There is none before the first `fetch`. Node's class is told from that of the package by where its errors come from. */
function isNodesDispatcher(dispatcher: unknown): boolean {
  if (dispatcher === undefined || dispatcher === known) return dispatcher === undefined || isKnownNodes;
  known = dispatcher;
  isKnownNodes = false;
  try {
    const agent = dispatcher as { constructor: { name: string; prototype: { dispatch(): void } }; dispatch(): void };
    const { name, prototype } = agent.constructor;
    // With `NODE_USE_ENV_PROXY` it is Node's `EnvHttpProxyAgent`; one with interceptors has a `dispatch` of its own.
    if (name === "Agent" && agent.dispatch === prototype.dispatch) agent.dispatch();
  } catch (error) {
    isKnownNodes = String((error as Error)?.stack).includes("node:internal/deps/undici");
  }
  return isKnownNodes;
}

/** Of our own: what the program sets for the global ones is for its own requests, and so is the number of their sockets. */
const agents: { [protocol: string]: Agent } = {};

/** Below the five seconds after which servers of Node close an idle connection; `fetch` has the same. */
const IDLE_MS = 4_000;

function nodeSend(url: string, post: Post, isAgain = false): Promise<Answer> {
  const protocol = url.startsWith("https:") ? "node:https" : "node:http";
  const { request, Agent } = process.getBuiltinModule(protocol);
  const agent = (agents[protocol] ??= new Agent({ keepAlive: true, timeout: IDLE_MS }));
  const { method, body, signal } = post;
  // Without a word any coding is welcome (RFC 9110, 12.5.3), and nothing here unpacks one.
  const headers = { "accept-encoding": "identity", ...post.headers };
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    // Again: over a connection of its own, as any that is kept may be as stale.
    const sent = request(url, { method, headers, signal, agent: isAgain ? false : agent }, (response) => {
      isAnswered = true;
      const answer = answerOf(response);
      // As `fetch` by its specification: 421 is sent once more, on another connection; 407 and 101 are failures.
      const { status } = answer;
      const isElsewhere = status === 421 && !isAgain;
      const isFailure = status === 407 || status < 200;
      if (isElsewhere || isFailure) response.destroy();
      if (isElsewhere) resolve(nodeSend(url, post, true));
      else if (isFailure) reject(new TypeError(`answered ${status}`));
      else resolve(answer);
    });
    sent.on("error", (error: NodeJS.ErrnoException) => {
      // The server closed the kept connection as the request was on its way.
      const isStale = sent.reusedSocket && !isAnswered && (error.code === "ECONNRESET" || error.code === "EPIPE");
      if (isStale && !isAgain && !signal.aborted) resolve(nodeSend(url, post, true));
      else reject(error);
    });
    // A change of protocol (101 with `upgrade`) closes the request, and nothing else tells of it.
    sent.on("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
    sent.end(body);
  });
}

function answerOf(response: IncomingMessage): Answer {
  const { statusCode: status = 0, headers } = response;
  // Once nobody reads it any more.
  response.on("error", () => {});
  return {
    ok: status >= 200 && status <= 299,
    status,
    headers: { get: (name) => headers[name]?.toString() ?? null },
    body: {
      [Symbol.asyncIterator]: () => response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>,
      cancel: async () => void response.destroy(),
    },
  };
}

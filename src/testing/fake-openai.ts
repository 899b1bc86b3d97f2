import { randomBytes } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, systemClock } from "../core/clock.ts";
import type { ModelAnswer, PlannedCall } from "./fake-openai/answer.ts";
import { chatRoutes } from "./fake-openai/chat.ts";
import { completionRoutes } from "./fake-openai/completions.ts";
import { conversationRoutes } from "./fake-openai/conversations.ts";
import {
  ApiError,
  badRequest,
  type Reply,
  router,
  type SentEvent,
  unknownUrl,
  type Wire,
  type World,
} from "./fake-openai/http.ts";
import { mediaRoutes } from "./fake-openai/media.ts";
import { modelRoutes } from "./fake-openai/models.ts";
import { type LoggedRequest, readRequest } from "./fake-openai/request.ts";
import type { ResponseEnding } from "./fake-openai/response.ts";
import { responseRoutes } from "./fake-openai/responses.ts";
import { type RunEnding, type RunPlan, runPlanOf } from "./fake-openai/run-plan.ts";
import { runRoutes } from "./fake-openai/runs.ts";
import { edited, replyOf, type ScriptedReply, scripted } from "./fake-openai/script.ts";
import { type StreamShape, send } from "./fake-openai/send.ts";
import type { ThreadStore } from "./fake-openai/store.ts";
import { defaultAnswer } from "./fake-openai/text.ts";
import { threadRoutes } from "./fake-openai/threads.ts";

export type {
  LoggedRequest,
  ModelAnswer,
  PlannedCall,
  ResponseEnding,
  RunEnding,
  RunPlan,
  ScriptedReply,
  SentEvent,
  StreamShape,
};

export interface FakeOpenAIOptions {
  /** What the model says to the last user message; `body` is that of the request. Default: solves `3x + 11 = 14`. */
  answer?: (question: string, body: any) => string | ModelAnswer;
  /** How runs go, or what says it for the body of each request that makes one. Default: `completed`. */
  runs?: RunEnding | RunPlan | ((body: any) => RunEnding | RunPlan);
  /** How responses end. Default: `completed`. */
  responses?: ResponseEnding;
  /** The first rule that matches a request and is not used up answers it, or changes its answer. */
  script?: readonly ScriptedReply[];
  /** How event streams go over the wire. */
  stream?: StreamShape;
  /** The Assistants API is switched off: 404 for everything below `/assistants` and `/threads`. Default: false. */
  sunset?: boolean;
  /** How long every reply takes. Default: 0. */
  latencyMs?: number;
  /** The `openai-poll-after-ms` header of runs, which the client's polling helpers obey. Default: 1. */
  pollAfterMs?: number;
  /** Where `created_at` and the like come from; whole seconds of it. */
  clock?: Pick<Clock, "epochMs">;
}

export interface FakeOpenAI {
  /** For `new OpenAI({ baseURL })`: loopback, any free port, ends in `/v1`. */
  readonly baseURL: string;
  /** For `new AzureOpenAI({ endpoint })`: the same server without a path. */
  readonly endpoint: string;
  /** The only key that is accepted, as a bearer token or as `api-key`. */
  readonly apiKey: string;
  /** Every request so far, oldest first. */
  readonly requests: readonly LoggedRequest[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a scripted OpenAI-compatible server on loopback with OpenAI's payloads, headers, errors and event streams:
 * assistants, threads, messages, runs and their steps, chat completions, responses, conversations, embeddings, images,
 * audio, moderations and models, under `/v1` and under Azure's paths.
 *
 * A run goes `queued` → `in_progress` → (`requires_action`, when the assistant has function tools) → `completed`, one
 * step for each time it is retrieved, or all at once when it is streamed; so does a response in the background.
 *
 * @example
 * await using fake = await fakeOpenAI({ script: [{ match: "POST /chat/completions", status: 429, times: 1 }] });
 * const openai = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey });
 */
export async function fakeOpenAI(options: FakeOpenAIOptions = {}): Promise<FakeOpenAI> {
  const { latencyMs = 0, clock = systemClock } = options;
  const apiKey = "sk-fake-key";
  const requests: LoggedRequest[] = [];
  const ruleFor = scripted(options.script ?? []);
  const world = newWorld(clock, options.answer ?? defaultAnswer);
  const route = router(routesOf(world, options));

  const realReply = ({ method, path, headers, body }: LoggedRequest, query: URLSearchParams, text: string): Reply => {
    if (headers.authorization !== `Bearer ${apiKey}` && headers["api-key"] !== apiKey) throw unauthorized(headers);
    if (text !== "" && body === undefined) throw badRequest("We could not parse the JSON body of your request.");
    if (options.sunset && /^\/(?:assistants|threads)\b/.test(path)) throw unknownUrl(method, path);
    return route(method, path, { query, body: body ?? {}, isAzure: query.has("api-version") });
  };

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const started = performance.now();
    const { request, query, text } = await readRequest(incoming, clock.epochMs());
    requests.push(request);
    const rule = ruleFor(request);
    const waitMs = latencyMs + (rule?.delayMs ?? 0);
    if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
    if (rule?.drop) return void response.destroy();
    const reply = attempt(() => {
      if (rule === undefined) return realReply(request, query, text);
      return (
        replyOf(rule, request) ??
        edited(
          attempt(() => realReply(request, query, text)),
          rule,
          request,
        )
      );
    });
    response.setHeader("x-request-id", world.id("req_"));
    response.setHeader("openai-version", "2020-10-01");
    response.setHeader("openai-organization", "org-fake");
    response.setHeader("openai-project", "proj_fake");
    response.setHeader("openai-processing-ms", String(Math.round(performance.now() - started)));
    await send(response, reply, { ...options.stream, ...rule?.stream });
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { baseURL: `${endpoint}/v1`, endpoint, apiKey, requests, close, [Symbol.asyncDispose]: close };
}

function newWorld(clock: Pick<Clock, "epochMs">, answer: NonNullable<FakeOpenAIOptions["answer"]>): World {
  // Unlike any other server's, in the order in which they were made.
  const salt = randomBytes(6).toString("hex");
  let made = 0;
  return {
    now: () => Math.floor(clock.epochMs() / 1000),
    id: (prefix) => `${prefix}${salt}${String(++made).padStart(12, "0")}`,
    answer: (question, body) => {
      const said = answer(question, body);
      return typeof said === "string" ? { text: said } : said;
    },
  };
}

function routesOf(world: World, { runs = "completed", responses = "completed", pollAfterMs = 1 }: FakeOpenAIOptions) {
  const store: ThreadStore = { assistants: new Map(), threads: new Map() };
  const conversations = new Map<string, Wire>();
  return {
    ...runRoutes(world, store, {
      planOf: (body) => runPlanOf(typeof runs === "function" ? runs(body) : runs),
      pollAfterMs,
    }),
    ...threadRoutes(world, store),
    ...chatRoutes(world),
    ...completionRoutes(world),
    ...responseRoutes(world, responses, conversations),
    ...conversationRoutes(world, conversations),
    ...mediaRoutes(world),
    ...modelRoutes(world),
  };
}

function attempt(reply: () => Reply): Reply {
  try {
    return reply();
  } catch (error) {
    if (error instanceof ApiError) return { status: error.status, json: error.body };
    // A fault of the fake itself, or of a function that it was given: a status that no client tries again.
    const body: Wire = { error: { message: String(error), type: "fake_openai_error", param: null, code: null } };
    return { status: 400, json: body };
  }
}

function unauthorized(headers: IncomingHttpHeaders): ApiError {
  const key = headers.authorization?.replace(/^Bearer /, "") ?? String(headers["api-key"] ?? "");
  const message = key
    ? `Incorrect API key provided: ${key.slice(0, 6)}***. You can find your API key at https://platform.openai.com/account/api-keys.`
    : "You didn't provide an API key.";
  return new ApiError(401, message, { code: "invalid_api_key" });
}

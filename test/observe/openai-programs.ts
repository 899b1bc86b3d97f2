import type { FakeOpenAI, FakeOpenAIOptions } from "sightline/testing";
import type { Decorate } from "./conformance/target.ts";
import type { World } from "./conformance/world.ts";

export const QUESTION: { model: string; messages: object[] } = {
  model: "gpt-4",
  messages: [{ role: "user", content: "Solve `3x + 11 = 14`." }],
};
const FORMAT = {
  type: "json_schema",
  json_schema: {
    name: "solution",
    strict: true,
    schema: { type: "object", properties: { answer: { type: "string" } } },
  },
};
const WEATHER = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
};

/** Whatever the version of the client gives. */
export type AnyService = Record<string, any>;

/** A service as people write it: its methods hand out what the client gives them, awaited or not. */
export function createService(o: Decorate, client: any, isV4: boolean): AnyService {
  const chat = (isV4 ? client.beta.chat : client.chat).completions;
  const { threads } = client.beta;
  class Service {
    readonly #client = client;
    @o chat(body: object, options?: object): any {
      return this.#client.chat.completions.create(body, options);
    }
    @o async chatAwaited(body: object, options?: object): Promise<any> {
      return await this.#client.chat.completions.create(body, options);
    }
    @o parse(body: object): any {
      return chat.parse(body);
    }
    @o stream(body: object, options?: object): any {
      return chat.stream(body, options);
    }
    @o models(): any {
      return this.#client.models.list();
    }
    @o messages(threadId: string, query: object): any {
      return threads.messages.list(threadId, query);
    }
    @o async messagesAwaited(threadId: string, query: object): Promise<any> {
      return await threads.messages.list(threadId, query);
    }
    @o createAndPoll(threadId: string, body: object, options?: object): any {
      return threads.runs.createAndPoll(threadId, body, options);
    }
    @o submit(threadId: string, runId: string, body: object): any {
      return isV4
        ? threads.runs.submitToolOutputsAndPoll(threadId, runId, body)
        : threads.runs.submitToolOutputsAndPoll(runId, { thread_id: threadId, ...body });
    }
    @o runStream(threadId: string, body: object): any {
      return threads.runs.stream(threadId, body);
    }
    @o responses(body: object): any {
      return this.#client.responses.create(body);
    }
    @o embeddings(body: object): any {
      return this.#client.embeddings.create(body);
    }
    @o missing(): any {
      return this.#client.models.retrieve("no-such-model");
    }
    @o get resource(): any {
      return this.#client.chat.completions;
    }
  }
  return new Service();
}

export interface Setting {
  readonly svc: AnyService;
  readonly w: World;
  readonly client: any;
  readonly OpenAI: any;
  readonly fake: FakeOpenAI;
}

export interface Program {
  readonly options?: FakeOpenAIOptions;
  readonly key?: string;
  /** The calls whose spans must have ended when the program has; the others are left alone by it. */
  readonly ended: number;
  readonly open?: number;
  run(setting: Setting): unknown;
}

const answer = (completion: any): unknown => completion.choices[0].message.content;

export async function attempt(w: World, label: string, work: () => unknown): Promise<any> {
  try {
    return await work();
  } catch (error) {
    w.log(label, "failed", describe(error));
  }
}

/** What a program can tell an API error by. */
function describe(error: any): object {
  const { status, code, type, param, message, error: body } = error;
  const requestId = typeof (error.requestID ?? error.request_id);
  const known = {
    status,
    code,
    type,
    param,
    message,
    body: JSON.stringify(body),
    requestId,
    headers: headersOf(error),
  };
  return { ...known, class: error.constructor.name, name: error.name, keys: Object.keys(error).sort() };
}

/** All but those that differ from one answer to the next. */
function headersOf({ headers }: any): string[] | undefined {
  if (headers === undefined) return undefined;
  const entries: [string, string][] = typeof headers.entries === "function" ? [...headers] : Object.entries(headers);
  const differing = ["date", "x-request-id", "openai-processing-ms"];
  return entries.filter(([name]) => !differing.includes(name)).map(([name, value]) => `${name}: ${value}`);
}

export async function threadWith(
  client: any,
  messages: number,
  tools: readonly object[] = [],
): Promise<{ threadId: string; body: { assistant_id: string } }> {
  const assistant = await client.beta.assistants.create({ model: "gpt-4", tools });
  const thread = await client.beta.threads.create();
  for (let i = 0; i < messages; i++) {
    await client.beta.threads.messages.create(thread.id, { role: "user", content: `message ${i}` });
  }
  return { threadId: thread.id as string, body: { assistant_id: assistant.id } };
}

const textOf = (message: any): string => message.content[0].text.value;

const throttled = (times: number): FakeOpenAIOptions => ({
  script: [{ match: "POST /chat/completions", status: 429, headers: { "retry-after-ms": "1" }, times }],
});

/** What people do with the client, each with a fresh server. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  await: {
    ended: 2,
    async run({ svc, w }) {
      w.log("direct", answer(await svc.chat(QUESTION)));
      w.log("awaited", answer(await svc.chatAwaited(QUESTION)));
    },
  },
  "the promise itself": {
    ended: 1,
    async run({ svc, w }) {
      const promise = svc.chat(QUESTION);
      w.log(promise.constructor.name, promise instanceof Promise, Object.prototype.toString.call(promise));
      w.log(
        "has",
        typeof promise.withResponse,
        typeof promise.asResponse,
        typeof promise.parse,
        typeof promise.finally,
      );
      const [first, second] = [await promise, await promise];
      w.log("memoised", first === second);
    },
  },
  "then, catch, finally, all": {
    ended: 4,
    async run({ svc, w }) {
      w.log("then", await svc.chat(QUESTION).then(answer));
      w.log("catch", answer(await svc.chat(QUESTION).catch(() => "never")));
      w.log("finally", answer(await svc.chat(QUESTION).finally(() => w.log("in finally"))));
      w.log(
        "all",
        (await Promise.all([svc.chat(QUESTION), 1])).map((one: any) => typeof one),
      );
    },
  },
  withResponse: {
    ended: 2,
    async run({ svc, w }) {
      const { data, response, request_id } = await svc.chat(QUESTION).withResponse();
      w.log(answer(data), response.status, response.headers.get("x-ratelimit-limit-requests"), typeof request_id);
      const page = await svc.models().withResponse();
      w.log(page.data.data.length, page.response.status);
    },
  },
  asResponse: {
    ended: 1,
    async run({ svc, w }) {
      const response = await svc.chat(QUESTION).asResponse();
      w.log(response.status, response.bodyUsed, response.constructor.name);
      w.log("object", JSON.parse(await response.text()).object);
    },
  },
  "asResponse, and then await": {
    ended: 1,
    async run({ svc, w }) {
      const promise = svc.chat(QUESTION);
      const response = await promise.asResponse();
      w.log("used", response.bodyUsed);
      await attempt(w, "await", async () => w.log(answer(await promise)));
    },
  },
  _thenUnwrap: {
    ended: 1,
    async run({ svc, w }) {
      const unwrapped = svc.chat(QUESTION)._thenUnwrap(answer);
      w.log(unwrapped.constructor.name, await unwrapped);
    },
  },
  "the parse helper": {
    ended: 1,
    async run({ svc, w }) {
      const { choices } = await svc.parse({ ...QUESTION, response_format: FORMAT });
      w.log(choices[0].message.parsed);
    },
  },
  "a promise that nobody waits for": {
    ended: 0,
    open: 1,
    async run({ svc, w, fake }) {
      svc.chat(QUESTION);
      await until(w, () => fake.requests.length === 1);
      await w.turn(20);
    },
  },
  "a rejected promise that nobody waits for": {
    key: "sk-wrong",
    ended: 0,
    open: 1,
    async run({ svc, w, fake }) {
      svc.chat(QUESTION, { maxRetries: 0 });
      await until(w, () => fake.requests.length === 1);
      await w.turn(20);
    },
  },
  "a method that awaits, rejected, and nobody waits for it": {
    key: "sk-wrong",
    ended: 1,
    async run({ svc, w, fake }) {
      svc.chatAwaited(QUESTION, { maxRetries: 0 });
      await until(w, () => fake.requests.length === 1);
      await w.turn(20);
    },
  },
  "a resource out of a getter": {
    ended: 1,
    async run({ svc, w }) {
      w.log(answer(await svc.resource.create(QUESTION)));
    },
  },
  "a list, awaited": {
    ended: 2,
    async run({ svc, w, client }) {
      const { threadId } = await threadWith(client, 5);
      for (const list of ["messages", "messagesAwaited"] as const) {
        const page = await svc[list](threadId, { limit: 2, order: "asc" });
        w.log(page.constructor.name, page.data.map(textOf), page.hasNextPage());
        const next = await page.getNextPage();
        w.log(next.data.map(textOf));
      }
    },
  },
  "a list, iterated without await": {
    ended: 2,
    async run({ svc, w, client }) {
      const { threadId } = await threadWith(client, 5);
      for await (const message of svc.messages(threadId, { limit: 2, order: "asc" })) w.log(textOf(message));
      for await (const message of svc.messages(threadId, { limit: 2, order: "asc" })) {
        w.log(textOf(message));
        break;
      }
    },
  },
  "a list, page by page": {
    ended: 2,
    async run({ svc, w, client }) {
      const { threadId } = await threadWith(client, 5);
      const page = await svc.messages(threadId, { limit: 2, order: "asc" });
      for await (const { data } of page.iterPages()) w.log(data.map(textOf));
      for await (const message of await svc.messagesAwaited(threadId, { limit: 2 })) w.log(textOf(message));
    },
  },
  createAndPoll: {
    ended: 1,
    async run({ svc, w, client }) {
      const { threadId, body } = await threadWith(client, 1);
      const run = await svc.createAndPoll(threadId, body, { pollIntervalMs: 1 });
      w.log(run.status, typeof run.usage.total_tokens);
    },
  },
  submitToolOutputsAndPoll: {
    ended: 2,
    async run({ svc, w, client }) {
      const { threadId, body } = await threadWith(client, 1, [WEATHER]);
      const waiting = await svc.createAndPoll(threadId, body);
      w.log(waiting.status);
      const [{ id }] = waiting.required_action.submit_tool_outputs.tool_calls;
      const run = await svc.submit(threadId, waiting.id, { tool_outputs: [{ tool_call_id: id, output: "sunny" }] });
      w.log(run.status);
    },
  },
  "a chat stream": {
    ended: 2,
    async run({ svc, w }) {
      for (const method of ["chat", "chatAwaited"] as const) {
        const stream = await svc[method]({ ...QUESTION, stream: true });
        w.log(stream.constructor.name, Object.keys(stream), stream.controller.constructor.name);
        let text = "";
        for await (const chunk of stream) text += chunk.choices[0].delta.content ?? "";
        w.log(text, stream.controller.signal.aborted);
        await attempt(w, "again", async () => {
          for await (const _ of stream);
        });
      }
    },
  },
  "a chat stream that is left early": {
    ended: 1,
    async run({ svc, w }) {
      const stream = await svc.chat({ ...QUESTION, stream: true });
      for await (const chunk of stream) {
        w.log(chunk.object);
        break;
      }
      w.log("aborted", stream.controller.signal.aborted);
    },
  },
  "a chat stream that is aborted": {
    ended: 1,
    async run({ svc, w }) {
      const stream = await svc.chat({ ...QUESTION, stream: true });
      let chunks = 0;
      await attempt(w, "loop", async () => {
        for await (const _ of stream) if (++chunks === 2) stream.controller.abort();
      });
      w.log("went on", chunks >= 2, stream.controller.signal.aborted);
    },
  },
  "a chat stream in two": {
    ended: 1,
    async run({ svc, w }) {
      const stream = await svc.chat({ ...QUESTION, stream: true });
      const texts: string[] = [];
      for (const side of stream.tee()) {
        let text = "";
        for await (const chunk of side) text += chunk.choices[0].delta.content ?? "";
        texts.push(text);
      }
      w.log(texts);
    },
  },
  "a chat stream as a web stream": {
    ended: 1,
    async run({ svc, w }) {
      const stream = await svc.chat({ ...QUESTION, stream: true });
      const body = stream.toReadableStream();
      const text = await new Response(body).text();
      w.log(
        text
          .split("\n")
          .filter(Boolean)
          .map((line: string) => JSON.parse(line).object),
      );
    },
  },
  "a chat stream with its response": {
    ended: 1,
    async run({ svc, w }) {
      const { data, response } = await svc.chat({ ...QUESTION, stream: true }).withResponse();
      w.log(response.status, response.headers.get("content-type"));
      for await (const chunk of data) w.log(chunk.choices[0].delta.content);
    },
  },
  "a chat stream that nobody reads": {
    ended: 0,
    open: 1,
    async run({ svc, w }) {
      const stream = await svc.chat({ ...QUESTION, stream: true });
      w.log("aborted", stream.controller.signal.aborted);
      stream.controller.abort();
      await w.turn(5);
    },
  },
  "the stream helper: its events and its results": {
    ended: 1,
    async run({ svc, w }) {
      const stream = svc.stream(QUESTION);
      const events: string[] = [];
      for (const event of ["connect", "content", "message", "end", "error", "abort"]) {
        stream.on(event, () => events.push(event));
      }
      w.log("content", await stream.finalContent());
      w.log("completion", (await stream.finalChatCompletion()).object, (await stream.finalMessage()).role);
      await stream.done();
      w.log([...new Set(events)], stream.ended, stream.errored, stream.aborted);
    },
  },
  "the stream helper, iterated": {
    ended: 1,
    async run({ svc, w }) {
      const stream = svc.stream(QUESTION);
      for await (const chunk of stream) w.log(chunk.choices[0].delta.content);
      w.log(await stream.finalContent());
    },
  },
  "the stream helper, left early": {
    ended: 1,
    async run({ svc, w }) {
      const stream = svc.stream(QUESTION);
      for await (const chunk of stream) {
        w.log(chunk.object);
        break;
      }
      await until(w, () => stream.ended);
      w.log(stream.controller.signal.aborted, stream.aborted);
    },
  },
  "the stream helper, aborted": {
    ended: 1,
    async run({ svc, w }) {
      const stream = svc.stream(QUESTION);
      stream.on("chunk", () => stream.abort());
      await attempt(w, "done", () => stream.done());
      w.log(stream.aborted, stream.errored, stream.ended);
    },
  },
  "the stream helper, rejected and awaited": {
    key: "sk-wrong",
    ended: 1,
    async run({ svc, w }) {
      const stream = svc.stream(QUESTION, { maxRetries: 0 });
      await attempt(w, "done", () => stream.done());
      await attempt(w, "final", () => stream.finalContent());
      w.log(stream.aborted, stream.errored, stream.ended);
    },
  },
  "the stream helper, rejected, and nobody waits": {
    key: "sk-wrong",
    ended: 1,
    async run({ svc, w }) {
      const stream = svc.stream(QUESTION, { maxRetries: 0 });
      await until(w, () => stream.ended);
      await w.turn(5);
    },
  },
  "a streamed run": {
    ended: 1,
    async run({ svc, w, client }) {
      const { threadId, body } = await threadWith(client, 1);
      const stream = svc.runStream(threadId, body);
      let text = "";
      stream.on("textDelta", (delta: any) => {
        text += delta.value;
      });
      const messages = await stream.finalMessages();
      w.log(messages.length, text, (await stream.finalRun()).status, stream.ended);
    },
  },
  "a streamed run, iterated": {
    ended: 1,
    async run({ svc, w, client }) {
      const { threadId, body } = await threadWith(client, 1);
      for await (const { event } of svc.runStream(threadId, body)) w.log(event);
    },
  },
  "responses, at once and streamed": {
    ended: 2,
    async run({ svc, w }) {
      const request = { model: "gpt-5", input: "Solve it." };
      w.log((await svc.responses(request)).output_text);
      for await (const event of await svc.responses({ ...request, stream: true })) w.log(event.type);
    },
  },
  embeddings: {
    ended: 1,
    async run({ svc, w }) {
      const { data } = await svc.embeddings({ model: "text-embedding-3-small", input: ["a"], dimensions: 8 });
      w.log(data.length, data[0].embedding.length);
    },
  },
  "an AbortSignal that has fired": {
    ended: 2,
    async run({ svc, w }) {
      const options = { signal: AbortSignal.abort(), maxRetries: 0 };
      await attempt(w, "direct", () => svc.chat(QUESTION, options));
      await attempt(w, "awaited", () => svc.chatAwaited(QUESTION, options));
    },
  },
  "an AbortSignal that fires while the request is under way": {
    options: { latencyMs: 10_000 },
    ended: 1,
    async run({ svc, w, fake }) {
      const controller = new AbortController();
      const promise = svc.chat(QUESTION, { signal: controller.signal, maxRetries: 0 });
      const failed = attempt(w, "aborted", () => promise);
      await until(w, () => fake.requests.length === 1);
      controller.abort();
      await failed;
    },
  },
  "a timeout": {
    options: { latencyMs: 10_000 },
    ended: 1,
    async run({ svc, w, fake }) {
      const restore = goOffWhen(TIMEOUT_MS, () => fake.requests.length > 0);
      await attempt(w, "timeout", () => svc.chat(QUESTION, { timeout: TIMEOUT_MS, maxRetries: 0 })).finally(restore);
    },
  },
  "401": {
    key: "sk-wrong",
    ended: 3,
    async run({ svc, w, OpenAI }) {
      await attempt(w, "direct", () => svc.chat(QUESTION));
      await attempt(w, "withResponse", () => svc.chat(QUESTION).withResponse());
      await svc.chatAwaited(QUESTION).catch((error: unknown) => {
        w.log("instance", error instanceof OpenAI.AuthenticationError, error instanceof OpenAI.APIError);
      });
    },
  },
  "404": {
    ended: 1,
    run: ({ svc, w }) => attempt(w, "missing", () => svc.missing()),
  },
  "429 that stays": {
    options: throttled(3),
    ended: 1,
    run: ({ svc, w }) => attempt(w, "throttled", () => svc.chat(QUESTION)),
  },
  "429 that goes away": {
    options: throttled(1),
    ended: 1,
    run: async ({ svc, w }) => w.log(answer(await svc.chat(QUESTION))),
  },
  "500": {
    options: { script: [{ match: "* /*", status: 500 }] },
    ended: 1,
    run: ({ svc, w }) => attempt(w, "failed", () => svc.chat(QUESTION, { maxRetries: 0 })),
  },
  "a bad request": {
    ended: 2,
    async run({ svc, w }) {
      await attempt(w, "no messages", () => svc.chat({ model: "gpt-4" }));
      await attempt(w, "no thread", () => svc.createAndPoll("", {}));
    },
  },
};

/** No other timer is set for as long. */
const TIMEOUT_MS = 54_321;

/** Timers of `ms` go off when it is so: on a busy machine a request may need any time to be sent. Returns what ends this. */
function goOffWhen(ms: number, isSo: () => boolean): () => void {
  const own = globalThis.setTimeout;
  const restore = (): void => {
    globalThis.setTimeout = own;
  };
  const look = (fn: () => void): NodeJS.Timeout => own(() => (isSo() ? fn() : look(fn)), 5);
  globalThis.setTimeout = ((fn: () => void, delay?: number, ...args: unknown[]) =>
    delay === ms ? look(fn) : own(fn, delay, ...args)) as typeof setTimeout;
  return restore;
}

export async function until(w: World, isDone: () => unknown): Promise<void> {
  for (let turns = 0; turns < 2_000 && !isDone(); turns++) await w.turn();
}

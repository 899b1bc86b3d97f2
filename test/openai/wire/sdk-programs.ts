import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { attempt, type Program, QUESTION, threadWith } from "../../observe/openai-programs.ts";

/** Everything of a value that a caller could look at, but what differs from one answer to the next. */
function deep(value: unknown): string {
  return JSON.stringify(value, (key, field) => {
    const isTime = /(_at|created)$/.test(key) && typeof field === "number";
    return isTime ? "…" : field;
  });
}

/** Answers each request of one client by a script, as bytes. */
async function scripted(
  answer: (response: ServerResponse, count: number) => void,
  use: (baseURL: string, requests: () => number) => Promise<void>,
): Promise<void> {
  let count = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => answer(response, count++));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, () => count);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const SSE = { "content-type": "text/event-stream" };
const chunk = (delta: object, rest: object = {}): string =>
  `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4", choices: [{ index: 0, delta, finish_reason: null, ...rest }] })}\n\n`;

/** A client like the program's own, for another server. */
const elsewhere = (client: any, baseURL: string): any =>
  typeof client.withOptions === "function"
    ? client.withOptions({ baseURL })
    : new client.constructor({ ...client._options, fetch: client.fetch, baseURL });

/** What the programs of `observe` leave out, as only the wire can break it. */
export const WIRE_PROGRAMS: Readonly<Record<string, Program>> = {
  "whole results of every endpoint": {
    ended: 0,
    async run({ w, client }) {
      w.log(deep(await client.chat.completions.create(QUESTION)));
      w.log(deep(await client.responses.create({ model: "gpt-5", input: "Solve it." })));
      w.log(
        deep(await client.embeddings.create({ model: "text-embedding-3-small", input: ["a", "b"], dimensions: 4 })),
      );
      w.log(deep((await client.models.list()).data));
      const { threadId, body } = await threadWith(client, 2);
      const run = await client.beta.threads.runs.createAndPoll(threadId, body, { pollIntervalMs: 1 });
      w.log(deep(run));
      w.log(deep((await client.beta.threads.messages.list(threadId)).data));
    },
  },
  "whole streams": {
    ended: 0,
    async run({ w, client }) {
      const ask = { ...QUESTION, stream: true, stream_options: { include_usage: true } };
      for await (const part of await client.chat.completions.create(ask)) w.log(deep(part));
      const { threadId, body } = await threadWith(client, 1);
      for await (const event of client.beta.threads.runs.stream(threadId, body)) w.log(deep(event));
      const request = { model: "gpt-5", input: "Solve it.", stream: true };
      for await (const event of await client.responses.create(request)) w.log(deep(event));
    },
  },
  "the tool runner": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response, count) => {
          const call = { id: "call_1", type: "function", function: { name: "add", arguments: '{"a":3,"b":11}' } };
          const message =
            count === 0
              ? { role: "assistant", content: null, tool_calls: [call] }
              : { role: "assistant", content: "14", refusal: null };
          response.setHeader("content-type", "application/json");
          response.end(
            JSON.stringify({
              id: `chatcmpl-${count}`,
              object: "chat.completion",
              created: 1,
              model: "gpt-4",
              choices: [{ index: 0, message, finish_reason: count === 0 ? "tool_calls" : "stop", logprobs: null }],
              usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
            }),
          );
        },
        async (baseURL) => {
          const other = elsewhere(client, baseURL);
          const { completions } = other.chat;
          const runTools = completions.runTools ?? other.beta.chat.completions.runTools;
          const owner = completions.runTools ? completions : other.beta.chat.completions;
          const runner = runTools.call(owner, {
            ...QUESTION,
            tools: [
              {
                type: "function",
                function: {
                  name: "add",
                  parse: JSON.parse,
                  parameters: { type: "object", properties: { a: { type: "number" }, b: { type: "number" } } },
                  function: ({ a, b }: { a: number; b: number }) => {
                    w.log("add", a, b);
                    return String(a + b);
                  },
                },
              },
            ],
          });
          runner.on("message", (message: unknown) => w.log(deep(message)));
          w.log(await runner.finalContent(), deep(await runner.totalUsage()));
        },
      ),
  },
  "a stream whose frames are cut anywhere": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        async (response) => {
          response.writeHead(200, SSE);
          const bytes = Buffer.from(
            `${chunk({ content: "größer 😀" })}: note\r\n\r\n${chunk({ content: "!" })}data: [DONE]\n\n`,
          );
          for (let i = 0; i < bytes.length; i += 7) {
            response.write(bytes.subarray(i, i + 7));
            await new Promise((resolve) => setImmediate(resolve));
          }
          response.end();
        },
        async (baseURL) => {
          const stream = await elsewhere(client, baseURL).chat.completions.create({ ...QUESTION, stream: true });
          for await (const part of stream) w.log(deep(part));
        },
      ),
  },
  "a stream that breaks off": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response) => {
          response.writeHead(200, SSE);
          response.write(chunk({ content: "one" }), () => setTimeout(() => response.destroy(), 20));
        },
        async (baseURL) => {
          const stream = await elsewhere(client, baseURL).chat.completions.create({ ...QUESTION, stream: true });
          await attempt(w, "broken", async () => {
            for await (const part of stream) w.log(deep(part));
          });
        },
      ),
  },
  "an error in the middle of a stream": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response) => {
          response.writeHead(200, SSE);
          const error = {
            error: { message: "The server had an error", type: "server_error", code: "server_error", param: null },
          };
          response.end(`${chunk({ content: "one" })}data: ${JSON.stringify(error)}\n\n`);
        },
        async (baseURL) => {
          const stream = await elsewhere(client, baseURL).chat.completions.create({ ...QUESTION, stream: true });
          await attempt(w, "told", async () => {
            for await (const part of stream) w.log(deep(part));
          });
        },
      ),
  },
  "a stream that is no stream": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>a proxy's page</html>"),
        async (baseURL) => {
          const other = elsewhere(client, baseURL);
          await attempt(w, "streamed", async () => {
            for await (const part of await other.chat.completions.create({ ...QUESTION, stream: true }))
              w.log(deep(part));
          });
          await attempt(w, "at once", async () => w.log(deep(await other.chat.completions.create(QUESTION))));
        },
      ),
  },
  "a connection that is reset, and one that answers at the third attempt": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response, count) => {
          if (count < 2) response.destroy();
          else response.setHeader("content-type", "application/json").end('{"object":"chat.completion","choices":[]}');
        },
        async (baseURL, requests) => {
          const other = elsewhere(client, baseURL);
          await attempt(w, "reset", () => other.chat.completions.create(QUESTION, { maxRetries: 0 }));
          w.log(requests());
          await attempt(w, "again", async () => w.log(deep(await other.chat.completions.create(QUESTION))));
          w.log(requests());
        },
      ),
  },
  "a body that stalls, and a timeout": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response) => {
          response.writeHead(200, { "content-type": "application/json" });
          response.write('{"object":');
        },
        async (baseURL) => {
          const other = elsewhere(client, baseURL);
          const abort = new AbortController();
          const call = other.chat.completions.create(QUESTION, { maxRetries: 0, signal: abort.signal });
          await call.asResponse();
          // By then the body is being read: what reads it starts in this turn.
          setImmediate(() => abort.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError")));
          await attempt(w, "stalled", () => call);
        },
      ),
  },
  "429 with headers, and who reads them": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response) => {
          response.writeHead(429, {
            "content-type": "application/json",
            "x-ratelimit-reset-requests": "6m0s",
            "x-odd": "1",
          });
          response.end(
            '{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}',
          );
        },
        async (baseURL, requests) => {
          const other = elsewhere(client, baseURL);
          await attempt(w, "throttled", () => other.chat.completions.create(QUESTION, { maxRetries: 1 }));
          w.log(requests());
        },
      ),
  },
  "bodies that are no JSON: binary, empty, text": {
    ended: 0,
    run: ({ w, client }) =>
      scripted(
        (response, count) => {
          if (count === 0) response.writeHead(200, { "content-type": "audio/mpeg" }).end(Buffer.alloc(100_000, 7));
          else if (count === 1) response.writeHead(204).end();
          else response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
        },
        async (baseURL) => {
          const other = elsewhere(client, baseURL);
          const speech = await other.audio.speech.create({ model: "tts-1", input: "hello", voice: "alloy" });
          w.log((await speech.arrayBuffer()).byteLength, speech.headers.get("content-type"));
          await attempt(w, "empty", async () => w.log(deep(await other.files.retrieve("file-1"))));
          await attempt(w, "text", () => other.models.retrieve("m", { maxRetries: 0 }));
        },
      ),
  },
  "an upload": {
    ended: 0,
    run: ({ w, client, OpenAI }) =>
      scripted(
        (response) => response.setHeader("content-type", "application/json").end('{"text":"hello"}'),
        async (baseURL) => {
          const other = elsewhere(client, baseURL);
          const file = await (OpenAI.toFile ?? other.constructor.toFile)(Buffer.from("RIFF…"), "a.wav");
          const ask = { model: "whisper-1", file };
          // The forms of openai 4 are for its own fetch only.
          await attempt(w, "upload", async () =>
            w.log(deep(await other.audio.transcriptions.create(ask, { maxRetries: 0 }))),
          );
        },
      ),
  },
};

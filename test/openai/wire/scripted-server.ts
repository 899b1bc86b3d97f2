import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown;

export interface ScriptedServer extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly baseURL: string;
  /** Answers whose connection is gone before they were whole. */
  readonly cut: number;
  readonly requests: number;
}

/** An HTTP server on loopback that answers its requests one after another as told; the last answer again and again. */
export async function scriptedServer(...answers: readonly Answer[]): Promise<ScriptedServer> {
  let requests = 0;
  let cut = 0;
  const server = createServer(async (request, response) => {
    const answer = answers[Math.min(requests++, answers.length - 1)]!;
    response.on("close", () => {
      if (!response.writableFinished) cut++;
    });
    const body = await text(request).catch(() => "");
    await answer(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    get cut() {
      return cut;
    },
    get requests() {
      return requests;
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };
}

/** Sends the parts, each when the one before has gone out, and `then` instead of an end. */
export function events(parts: readonly string[], then?: (response: ServerResponse) => void): Answer {
  return async (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const part of parts) {
      response.write(part);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (then === undefined) response.end();
    else then(response);
  };
}

export function chatChunk(content: string, finish: string | null = null): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: finish }];
  return event({
    id: "chatcmpl-1",
    object: "chat.completion.chunk",
    created: 1_770_000_000,
    model: "gpt-4.1",
    choices,
  });
}

export function event(data: unknown): string {
  return `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
}

export const DONE: string = event("[DONE]");

export const COMPLETION: { readonly [name: string]: unknown } = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1_770_000_000,
  model: "gpt-4.1-2025-04-14",
  choices: [{ index: 0, message: { role: "assistant", content: "x = 1" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14 },
};

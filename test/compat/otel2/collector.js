/** An OTLP collector on loopback, and what the traced program asks for: pages and answers of a model. */
import { once } from "node:events";
import { createServer } from "node:http";

const COMPLETION = {
  object: "chat.completion",
  created: 1_790_000_000,
  model: "gpt-4.1-2025-04-14",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "x = 1" } }],
  usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 },
};

export async function collector() {
  const spans = [];
  const asked = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray();
    response.setHeader("content-type", "application/json");
    if (request.url === "/v1/traces") {
      const { resourceSpans = [] } = JSON.parse(Buffer.concat(chunks).toString());
      for (const { scopeSpans } of resourceSpans)
        for (const { scope, spans: found } of scopeSpans)
          spans.push(...found.map((span) => ({ ...span, scope: scope.name })));
      return response.end("{}");
    }
    asked.push({ url: request.url, headers: request.headers });
    if (request.url === "/v1/chat/completions")
      return response.end(JSON.stringify({ ...COMPLETION, id: `chatcmpl-${asked.length}` }));
    response.end("{}");
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    spans,
    asked,
    close: () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections()),
  };
}

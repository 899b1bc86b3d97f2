import { once } from "node:events";
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";

/** A server that takes whatever comes, and remembers it. */
export async function loopback(answer = () => ({})) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    const { method, url, headers } = request;
    const taken = { method, url, headers, body, text: body.toString() };
    requests.push(taken);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer(taken)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The spans of OTLP requests in JSON, with plain attributes and the name of their scope. */
export function otlpSpans(requests) {
  return requests
    .filter(({ url }) => url.endsWith("/v1/traces"))
    .flatMap(({ text }) => JSON.parse(text).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ scope, spans }) => spans.map((span) => ({ ...span, scope: scope.name, attributes: plain(span) })));
}

function plain({ attributes = [] }) {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, read(value)]));
}

function read(value) {
  if (value.arrayValue) return value.arrayValue.values.map(read);
  return value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue);
}

/**
 * A program that both tracers look at: a server with http instrumentation, observed functions, a span of OpenTelemetry's own,
 * an undici request and a call of a model. Run by suite.js as a process of its own, with a folder's modules.
 *
 *   node requests.js <modules.js> <JSON of the scenario>
 */
import { createRequire } from "node:module";

const [, , modules, given] = process.argv;
const scenario = JSON.parse(given);
const { api, sdk, sightline, openTelemetryCarrier, otlpSink, tracedFetch } = await import(modules);
const { configure, flush, observe, stats, shutdown } = sightline;
const { context, trace } = api;

const start = {
  sdk: () => sdk.start(scenario),
  sightline: () =>
    configure({
      sinks: [otlpSink({ endpoint: scenario.collector, protocol: "http/json" })],
      carrier: openTelemetryCarrier(),
      sampleRate: scenario.sightlineRate ?? 1,
    }),
};
for (const which of scenario.order) start[which]();

// What instrumentation patches, it patches when it is asked for.
const http = createRequire(import.meta.url)("node:http");
const tracer = trace.getTracer("requests");
const model = tracedFetch();

class Service {
  async answer(id) {
    const question = await tracer.startActiveSpan("query", async (span) => {
      await new Promise((resolve) => setImmediate(resolve));
      const found = this.parse(id);
      span.end();
      return found;
    });
    const [page, answer] = await Promise.all([fetch(`${scenario.upstream}/page/${id}`), this.ask(question)]);
    await page.text();
    return answer;
  }

  parse(id) {
    return `question ${id}`;
  }

  async ask(content) {
    const body = JSON.stringify({ model: "gpt-4.1", messages: [{ role: "user", content }] });
    const headers = { "content-type": "application/json", authorization: "Bearer none" };
    const response = await model(`${scenario.upstream}/v1/chat/completions`, { method: "POST", headers, body });
    return (await response.json()).choices[0].message.content;
  }
}
for (const name of ["answer", "parse", "ask"]) Service.prototype[name] = observe(name, Service.prototype[name]);
const service = new Service();

const server = http.createServer(async (request, response) => {
  const [, kind, id] = request.url.split("/");
  if (kind === "quiet") {
    // OpenTelemetry's `suppressTracing`, by its key.
    const key = api.createContextKey("OpenTelemetry SDK Context Key SUPPRESS_TRACING");
    response.end(await context.with(context.active().setValue(key, true), () => service.answer(id)));
  } else if (kind === "job") {
    // Outside of the request: a trace that begins with a span of ours.
    response.end(await context.with(api.ROOT_CONTEXT, () => job(id)));
  } else {
    response.end(await service.answer(id));
  }
});
const job = observe({ name: "job", root: true }, (id) => service.answer(id));

server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
process.on("message", async () => {
  server.close();
  server.closeAllConnections();
  await flush({ timeoutMs: 30_000 });
  const spans = await sdk.stop();
  const figures = stats();
  await shutdown();
  process.send({ stats: figures, spans }, () => process.exit());
});

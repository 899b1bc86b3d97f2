// Process 2: knows the stock, and has the order packed by whoever reads the queue.
import type { AddressInfo } from "node:net";
import fastify from "fastify";
import { carrier, observe, withSpan } from "sightline";
import { fastifyTracing } from "sightline/interop/http";
import { stopWhenTold, traceAs } from "./sinks.ts";

traceAs("fastify");
const reserve = observe("reserve", async (id: string) => ({ id, left: 3 }));

const app = fastify();
await app.register(fastifyTracing());
app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, JSON.parse(String(body))));
app.post<{ Params: { id: string } }>("/stock/:id", async ({ params }) => {
  const stock = await reserve(params.id);
  withSpan("enqueue pack", { kind: "producer" }, () => {
    process.send!({ job: JSON.stringify({ name: "pack", data: stock, context: carrier() }) });
  });
  return stock;
});
await app.listen({ port: 0, host: "127.0.0.1" });
process.send!({ port: (app.server.address() as AddressInfo).port });
stopWhenTold(() => app.close());

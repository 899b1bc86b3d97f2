// Process 1: takes the order, and prices it in a worker thread.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import express from "express";
import { carrier, observe, updateTrace } from "sightline";
import { traceRequests } from "sightline/interop/http";
import { stopWhenTold, traceAs } from "./sinks.ts";

traceAs("express");
// Bundled by the test, as this is.
const file = new URL("worker.js", import.meta.url);

const price = observe("price", async (order: unknown) => {
  const worker = new Worker(file, { workerData: { order, context: carrier() } });
  // Both from the start: a thread that has ended gives its last message and its end in one turn.
  const [[answer]] = await Promise.all([once(worker, "message"), once(worker, "exit")]);
  return answer;
});

const app = express();
app.use(traceRequests());
app.post("/orders/:id", express.json(), async (request, response) => {
  if (request.body.userId !== undefined) updateTrace({ userId: request.body.userId });
  response.json(await price({ id: request.params.id }));
});

const server = app.listen(0, "127.0.0.1", () => process.send!({ port: (server.address() as AddressInfo).port }));
stopWhenTold(() => {
  server.close();
  server.closeAllConnections();
});

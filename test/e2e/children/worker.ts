// A thread of process 1: asks process 2.
import { parentPort, workerData } from "node:worker_threads";
import { observe, shutdown, withContext } from "sightline";
import { propagatedFetch } from "sightline/interop/http";
import { traceAs } from "./sinks.ts";

traceAs(`worker-${workerData.order.id}`);
const ask = propagatedFetch();

const rate = observe("rate", async (order: { id: string }) => {
  const answer = await ask(`${process.env["STOCK"]}/stock/${order.id}`, {
    method: "POST",
    body: JSON.stringify(order),
  });
  return answer.json();
});

const answer = await withContext(workerData.context, () => rate(workerData.order));
await shutdown();
parentPort!.postMessage(answer);

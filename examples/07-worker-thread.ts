// One trace over two threads: the context travels as plain JSON. The same works for child processes and job queues.
import { once } from "node:events";
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { carrier, configure, consoleSink, flush, observe, withContext } from "sightline";
import { tsWorker } from "./support/ts-worker.ts";

configure({ sinks: [consoleSink()] });

class Prime {
  @observe()
  async isPrime(n: number): Promise<boolean> {
    const worker = tsWorker(import.meta.url, { workerData: { n, context: carrier() } });
    const [result] = await once(worker, "message");
    await once(worker, "exit");
    return result;
  }

  @observe({ type: "tool" })
  test(n: number): boolean {
    for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
    return n > 1;
  }
}

const prime = new Prime();
if (isMainThread) {
  console.log(await prime.isPrime(1_000_003));
} else {
  const { n, context } = workerData;
  const result = withContext(context, () => prime.test(n));
  await flush();
  parentPort?.postMessage(result);
}

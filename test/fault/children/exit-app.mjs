/**
 * One program, all ways to die. Options: `{ death, sink, count, target }`, the target as the sink takes it.
 *
 * It ends `count` spans while one more, `open`, never ends, and dies. On the way it writes lines of JSON to stdout:
 * `{ ready }` when a signal may come, `{ acknowledged }` the records that were written, `{ host }` when a handler of the
 * host has run, and `{ stats }` last where the process gets to its `exit` event.
 */
import { writeSync } from "node:fs";
import { Worker, workerData } from "node:worker_threads";
import { configure, consoleSink, fileSink, startSpan, stats } from "sightline";
import { httpSink } from "sightline/sinks/http";

const options = workerData ?? JSON.parse(process.argv[2]);
const { death, sink, count, target } = options;

const say = (line) => void writeSync(1, `${JSON.stringify(line)}\n`);

const SINKS = {
  file: () => fileSink({ path: target }),
  console: () => consoleSink({ format: "json" }),
  http: () => httpSink({ url: target, name: "http" }),
  async spool() {
    const { spool } = await import("sightline");
    const [url, dir] = target.split(",");
    return spool(httpSink({ url, name: "http" }), { dir });
  },
};

const work = (from, to) => {
  for (let i = from; i < to; i++) startSpan(`span ${i}`, { parent: null }).end();
};

const written = async (records) => {
  const isThere = (lane) => lane.written + lane.spooled >= records;
  while (!Object.values(stats().sinks).every(isThere)) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** Everything until the records are written: what the ways to die that nobody survives are judged by. */
const settled = async () => {
  await written(count);
  say({ acknowledged: count });
};

/** Until the parent's signal has come. */
const wait = () => {
  setInterval(() => {}, 1_000);
  say({ ready: true });
};

const exhaust = () => {
  for (const kept = []; ; ) kept.push(new Array(10_000).fill({ ...kept }));
};

const inWorker = () => {
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...options, death: `${death} inside` } });
  worker.on("message", () => void worker.terminate());
};

const DEATHS = {
  natural() {},
  late() {
    let rounds = 0;
    process.on("beforeExit", () => {
      if (rounds++ < 2) setTimeout(() => work(count + rounds, count + rounds + 1), 5);
    });
  },
  exit: () => process.exit(0),
  "exit in flight": () => setTimeout(() => process.exit(3), 50),
  throw() {
    throw new Error("uncaught");
  },
  reject: () => void Promise.reject(new Error("unhandled")),
  signal: wait,
  "signal, host drains": () => {
    process.once("SIGTERM", () => {
      say({ host: true });
      setTimeout(() => {
        work(count, count + 10);
        void written(count + 10).then(() => process.exit(7));
      }, 50);
    });
    wait();
  },
  abort: () => settled().then(() => process.abort()),
  kill: () => settled().then(() => process.kill(process.pid, "SIGKILL")),
  "out of memory": () => settled().then(exhaust),
  "worker exit": inWorker,
  "worker exit inside": () => process.exit(5),
  "worker terminate": inWorker,
  "worker terminate inside": () =>
    settled().then(async () => (await import("node:worker_threads")).parentPort.postMessage("now")),
};

// The main thread of a worker's death has nothing to trace.
if (death !== "worker exit" && death !== "worker terminate") {
  configure({ sinks: [await SINKS[sink]()], captureInput: false });
  process.on("exit", () => say({ stats: stats() }));
  if (count > 0) startSpan("open", { parent: null });
  work(0, count);
}
DEATHS[death]();

import { Worker } from "node:worker_threads";
import { StoreError } from "../store-error.ts";
import { type Answer, type Question, receivedError, type SentError } from "./calls.ts";
import type { ConnectionOptions } from "./connection.ts";
import { createEngine, type Engine } from "./engine.ts";
import type { Load } from "./load.ts";
import { workerFile } from "./worker-file.ts";

type Returned<M extends keyof Engine> = ReturnType<Engine[M]>;

/** An engine that somebody else may be running. */
export interface Caller {
  call<M extends keyof Engine>(method: M, ...args: Parameters<Engine[M]>): Promise<Returned<M>>;
  /** What is asked for already is answered still. */
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (value: any) => void;
  readonly reject: (error: unknown) => void;
  readonly parts: unknown[];
}

/**
 * An engine in a thread of its own, started when it is first asked. The thread keeps the process alive while it is asked
 * something. When it dies, what was asked is refused as `STORE_UNAVAILABLE`, and the next call starts another.
 */
export function threadCaller(options: ConnectionOptions): Caller {
  const pending = new Map<number, Pending>();
  let worker: Worker | undefined;
  let calls = 0;

  function start(): Worker {
    const made = startWorker(options);
    made.on("message", onMessage);
    made.on("error", (error) => onDeath(made, error));
    made.on("exit", (code) => onDeath(made, new Error(`it has exited with ${code}`)));
    return made;
  }

  function onMessage(answer: Answer): void {
    const call = pending.get(answer.id);
    if (!call) return;
    if ("error" in answer) {
      settle(answer.id, () => call.reject(receivedError(answer.error)));
      return;
    }
    if (answer.hasMore || call.parts.length > 0) call.parts.push(...(answer.value as unknown[]));
    // In a turn of its own.
    if (answer.hasMore) setImmediate(() => worker?.postMessage({ id: answer.id } satisfies Question));
    else settle(answer.id, () => call.resolve(call.parts.length > 0 ? call.parts : answer.value));
  }

  function settle(id: number, action: () => void): void {
    pending.delete(id);
    if (pending.size === 0) worker?.unref();
    action();
  }

  function onDeath(dead: Worker, cause: Error): void {
    if (dead !== worker) return;
    worker = undefined;
    const message = `The thread of the store ${options.path} has died: ${cause.message}. Try again.`;
    const error = new StoreError("STORE_UNAVAILABLE", message, { cause, retryAfterMs: 1_000 });
    for (const [id, call] of pending) settle(id, () => call.reject(error));
  }

  return {
    call(method, ...args) {
      return new Promise((resolve, reject) => {
        calls += 1;
        worker ??= start();
        if (pending.size === 0) worker.ref();
        pending.set(calls, { resolve, reject: (error) => reject(error), parts: [] });
        worker.postMessage({ id: calls, method, args } satisfies Question, method === "append" ? buffersOf(args) : []);
      });
    },
    async close() {
      const last = worker;
      if (!last) return;
      await this.call("close").catch(() => {});
      if (worker === last) worker = undefined;
      await last.terminate();
    },
  };
}

/** Lines are made for the thread alone: they change hands, which takes no time. */
function buffersOf([loads]: readonly unknown[]): ArrayBuffer[] {
  return (loads as readonly Load[]).flatMap(({ lines, texts }) => [lines.buffer, texts.buffer] as ArrayBuffer[]);
}

/** The engine here and now: it holds up whoever calls. */
export function localCaller(options: ConnectionOptions): Caller {
  const engine = createEngine(options);
  return {
    async call(method, ...args) {
      return (engine[method] as (...args: any[]) => any)(...args);
    },
    async close() {
      engine.close();
    },
  };
}

/** For each load what was wrong with it: from a thread it comes in pieces. */
export function loadError(error: unknown): unknown {
  const isSent = typeof error === "object" && error !== null && "isStoreError" in error;
  return isSent ? receivedError(error as SentError) : error;
}

/** What a transaction is made of lives until its end. More room saves no CPU time that can be seen, and is never given back. */
const LIMITS = { write: { maxYoungGenerationSizeMb: 48 }, read: { maxYoungGenerationSizeMb: 24 }, sql: {} };

function startWorker(workerData: ConnectionOptions): Worker {
  const { url, tsx } = workerFile();
  // The host's own options are not for our thread: `--test`, `--inspect-brk`, a loader.
  const resourceLimits = LIMITS[workerData.use];
  const options = { workerData, execArgv: [], name: "sightline-store", resourceLimits };
  if (!tsx) return asIdle(new Worker(url, options));
  // From the sources. Node 20 has no `--import` for threads.
  const [api, worker] = [new URL("./dist/esm/api/index.mjs", tsx), url].map(({ href }) => JSON.stringify(href));
  const code = `import(${api}).then(({ register }) => { register(); return import(${worker}); })`;
  return asIdle(new Worker(code, { ...options, eval: true }));
}

function asIdle(worker: Worker): Worker {
  worker.unref();
  return worker;
}

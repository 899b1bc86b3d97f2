import { Worker, type WorkerOptions } from "node:worker_threads";

/** A worker thread that runs a TypeScript file: tsx does not reach worker threads by itself. */
export function tsWorker(file: string, options: WorkerOptions): Worker {
  const api = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const source = `import(${api}).then(({ register }) => { register(); return import(${JSON.stringify(file)}); });`;
  return new Worker(source, { ...options, eval: true });
}

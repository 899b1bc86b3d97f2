/** Who can take part. A peer needs `npm ci --prefix bench/peers`. */
import { existsSync } from "node:fs";

const ours = (name) => new URL(`../contenders/${name}.js`, import.meta.url).href;
const peer = (name) => new URL(`../peers/${name}.js`, import.meta.url).href;

export const CONTENDERS = {
  bare: { title: "bare function", url: ours("bare") },
  als: { title: "bare `AsyncLocalStorage.run`", url: ours("als") },
  floor: { title: "floor", url: ours("floor") },
  sightline: { title: "Sightline", url: ours("sightline") },
  plain: { title: "Sightline, capture off", url: ours("sightline-plain") },
  otel: { title: "OpenTelemetry", url: peer("opentelemetry"), packages: ["@opentelemetry/sdk-trace-base"] },
  langfuse: { title: "Langfuse `observe`", url: peer("langfuse"), packages: ["@langfuse/tracing"] },
  langsmith: { title: "LangSmith `traceable`", url: peer("langsmith"), packages: ["langsmith"] },
  pino: { title: "pino", url: peer("pino"), packages: ["pino"] },
};

/** @returns {string[]} */
export function installed() {
  return Object.keys(CONTENDERS).filter((name) => {
    const { packages = [] } = CONTENDERS[name];
    return packages.every((each) => existsSync(new URL(`../peers/node_modules/${each}/package.json`, import.meta.url)));
  });
}

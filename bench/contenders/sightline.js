/** The built package with its defaults: what `observe` captures, it captures and masks. */
import { configure, fileSink, flush, observe, shutdown, stats } from "sightline";

const SINKS = {
  file: ({ file, limits }) => fileSink({ path: file, ...limits }),
  http: async ({ url }) => (await import("sightline/sinks/http")).httpSink({ url: `${url}/v1/records` }),
  json: ({ url }) => otlp({ endpoint: url, protocol: "http/json" }),
  protobuf: ({ url }) => otlp({ endpoint: url, protocol: "http/protobuf" }),
  nowhere: () => ({ name: "nowhere", write() {} }),
};

async function otlp(options) {
  return (await import("sightline/sinks/otlp")).otlpSink(options);
}

export async function start({ target, mode, plain, ...place }) {
  configure({
    enabled: mode !== "off",
    sampleRate: mode === "unsampled" ? 0 : 1,
    sinks: [await SINKS[target](place)],
  });
  const options = plain && { captureInput: false, captureOutput: false };
  return {
    trace: (name, fn) => (options ? observe({ name, ...options }, fn) : observe(name, fn)),
    settle: () => flush(),
    close: () => shutdown(),
    stats: () => Object.values(stats().sinks)[0],
  };
}

/**
 * What is measured. `sizes`: what a full run does, and the little that a smoke run does. `contenders`: who can do it.
 * `slow`: who does only that part of it, as it costs a hundred times as much.
 */
const CALLERS = ["bare", "als", "floor", "sightline", "plain", "otel", "langfuse", "langsmith"];
const SENDERS = ["floor", "sightline", "otel", "langfuse", "langsmith"];

export const CORE = ["leaf", "nested", "children", "chain"];

export const WORKLOADS = {
  leaf: { title: "leaf sync inside an open root", ...calls(150, 60) },
  nested: { title: "five nested async methods", ...calls(150, 60) },
  children: { title: "one root with 1,000 children", ...calls(150, 60) },
  chain: { title: "chain of 200", ...calls(150, 60) },
  capture: {
    title: "4 KB in, 1 KB out, captured",
    ...calls(100, 40),
    contenders: CALLERS.filter((name) => !["als", "plain"].includes(name)),
  },
  off: { title: "tracing off, leaf sync", ...quiet("off") },
  unsampled: { title: "unsampled, leaf sync inside an open root", ...quiet("unsampled") },
  file: { title: "200,000 spans to a file", ...spans("file", [...SENDERS, "pino"]) },
  http: { title: "200,000 spans over HTTP, each in its own form", ...spans("http", ["sightline", "langsmith"]) },
  json: { title: "200,000 spans to OTLP/HTTP JSON", ...spans("json", ["sightline", "otel", "langfuse"]) },
  protobuf: { title: "200,000 spans to OTLP/HTTP protobuf", ...spans("protobuf", ["sightline", "otel"]) },
  burst: { title: "bursts of 5,000 spans in one turn, 100 ms of quiet after each", ...bursts(100) },
  bursts: { title: "bursts of 5,000 spans in one turn, no quiet", ...bursts(0) },
  import: {
    title: "cold import and start",
    kind: "import",
    contenders: CALLERS.filter((name) => !["als", "plain"].includes(name)),
    sizes: { full: { processes: 9 }, smoke: { processes: 1 } },
  },
  install: {
    title: "installed",
    kind: "install",
    once: true,
    contenders: ["sightline", "otel", "langfuse", "langsmith"],
    sizes: { full: {}, smoke: {} },
  },
  fetch: {
    title: "`tracedFetch`: what it adds",
    kind: "fetch",
    once: true,
    contenders: ["sightline"],
    sizes: { full: {} },
  },
  memory: {
    title: "10,000,000 spans through a file sink",
    kind: "memory",
    target: "file",
    long: true,
    once: true,
    contenders: ["sightline"],
    sizes: { full: { spans: 10_000_000 }, smoke: { spans: 20_000 } },
  },
};

function calls(pieces, warmup) {
  return {
    kind: "calls",
    target: "file",
    contenders: CALLERS,
    slow: { langfuse: 0.5, langsmith: 0.05 },
    sizes: { full: { pieces, warmup }, guard: { pieces: 40, warmup: 30 }, smoke: { pieces: 1, warmup: 1 } },
  };
}

function quiet(mode) {
  return {
    kind: "calls",
    mode,
    target: "nowhere",
    contenders:
      mode === "off"
        ? CALLERS.filter((name) => name !== "plain")
        : ["bare", "als", "sightline", "otel", "langfuse", "langsmith"],
    slow: { langfuse: 0.2, langsmith: 0.05 },
    sizes: { full: { pieces: 50, warmup: 10 }, smoke: { pieces: 1, warmup: 1 } },
  };
}

function spans(target, contenders) {
  return {
    kind: "export",
    target,
    contenders,
    // With their own queue they lose what they are asked to carry: see the bursts.
    queue: 1_000_000,
    slow: { langsmith: 0.02 },
    sizes: { full: { spans: 200_000, perTurn: 500 }, smoke: { spans: 1_000, perTurn: 500 } },
  };
}

function bursts(quietMs) {
  return {
    kind: "export",
    target: "file",
    contenders: SENDERS,
    slow: { langsmith: 0.05 },
    sizes: { full: { spans: 200_000, perTurn: 5_000, quietMs }, smoke: { spans: 5_000, perTurn: 5_000, quietMs } },
  };
}

/**
 * What is measured. `sizes`: what a full run does, and the few that a smoke run does. `contenders`: who can do it.
 * Contenders that cost 100 times as much do a tenth of the pieces.
 */
const CALLERS = ["bare", "als", "floor", "sightline", "plain", "otel", "langfuse", "langsmith"];

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
};

function calls(pieces, warmup) {
  return {
    kind: "calls",
    target: "file",
    contenders: CALLERS,
    sizes: { full: { pieces, warmup }, smoke: { pieces: 1, warmup: 1 } },
  };
}

/** Emits 1,000 records and dies in the way that its arguments say. The sink writes `how count` lines to stdout. */
import { writeSync } from "node:fs";
import { slot } from "../../src/core/runtime.ts";
import { installExitHooks } from "../../src/pipeline/exit.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { draft } from "./rig.ts";

const [death, kind] = process.argv.slice(2) as [string, string];

const say = (how: string, count: number): void => void writeSync(1, `${how} ${count}\n`);

const SINKS: { readonly [kind: string]: Sink } = {
  // Takes a moment: natural end must wait for it, the other deaths must not lose what is in flight.
  spilling: {
    name: "sink",
    async write(batch) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      say("write", batch.length);
    },
    writeSync: (batch) => say("writeSync", batch.length),
  },
  remote: {
    name: "sink",
    async write(batch) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      say("write", batch.length);
    },
  },
  // Nothing but our own deadline keeps the process alive.
  hanging: { name: "sink", write: () => new Promise(() => {}) },
};

const pipeline = createPipeline([SINKS[kind]!], { suppress: (fn) => fn() });
let flushes = 0;
const target = {
  ...pipeline,
  async exportOpen() {},
  losses: () => undefined,
  flush(options?: { timeoutMs?: number }) {
    flushes++;
    return pipeline.flush(options);
  },
};
installExitHooks(slot, target);
installExitHooks(slot, target);

process.on("exit", () => {
  pipeline.emit(draft("last words"));
  say("flushes", flushes);
  writeSync(1, `${JSON.stringify(pipeline.stats()["sink"])}\n`);
});

for (let i = 0; i < 1_000; i++) pipeline.emit(draft(String(i)));

const DEATHS: { readonly [death: string]: () => void } = {
  natural() {},
  late() {
    // A host that finds more to do as it ends.
    let rounds = 0;
    process.on("beforeExit", () => {
      if (rounds++ < 2) setTimeout(() => pipeline.emit(draft("late")), 5);
    });
  },
  exit: () => process.exit(0),
  "exit in flight": () => setTimeout(() => process.exit(3), 5),
  throw() {
    throw new Error("uncaught");
  },
  reject: () => void Promise.reject(new Error("unhandled")),
};
DEATHS[death]!();

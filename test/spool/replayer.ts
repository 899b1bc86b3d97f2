/**
 * A process of its own. `replayer.ts replay <dir> <out> <go>`: waits for the file `go`, takes over what is dead, delivers
 * it to the file `out`, one id a line. `replayer.ts write <dir>`: writes batches of 10 for ever to a sink that hangs, and
 * says on stdout which ids have been acknowledged.
 */
import { appendFileSync, existsSync, writeSync } from "node:fs";
import type { Sink } from "../../src/sinks/sink.ts";
import { spool } from "../../src/spool/spool.ts";
import { drain, signal, spans } from "./rig.ts";

const [job, dir, out, go] = process.argv.slice(2);

if (job === "replay") {
  let delivered = 0;
  const write: Sink["write"] = (batch) => {
    appendFileSync(out!, batch.map(({ spanId }) => `${spanId}\n`).join(""));
    delivered += batch.length;
  };
  const sink = spool({ name: "target", write }, { dir: dir! });
  writeSync(1, "ready\n");
  while (!existsSync(go!)) await new Promise((resolve) => setTimeout(resolve, 1));
  sink.open!();
  await drain(sink, () => delivered);
  await sink.close!();
} else {
  const sink = spool({ name: "target", write: () => new Promise(() => {}) }, { dir: dir!, segmentBytes: 100_000 });
  for (let batch = 0; ; batch++) {
    const records = spans(10, `${batch}-`, "x".repeat(200));
    await sink.write(records, signal);
    writeSync(1, `${records.map(({ spanId }) => spanId).join("\n")}\n`);
    if (batch % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

// Process 3: packs, at the second attempt; the label is printed by a process of its own.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { carrier, observe, withContext, withSpan } from "sightline";
import { stopWhenTold, traceAs } from "./sinks.ts";

traceAs("queue");
const label = observe("label", async (id: string) => {
  // Bundled by the test, as this is.
  const program = new URL("label.js", import.meta.url).pathname;
  const env = { ...process.env, ...carrier("env") };
  await promisify(execFile)(process.execPath, [program, id], { env });
});

process.on("message", async (message: { job: string; attempt: number } | "stop") => {
  if (message === "stop") return;
  const { name, data, context } = JSON.parse(message.job);
  const outcome = await withContext(context, () =>
    withSpan(`process ${name}`, { kind: "consumer", metadata: { attempt: message.attempt } }, async () => {
      if (message.attempt === 1) throw new Error("no tape");
      await label(data.id);
    }),
  ).then(
    () => "done",
    () => "failed",
  );
  process.send!({ ...message, outcome });
});
process.send!({ ready: true });
stopWhenTold();

/** LangSmith's `traceable` with a client of its own; to a file, what the client would send is written, a line a run. */
import { closeSync, openSync, writeSync } from "node:fs";
import { Client } from "langsmith";
import { traceable } from "langsmith/traceable";

export async function start({ target, mode, file, url }) {
  const client = new Client({
    apiUrl: url ?? "http://127.0.0.1:9",
    apiKey: "lsv2_bench",
    tracingSamplingRate: mode === "unsampled" ? 0 : undefined,
  });
  client._getServerInfo = async () => ({ batch_ingest_config: { use_multipart_endpoint: true } });
  const fd = file && openSync(file, "a");
  if (target === "file") client.multipartIngestRuns = async (runs) => write(fd, runs);
  if (target === "nowhere") client.multipartIngestRuns = async () => {};
  process.env.LANGSMITH_TRACING = String(mode !== "off");
  return {
    asynchronous: true,
    trace: (name, fn) => traceable(fn, { name, client, tracingEnabled: mode !== "off" }),
    settle: () => client.awaitPendingTraceBatches(),
    async close() {
      await client.awaitPendingTraceBatches();
      if (fd !== undefined) closeSync(fd);
    },
  };
}

/** A run whose end comes with another batch than its start has two lines, of which that of the start is counted. */
function write(fd, { runCreates = [], runUpdates = [] }) {
  for (const run of runUpdates) writeSync(fd, JSON.stringify({ ...run, update: true }).concat(" "));
  let lines = "";
  for (const run of runCreates) lines += `${JSON.stringify(run)}\n`;
  writeSync(fd, lines);
}

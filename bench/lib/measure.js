import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CALLS } from "../workloads/calls.js";
import { CONTENDERS } from "./contenders.js";
import { measureCalls } from "./measure-calls.js";
import { measureExport } from "./measure-export.js";
import { measureFetch } from "./measure-fetch.js";
import { measureImport } from "./measure-import.js";
import { measureInstall } from "./measure-install.js";
import { measureMemory } from "./measure-memory.js";
import { receive } from "./receive.js";
import { WORKLOADS } from "./workloads.js";
import { written } from "./written.js";

const MEASURES = {
  calls,
  export: exported,
  memory,
  fetch: measureFetch,
  install: ({ name }) => measureInstall(name),
  import: ({ name, size }) => measureImport(CONTENDERS[name].url, size.processes),
};

/**
 * One contender at one workload, in this process.
 *
 * @param {{ contender: string, workload: string, size: "full" | "smoke" | "guard" }} what
 * @returns {Promise<Record<string, number>>} figures by their names in `FIGURES`
 */
export async function measure({ contender: name, workload, size }) {
  const about = WORKLOADS[workload];
  const folder = mkdtempSync(join(tmpdir(), "sightline-bench-"));
  const file = about.target === "file" ? join(folder, "spans.ndjson") : undefined;
  const { start } = await import(CONTENDERS[name].url);
  const options = { target: about.target, mode: about.mode ?? "on", queue: about.queue, file };
  try {
    return await MEASURES[about.kind]({
      ...about,
      name,
      workload,
      folder,
      start: (more) => start({ ...options, ...more }),
      part: about.slow?.[name] ?? 1,
      size: about.sizes[size],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function calls({ name, workload, folder, start, part, mode = "on", size: { pieces, warmup } }) {
  const captured = workload === "capture";
  const contender = await start({ capture: captured });
  return measureCalls(CALLS[mode === "on" ? workload : "quiet"], contender, {
    pieces: Math.ceil(pieces * part),
    warmup: Math.ceil(warmup * part),
    folder,
    masked: captured && name === "sightline",
    silent: contender.silent || mode !== "on",
  });
}

async function exported({ target, folder, start, part, size: { spans, ...turns } }) {
  const receiver = target === "file" ? undefined : await receive();
  const contender = await start({ capture: true, url: receiver?.url });
  const delivered = async () => {
    if (receiver) return receiver.received();
    const { lines, bytes } = written(folder);
    return { spans: lines, bytes };
  };
  try {
    const count = Math.max(turns.perTurn, spans * part);
    return await measureExport(contender, { ...turns, spans: count, delivered });
  } finally {
    receiver?.close();
  }
}

async function memory({ start, size: { spans } }) {
  return measureMemory(await start({ limits: { maxBytes: 2 ** 25, maxTotalBytes: 2 ** 27 } }), spans);
}

import { ConfigError } from "../core/errors.ts";
import type { StoredTrace, TraceStore, TraceSummary } from "../store/trace-store.ts";
import { timeText } from "./quantities.ts";
import { summariesOf } from "./records-of.ts";

/** Traces that a beginning is looked for among, the newest first. */
const MAX_LOOKED_AT = 50_000;
const MAX_TOLD = 5;

/**
 * The trace that a word means: its id, the beginning of it, `beginning…end` as it is shown elsewhere, or `latest`.
 *
 * @throws ConfigError when there is none, or more than one
 */
export async function findTrace(store: TraceStore, word: string, project: { project?: string }): Promise<StoredTrace> {
  const id = /^[0-9a-f]{32}$/i.test(word) ? word.toLowerCase() : await idOf(store, word, project);
  const trace = await store.trace(id, project);
  if (trace !== undefined) return trace;
  throw new ConfigError(
    "CLI_NO_TRACE",
    `There is no trace ${id} in ${store.name}. sightline list says which there are.`,
  );
}

async function idOf(store: TraceStore, word: string, project: { project?: string }): Promise<string> {
  if (word === "latest" || word === "last") {
    const [latest] = (await store.traces({ ...project, limit: 1 })).items;
    if (latest !== undefined) return latest.traceId;
    throw new ConfigError("CLI_NO_TRACE", `There is no trace in ${store.name}.`);
  }
  const [, begin = "", end = ""] = /^([0-9a-f]+)(?:(?:…|\.\.\.?)([0-9a-f]*))?$/i.exec(word) ?? [];
  if (begin === "") {
    throw new ConfigError(
      "CLI_NO_TRACE",
      `A trace is named by its id, by the beginning of it, or by "latest"; it is "${word}".`,
    );
  }
  const found: TraceSummary[] = [];
  let looked = 0;
  for await (const summary of summariesOf(store, { ...project, limit: MAX_LOOKED_AT })) {
    looked++;
    if (summary.traceId.startsWith(begin.toLowerCase()) && summary.traceId.endsWith(end.toLowerCase()))
      found.push(summary);
    if (found.length > MAX_TOLD) break;
  }
  if (found.length === 1) return found[0]!.traceId;
  if (found.length > 1) {
    const told = found
      .slice(0, MAX_TOLD)
      .map(({ traceId, name, startUs }) => `\n  ${traceId}  ${timeText(startUs)}  ${name}`);
    const more = found.length > MAX_TOLD ? "\n  …" : "";
    throw new ConfigError("CLI_WHICH_TRACE", `"${word}" begins several traces:${told.join("")}${more}`);
  }
  const where =
    looked === MAX_LOOKED_AT ? `the newest ${MAX_LOOKED_AT} traces of ${store.name}; give the whole id` : store.name;
  throw new ConfigError("CLI_NO_TRACE", `No trace begins with "${word}" in ${where}.`);
}

import type { TraceQuery } from "../store/trace-store.ts";
import { readAmount, readCount, readDuration, readMoment } from "./quantities.ts";
import { UsageError } from "./usage-error.ts";

/** Where to read from, for every command that asks. */
export const SOURCE_ARGS = {
  project: { type: "string", valueHint: "name", description: "of the projects in a store; default: default" },
  token: { type: "string", valueHint: "token", description: "of a collector that wants one; better: SIGHTLINE_TOKEN" },
  json: { type: "boolean", description: "JSON for programs" },
} as const;

export const TIME_ARGS = {
  last: { type: "string", valueHint: "time", description: "90s, 15m, 24h, 30d: started so long ago at most" },
  since: {
    type: "string",
    valueHint: "time",
    description: "started at or after: 2026-11-22, 2026-11-22T09:30:00Z, 24h",
  },
  until: { type: "string", valueHint: "time", description: "started before" },
} as const;

export const FILTER_ARGS = {
  user: { type: "string", valueHint: "id", description: "of the trace's user" },
  session: { type: "string", valueHint: "id", description: "of the trace's session" },
  feature: { type: "string", valueHint: "name", description: "as the trace has it" },
  team: { type: "string", valueHint: "name", description: "as the trace has it" },
  environment: { type: "string", valueHint: "name", description: "as the trace has it" },
  release: { type: "string", valueHint: "name", description: "as the trace has it" },
  tag: { type: "string", valueHint: "tag", description: "one of the trace's tags" },
  name: { type: "string", valueHint: "name", description: "of the trace, exactly" },
  model: { type: "string", valueHint: "name", description: "of one of its calls, exactly" },
  status: { type: "enum", options: ["ok", "error", "open"] as string[], description: "of the trace" },
  finding: { type: "string", valueHint: "rule", description: "a rule that has found something; * for any" },
  metadata: { type: "string", valueHint: "key=value", description: "an entry of its metadata; may be repeated" },
  "min-duration": { type: "string", valueHint: "time", description: "500ms, 3s: it took as long at least" },
  "max-duration": { type: "string", valueHint: "time", description: "it took as long at most" },
  "min-cost": { type: "string", valueHint: "usd", description: "it cost as much at least" },
  "max-cost": { type: "string", valueHint: "usd", description: "it cost as much at most" },
  text: { type: "string", valueHint: "words", description: "all of them in one span's name, input, output or error" },
} as const;

type Values = { readonly [name: string]: unknown };

/** @throws UsageError */
export function readTimes(args: Values, nowMs: number = Date.now()): Pick<TraceQuery, "fromUs" | "toUs"> {
  const text = textsOf(args);
  const last = text("last");
  if (last !== undefined && text("since") !== undefined)
    throw new UsageError("--last and --since say the same: give one of them.");
  const from = last === undefined ? text("since") : undefined;
  const to = text("until");
  return {
    ...(last !== undefined && { fromUs: Math.round((nowMs - readDuration("last", last)) * 1_000) }),
    ...(from !== undefined && { fromUs: readMoment("since", from, nowMs) }),
    ...(to !== undefined && { toUs: readMoment("until", to, nowMs) }),
  };
}

/** @throws UsageError */
export function readFilters(args: Values, metadata: readonly string[], nowMs: number = Date.now()): TraceQuery {
  const text = textsOf(args);
  const given = <K extends string>(key: K, value: unknown) => (value === undefined ? {} : { [key]: value });
  const amount = (option: string) => {
    const written = text(option);
    return written === undefined ? undefined : readAmount(option, written);
  };
  const ms = (option: string) => {
    const written = text(option);
    if (written === undefined) return undefined;
    const [, digits] = /^(\d+(?:\.\d+)?)ms$/.exec(written) ?? [];
    return digits === undefined ? readDuration(option, written) : Number(digits);
  };
  return {
    ...readTimes(args, nowMs),
    ...given("project", text("project")),
    ...given("userId", text("user")),
    ...given("sessionId", text("session")),
    ...given("feature", text("feature")),
    ...given("team", text("team")),
    ...given("environment", text("environment")),
    ...given("release", text("release")),
    ...given("tag", text("tag")),
    ...given("name", text("name")),
    ...given("model", text("model")),
    ...given("status", text("status")),
    ...given("finding", text("finding")),
    ...given("metadata", metadata.length === 0 ? undefined : Object.fromEntries(metadata.map(pair))),
    ...given("minDurationMs", ms("min-duration")),
    ...given("maxDurationMs", ms("max-duration")),
    ...given("minCostUsd", amount("min-cost")),
    ...given("maxCostUsd", amount("max-cost")),
    ...given("text", text("text")),
  };
}

export function readLimit(args: Values, usual: number, most?: number): number {
  const written = textsOf(args)("limit");
  return written === undefined ? usual : readCount("limit", written, most);
}

export function projectOf(args: Values): { project?: string } {
  const project = textsOf(args)("project");
  return project === undefined ? {} : { project };
}

function textsOf(args: Values): (name: string) => string | undefined {
  return (name) => (typeof args[name] === "string" ? args[name] : undefined);
}

function pair(written: string): [string, string] {
  const at = written.indexOf("=");
  if (at > 0) return [written.slice(0, at), written.slice(at + 1)];
  throw new UsageError(`--metadata takes key=value; it is "${written}".`);
}

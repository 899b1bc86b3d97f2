import { basename } from "node:path";
import { createCapture } from "./capture/capture.ts";
import { ConfigError } from "./core/errors.ts";
import type { TraceInfo } from "./core/record.ts";
import { consoleSink } from "./sinks/console.ts";
import { endpoint, fingerprint } from "./sinks/endpoint.ts";
import { fileSink, lineFile } from "./sinks/file.ts";
import { finalSpans } from "./sinks/final-spans.ts";
import { langfuseOptions } from "./sinks/langfuse-environment.ts";
import { lazySink } from "./sinks/lazy-sink.ts";
import { otlpAddress, withLogsAddress } from "./sinks/otlp/address.ts";
import { formVariables } from "./sinks/otlp/environment.ts";
import { OTLP_POLICY } from "./sinks/otlp/policy.ts";
import type { Sink } from "./sinks/sink.ts";
import { spool } from "./spool/spool.ts";

/** What the environment says. */
export interface EnvironmentVariables {
  readonly sinks: readonly Sink[];
  readonly enabled: boolean | undefined;
  readonly sampleRate: number | undefined;
  readonly userIdKey: string | undefined;
  readonly trace: TraceInfo;
}

const VARIABLES = [
  "SINK",
  "HEADERS",
  "SPOOL",
  "ENABLED",
  "SAMPLE_RATE",
  "ENVIRONMENT",
  "RELEASE",
  "VERSION",
  "USER_ID_KEY",
].map((name) => `SIGHTLINE_${name}`);

/** What only the command line reads: it may be set where programs run too. */
const COMMAND_LINE = ["SIGHTLINE_TOKEN", "SIGHTLINE_TOKENS", "SIGHTLINE_VIEWER_TOKEN"];

/** One line on the `SIGHTLINE_…` variables that mean nothing here: a slip of the pen, or another version's. */
export function unknownVariables(env: NodeJS.ProcessEnv): string | undefined {
  const unknown = Object.keys(env)
    .filter((name) => name.startsWith("SIGHTLINE_") && ![...VARIABLES, ...COMMAND_LINE].includes(name))
    .sort();
  if (unknown.length === 0) return undefined;
  return `${unknown.join(", ")} ignored: this version knows ${VARIABLES.join(", ")}.`;
}

/** Reads the `SIGHTLINE_…` variables. Throws a `ConfigError` that names the variable, its value and what it takes. */
export function readEnvironment(env: NodeJS.ProcessEnv, withSinks: boolean): EnvironmentVariables {
  const { SIGHTLINE_ENVIRONMENT: environment, SIGHTLINE_RELEASE: release, SIGHTLINE_VERSION: version } = env;
  return {
    sinks: withSinks ? readSinks(env) : [],
    enabled: readBoolean(env, "SIGHTLINE_ENABLED"),
    sampleRate: readRate(env, "SIGHTLINE_SAMPLE_RATE"),
    userIdKey: env["SIGHTLINE_USER_ID_KEY"] || undefined,
    trace: { ...(environment && { environment }), ...(release && { release }), ...(version && { version }) },
  };
}

function readSinks(env: NodeJS.ProcessEnv): Sink[] {
  const written = env["SIGHTLINE_SINK"] ?? "";
  return written
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => readSink(part, env, "SIGHTLINE_SINK"))
    .map((sink) => spooled(sink, env));
}

/** What goes over the network waits on disk meanwhile, where there is one to wait on. */
function spooled(sink: Sink, env: NodeJS.ProcessEnv): Sink {
  const dir = env["SIGHTLINE_SPOOL"];
  return dir && sink.writeSync === undefined ? spool(sink, { dir }) : sink;
}

const SINKS = "console, console:json, file:<path>, http(s)://<host>/<path>, otlp, otlp-file:<path> or langfuse";

/** A sink as it is written in a variable or argument, whose name the error tells. */
export function readSink(written: string, env: NodeJS.ProcessEnv, where: string): Sink {
  if (written === "console") return consoleSink();
  if (written === "console:json") return consoleSink({ format: "json" });
  if (written.startsWith("file:")) return fileSink({ path: written.slice("file:".length) });
  if (/^https?:\/\//.test(written)) return http(written, readHeaders(env, "SIGHTLINE_HEADERS"));
  if (written === "otlp") return otlp({ ...env });
  if (written.startsWith("otlp-file:")) return otlpFile(written.slice("otlp-file:".length), { ...env });
  if (written === "langfuse") return langfuse(env);
  // What is left of an address may hold a password.
  const [word = ""] = /^[\w-]*/.exec(written) ?? [];
  throw bad(where, word === written ? word : `${word}…`, SINKS);
}

// Their code is loaded by the first write, so that it costs nobody else; what can be wrong is told at once all the same.

function http(url: string, headers: Record<string, string>): Sink {
  const checked = endpoint("httpSink", url, headers);
  const load = async () => (await import("./sinks/http.ts")).httpSink({ url, headers });
  return lazySink(`http:${checked.host}`, load, { destination: () => fingerprint(checked.url) });
}

function otlp(env: NodeJS.ProcessEnv): Sink {
  const { host, url } = otlpAddress("SIGHTLINE_SINK=otlp", "traces", {}, undefined, env);
  const logs = withLogsAddress(env);
  if (logs !== undefined) otlpAddress("SIGHTLINE_SINK=otlp", "logs", {}, undefined, logs);
  formVariables(env);
  const load = async () => (await import("./sinks/otlp/index.ts")).otlpSink({}, env);
  return finalSpans(lazySink(`otlp:${host}`, load, { destination: () => fingerprint(url), policy: OTLP_POLICY }));
}

function otlpFile(path: string, env: NodeJS.ProcessEnv): Sink {
  const { policy } = lineFile("SIGHTLINE_SINK=otlp-file", { path }, () => []);
  formVariables(env);
  const load = async () => (await import("./sinks/otlp/index.ts")).otlpFile({ path }, env);
  // By the package's own name, which leads to the same file from wherever this code is.
  const loadSync = () => {
    const loaded = process.getBuiltinModule("node:module").createRequire(import.meta.url)("sightline/sinks/otlp");
    return (loaded as typeof import("./sinks/otlp/index.ts")).otlpFile({ path }, env);
  };
  return finalSpans(lazySink(`otlp-file:${basename(path)}`, load, { loadSync, ...(policy && { policy }) }));
}

function langfuse(env: NodeJS.ProcessEnv): Sink {
  const options = langfuseOptions(env);
  const load = async () => (await import("./sinks/langfuse.ts")).langfuseSink(options);
  // Two projects of one server are two destinations.
  const destination = () => fingerprint(`${options.baseUrl} ${options.publicKey}`);
  return finalSpans(lazySink(options.name, load, { destination }));
}

/** `key=value,key=value`, as OpenTelemetry writes headers; values may be percent-encoded. */
function readHeaders(env: NodeJS.ProcessEnv, name: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const pair of (env[name] ?? "").split(",")) {
    if (pair.trim() === "") continue;
    const at = pair.indexOf("=");
    if (at < 1) throw new ConfigError("CONFIG_BAD_VARIABLE", `${name} takes key=value pairs separated by commas.`);
    headers[pair.slice(0, at).trim()] = decode(pair.slice(at + 1).trim());
  }
  return headers;
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function readBoolean(env: NodeJS.ProcessEnv, name: string): boolean | undefined {
  const written = env[name]?.trim().toLowerCase();
  if (written === undefined || written === "") return undefined;
  if (["true", "1", "on", "yes"].includes(written)) return true;
  if (["false", "0", "off", "no"].includes(written)) return false;
  throw bad(name, written, "true or false");
}

function readRate(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const written = env[name]?.trim();
  if (written === undefined || written === "") return undefined;
  const rate = Number(written);
  if (rate >= 0 && rate <= 1) return rate;
  throw bad(name, written, "a number from 0 to 1");
}

function bad(name: string, written: string, wanted: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VARIABLE", `${name} takes ${wanted}; it is "${createCapture().text(written)}".`);
}

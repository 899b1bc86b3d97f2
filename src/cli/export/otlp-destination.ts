import { type OtlpSinkOptions, otlpSink } from "../../sinks/otlp/index.ts";
import type { Sink } from "../../sinks/sink.ts";
import { UsageError } from "../usage-error.ts";

const GENERAL = "OTEL_EXPORTER_OTLP_";

/**
 * Where spans go as OTLP. What the environment says is of the address it names: keys never go to another one.
 *
 * @param endpoint over that of the environment
 * @param written `name=value`, over the environment's headers
 * @throws UsageError, ConfigError
 */
export function otlpDestination(
  endpoint: string | undefined,
  written: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Sink {
  const headers = Object.fromEntries(written.map(header));
  if (endpoint === undefined) return otlpSink({ headers }, env);
  if (isOfEnvironment(endpoint, env)) return otlpSink({ headers }, withoutOtherAddresses(env));
  const options: OtlpSinkOptions = { endpoint, headers };
  if (env[`${GENERAL}INSECURE`]?.trim().toLowerCase() === "true") options.insecure = true;
  return otlpSink(options, env);
}

/** What to do when the receiver wants a key. */
export function keyHint(endpoint: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const isUnsent = endpoint !== undefined && env[`${GENERAL}HEADERS`]?.trim() && !isOfEnvironment(endpoint, env);
  const way = "give --header name=value";
  return isUnsent ? `${way}; ${GENERAL}HEADERS goes to ${GENERAL}ENDPOINT only, which is another address` : way;
}

/** What is wrong is not shown: it may be a secret. */
function header(written: string): [string, string] {
  const at = written.indexOf("=");
  if (at < 1) throw new UsageError("--header takes name=value.");
  return [written.slice(0, at).trim().toLowerCase(), written.slice(at + 1).trim()];
}

function isOfEnvironment(endpoint: string, env: NodeJS.ProcessEnv): boolean {
  const known = env[`${GENERAL}ENDPOINT`]?.trim();
  return known !== undefined && plain(known) === plain(endpoint);
}

function plain(address: string): string {
  return (URL.canParse(address) ? new URL(address).href : address).replace(/\/+$/, "");
}

/** Without the variables of a signal that has an address of its own, which is not the one that was named. */
function withoutOtherAddresses(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const others = [`${GENERAL}TRACES_`, `${GENERAL}LOGS_`].filter((prefix) => env[`${prefix}ENDPOINT`]?.trim());
  return Object.fromEntries(Object.entries(env).filter(([name]) => !others.some((prefix) => name.startsWith(prefix))));
}

import { type Endpoint, endpoint, isPrivateName } from "../endpoint.ts";
import { type OtlpSignal, type OtlpVariables, otlpVariables, signalUrl } from "./environment.ts";

/** Where the receiver is. Where an address is given, `OTEL_EXPORTER_OTLP_…` is not read: it is about another. */
export interface OtlpAddressOptions {
  /** `v1/traces`, `v1/logs` or `v1/metrics` is added to it. Default: `OTEL_EXPORTER_OTLP_ENDPOINT`, or `http://localhost:4318`. */
  endpoint?: string | URL;
  /** Sent with every request, over those of `OTEL_EXPORTER_OTLP_HEADERS`. Credentials over plain http: see `insecure`. */
  headers?: { readonly [name: string]: string };
  /**
   * Lets credentials go over plain http: for a network of your own. Default: `OTEL_EXPORTER_OTLP_INSECURE`, or whether the
   * name is one that only such a network has: `otel-collector`, `collector.tools.svc`.
   */
  insecure?: boolean;
}

export interface OtlpAddress extends Endpoint {
  /** What the environment says besides; nothing where it is not read. */
  readonly variables: OtlpVariables;
}

const UNREAD: OtlpVariables = {
  endpoint: undefined,
  headers: {},
  protocol: undefined,
  gzip: undefined,
  timeoutMs: undefined,
  insecure: undefined,
};
const HOW = ", or say { insecure: true } (OTEL_EXPORTER_OTLP_INSECURE=true) where the network between is your own";

/**
 * @param own the whole address of this signal, over `options.endpoint`
 * @throws ConfigError for an address, header or variable that cannot be used
 */
export function otlpAddress(
  factory: string,
  signal: OtlpSignal,
  options: OtlpAddressOptions,
  own: string | URL | undefined,
  env: NodeJS.ProcessEnv,
): OtlpAddress {
  const isGiven = own !== undefined || options.endpoint !== undefined;
  const variables = isGiven ? UNREAD : otlpVariables(signal, env);
  const address = own ?? variables.endpoint?.url ?? signalUrl(options.endpoint, signal, `${factory}: endpoint`);
  const where = variables.endpoint === undefined ? factory : `${factory}, ${variables.endpoint.from}`;
  const plain = { allowed: options.insecure ?? variables.insecure ?? isPrivateName(address), how: HOW };
  return { ...endpoint(where, address, { ...variables.headers, ...options.headers }, plain), variables };
}

const TRACES = "OTEL_EXPORTER_OTLP_TRACES_";
const LOGS = "OTEL_EXPORTER_OTLP_LOGS_";

/**
 * The variables with an address for log records. Where only that of spans is known it is the one beside it, opened by
 * what opens the other: log records never go to an address that nobody named. `undefined` when there is none.
 */
export function withLogsAddress(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv | undefined {
  const traces = env[`${TRACES}ENDPOINT`]?.trim();
  if (!traces || env[`${LOGS}ENDPOINT`]?.trim() || env["OTEL_EXPORTER_OTLP_ENDPOINT"]?.trim()) return env;
  const logs = logsBeside(traces);
  if (logs === undefined) return undefined;
  const theirs = Object.entries(env).map(([name, value]) => [name.replace(TRACES, LOGS), value]);
  return { ...Object.fromEntries(theirs), ...env, [`${LOGS}ENDPOINT`]: logs };
}

/** `…/v1/logs` for `…/v1/traces`. */
export function logsBeside(traces: string): string | undefined {
  const path = /\/v1\/traces(?=\/?(?:[?#]|$))/;
  return path.test(traces) ? traces.replace(path, "/v1/logs") : undefined;
}

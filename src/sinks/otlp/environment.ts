import { ConfigError } from "../../core/errors.ts";
import { CONTENT_MODES, type ContentMode } from "../../semconv/content.ts";

export type OtlpSignal = "traces" | "logs" | "metrics";

export const PROTOCOLS = ["http/protobuf", "http/json"] as const;

export type OtlpProtocol = (typeof PROTOCOLS)[number];

/** What OpenTelemetry's variables say of the export of one signal. */
export interface OtlpVariables {
  /** The address as it is, and the variable it comes from. */
  readonly endpoint: { readonly url: string; readonly from: string } | undefined;
  readonly headers: { readonly [name: string]: string };
  readonly protocol: OtlpProtocol | undefined;
  readonly gzip: boolean | undefined;
  readonly timeoutMs: number | undefined;
  /** Credentials may go over plain http. */
  readonly insecure: boolean | undefined;
}

const DEFAULT_BASE = "http://localhost:4318";
const CERTIFICATES = ["CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"];

/**
 * Reads `OTEL_EXPORTER_OTLP_…` for a signal, whose own variables (`OTEL_EXPORTER_OTLP_TRACES_…`) have the word. An empty
 * variable is as none.
 *
 * Source: OpenTelemetry's `protocol/exporter.md`.
 * @throws ConfigError that names the variable, its value unless it may be a secret, and what it takes
 */
export function otlpVariables(signal: OtlpSignal, env: NodeJS.ProcessEnv): OtlpVariables {
  const general = (name: string) => `OTEL_EXPORTER_OTLP_${name}`;
  const own = (name: string) => general(`${signal.toUpperCase()}_${name}`);
  /** The variable that decides, and what it says. */
  const find = (name: string): readonly [name: string, value: string] | undefined => {
    const found = [own(name), general(name)].find((variable) => env[variable]?.trim());
    return found === undefined ? undefined : [found, env[found]!.trim()];
  };
  for (const name of CERTIFICATES) {
    const set = find(name)?.[0];
    if (set !== undefined) throw bad(`${set} is not read here: Node trusts the certificates of NODE_EXTRA_CA_CERTS.`);
  }
  const ownEndpoint = env[own("ENDPOINT")]?.trim();
  const base = env[general("ENDPOINT")]?.trim();
  return {
    endpoint: ownEndpoint
      ? { url: ownEndpoint, from: own("ENDPOINT") }
      : base
        ? { url: signalUrl(base, signal, general("ENDPOINT")), from: general("ENDPOINT") }
        : undefined,
    headers: { ...readHeaders(env, general("HEADERS")), ...readHeaders(env, own("HEADERS")) },
    protocol: find("PROTOCOL") && readProtocol(...find("PROTOCOL")!, own("PROTOCOL")),
    gzip: find("COMPRESSION") && readCompression(...find("COMPRESSION")!),
    timeoutMs: find("TIMEOUT") && readTimeout(...find("TIMEOUT")!),
    insecure: find("INSECURE") && find("INSECURE")![1].toLowerCase() === "true",
  };
}

/** Where a signal goes when only the base address is known; OpenTelemetry's own default without one. */
export function signalUrl(base: string | URL | undefined, signal: OtlpSignal, from: string): string {
  const written = String(base ?? DEFAULT_BASE);
  // What is no address is told by whoever checks addresses.
  if (!URL.canParse(written)) return written;
  const url = new URL(written);
  const mistaken = /\/v1\/(traces|logs|metrics)\/?$/.exec(url.pathname);
  if (mistaken !== null) {
    const way = `leave "/v1/${mistaken[1]}" out, or name the whole address as that of the ${mistaken[1]} alone`;
    throw bad(`${from} is the address that "/v1/${signal}" is added to: ${way}.`);
  }
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/${signal}`;
  return url.href;
}

/** What `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says. */
export function contentModeOf(env: NodeJS.ProcessEnv): ContentMode | undefined {
  const name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
  const written = env[name]?.trim().toLowerCase();
  if (!written) return undefined;
  const words = ["span_only", "event_only", "span_and_event", "no_content"];
  const at = words.indexOf(written === "true" ? words[0]! : written === "false" ? words[3]! : written);
  if (at === -1) throw bad(`${name} takes ${words.join(", ").toUpperCase()}, true or false; it is "${env[name]}".`);
  return CONTENT_MODES[at];
}

/** What of the form of records the variables say. */
export interface FormVariables {
  readonly content: ContentMode | undefined;
  readonly valueLength: number | undefined;
}

/**
 * All that `otlpForm` reads of the environment and that can be wrong there. A sink that is made later calls it to say so at once.
 *
 * @throws ConfigError that names the variable, its value, and what it takes
 */
export function formVariables(env: NodeJS.ProcessEnv): FormVariables {
  return { content: contentModeOf(env), valueLength: valueLengthOf(env) };
}

/** The most UTF-16 units of a text on a span, as OpenTelemetry's variables limit it; `undefined`: any number. */
function valueLengthOf(env: NodeJS.ProcessEnv): number | undefined {
  const names = ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
  const name = names.find((each) => env[each]?.trim());
  if (name === undefined) return undefined;
  const length = Number(env[name]);
  if (Number.isInteger(length) && length >= 0) return length;
  throw bad(`${name} takes a whole number of characters; it is "${env[name]}".`);
}

function readProtocol(name: string, written: string, own: string): OtlpProtocol {
  const protocol = PROTOCOLS.find((each) => each === written);
  if (protocol !== undefined) return protocol;
  if (written !== "grpc") throw bad(`${name} takes ${PROTOCOLS.join(" or ")}; it is "${written}".`);
  const way = `set ${own}=http/protobuf and an endpoint of the receiver's HTTP port, which is 4318 by default`;
  throw bad(`${name} is grpc, which is not spoken here: ${way}.`);
}

function readCompression(name: string, written: string): boolean {
  if (written === "gzip" || written === "none") return written === "gzip";
  throw bad(`${name} takes gzip or none; it is "${written}".`);
}

/** 0 is no limit, as for OpenTelemetry's SDKs. */
function readTimeout(name: string, written: string): number {
  const ms = Number(written);
  if (Number.isFinite(ms) && ms >= 0) return ms === 0 ? Number.POSITIVE_INFINITY : ms;
  throw bad(`${name} takes a number of milliseconds; it is "${written}".`);
}

/** `key=value,key=value`, both percent-encoded. What is wrong is not shown: it may be half a secret. */
function readHeaders(env: NodeJS.ProcessEnv, name: string): { [header: string]: string } {
  const headers: { [header: string]: string } = {};
  for (const pair of (env[name] ?? "").split(",")) {
    if (pair.trim() === "") continue;
    const at = pair.indexOf("=");
    try {
      if (at < 1) throw new Error("no pair");
      const key = decodeURIComponent(pair.slice(0, at).trim()).toLowerCase();
      headers[key] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      throw bad(`${name} takes key=value pairs separated by commas, percent-encoded: "%" is %25 and "," is %2C.`);
    }
  }
  return headers;
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VARIABLE", message);
}

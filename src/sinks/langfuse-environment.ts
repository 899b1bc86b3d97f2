import type { Clock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import { type Endpoint, endpoint, isPrivateName } from "./endpoint.ts";
import { contentModeOf } from "./otlp/environment.ts";

export interface LangfuseSinkOptions {
  /** Default: `LANGFUSE_PUBLIC_KEY`. */
  publicKey?: string;
  /** Default: `LANGFUSE_SECRET_KEY`. */
  secretKey?: string;
  /** Default: `LANGFUSE_BASE_URL`, `LANGFUSE_BASEURL` or `LANGFUSE_HOST`, or `https://cloud.langfuse.com`. */
  baseUrl?: string | URL;
  /** Lets the keys go over plain http: for a network of your own. Default: true for names that only such a network has. */
  insecure?: boolean;
  /** Of traces that do not say it. Default: `LANGFUSE_TRACING_ENVIRONMENT`. */
  environment?: string;
  /** Of traces that do not say it. Default: `LANGFUSE_RELEASE`. */
  release?: string;
  /** Whether inputs and outputs are sent. Default: unless `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` is `NO_CONTENT`. */
  content?: boolean;
  /** For a whole attempt, body of the answer included. Default: `LANGFUSE_TIMEOUT`, which is in seconds, or 10,000. */
  timeoutMs?: number;
  /** Compress bodies of 1 KiB and more. Default true. */
  gzip?: boolean;
  /** Before compression; a larger batch is halved by the pipeline. Bytes, default 4 MiB. */
  maxBodyBytes?: number;
  /** Default `langfuse:` and the host. */
  name?: string;
  /** Default: the global `fetch`, looked up at each request; Node's own client in its place where it is Node's. */
  fetch?: typeof fetch;
  clock?: Clock;
}

/** The options with what the environment says for those that are not given. Can be given to `langfuseSink` again. */
export type LangfuseOptions = LangfuseSinkOptions &
  Required<Pick<LangfuseSinkOptions, "publicKey" | "secretKey" | "content" | "timeoutMs" | "name">> & {
    /** Without a slash at its end. */
    readonly baseUrl: string;
  };

const CLOUD = "https://cloud.langfuse.com";

/**
 * Reads `LANGFUSE_…` for the options that are not given, and checks what came of it. Of the file that has the sink, nothing is loaded.
 *
 * @throws ConfigError for keys that are missing or mixed up, an address that cannot be used, a timeout that is no number
 */
export function langfuseOptions(env: NodeJS.ProcessEnv, given: LangfuseSinkOptions = {}): LangfuseOptions {
  const { publicKey = env["LANGFUSE_PUBLIC_KEY"]?.trim(), secretKey = env["LANGFUSE_SECRET_KEY"]?.trim() } = given;
  const missing = [
    ...(publicKey ? [] : [["publicKey", "LANGFUSE_PUBLIC_KEY"]]),
    ...(secretKey ? [] : [["secretKey", "LANGFUSE_SECRET_KEY"]]),
  ];
  if (!publicKey || !secretKey) {
    const ways = missing.map(([option, variable]) => `option ${option} or variable ${variable}`).join(", and ");
    throw new ConfigError("CONFIG_LANGFUSE_KEYS", `langfuseSink: a key is missing: set ${ways}.`);
  }
  if (publicKey.startsWith("sk-") || secretKey.startsWith("pk-")) {
    const keys = "publicKey (LANGFUSE_PUBLIC_KEY) begins with pk-, secretKey (LANGFUSE_SECRET_KEY) with sk-";
    throw new ConfigError("CONFIG_LANGFUSE_KEYS", `langfuseSink: the keys are mixed up: ${keys}.`);
  }
  const address = given.baseUrl ?? variable(env, "BASE_URL", "BASEURL", "HOST") ?? CLOUD;
  const { url, host } = langfuseEndpoint({ ...given, publicKey, secretKey, baseUrl: address });
  const environment = given.environment ?? variable(env, "TRACING_ENVIRONMENT");
  const release = given.release ?? variable(env, "RELEASE");
  return {
    ...given,
    publicKey,
    secretKey,
    baseUrl: url,
    content: given.content ?? contentModeOf(env) !== "none",
    timeoutMs: given.timeoutMs ?? timeoutOf(env) ?? 10_000,
    name: given.name ?? `langfuse:${host}`,
    ...(environment !== undefined && { environment }),
    ...(release !== undefined && { release }),
  };
}

/** The base address without a slash at its end, and the headers of every request. */
export function langfuseEndpoint(
  options: Pick<LangfuseSinkOptions, "baseUrl" | "insecure" | "publicKey" | "secretKey">,
): Endpoint {
  const { publicKey, secretKey, baseUrl = CLOUD } = options;
  // The address that OpenTelemetry's own exporters are given is welcome too.
  const written = String(baseUrl).replace(/\/api\/public(?:\/otel(?:\/v1\/traces)?)?\/?$/, "");
  if (!/^https?:\/\//i.test(written) || !URL.canParse(written)) {
    const what = "baseUrl (LANGFUSE_BASE_URL) must be absolute and begin with http:// or https://";
    throw new ConfigError("CONFIG_HTTP_URL", `langfuseSink: ${what}`);
  }
  const { url, ...rest } = endpoint(
    "langfuseSink",
    written,
    {
      authorization: `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString("base64")}`,
      "x-langfuse-public-key": publicKey!,
    },
    { allowed: options.insecure ?? isPrivateName(written), how: ", or set the option insecure" },
  );
  return { ...rest, url: url.replace(/\/+$/, "") };
}

/** The first of these that is set. */
function variable(env: NodeJS.ProcessEnv, ...names: string[]): string | undefined {
  return names.map((name) => env[`LANGFUSE_${name}`]?.trim()).find(Boolean);
}

function timeoutOf(env: NodeJS.ProcessEnv): number | undefined {
  const written = variable(env, "TIMEOUT");
  if (written === undefined) return undefined;
  if (Number(written) > 0) return Number(written) * 1000;
  throw new ConfigError("CONFIG_BAD_VARIABLE", `LANGFUSE_TIMEOUT takes a number of seconds; it is "${written}".`);
}

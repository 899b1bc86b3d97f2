import { ConfigError } from "../core/errors.ts";

/** Where to post, checked once. Kept in closures only, so that no log of a sink shows it. */
export interface Endpoint {
  readonly url: string;
  /** `collector.example:8080`: the one part that may be told. */
  readonly host: string;
  readonly headers: { readonly [name: string]: string };
}

const SECRET_NAME = /auth|cookie|credential|key|pass|secret|sig|token/i;
const SECRET_VALUE = /^(?:basic|bearer|digest)\s/i;
/** Long and made by a machine, whatever its header is called: `x-honeycomb-team`. Ids of the UUID form are none. */
const MACHINE_MADE = /^(?=.*\d)(?=.*[a-z])[\w+/=.-]{20,}$/i;
const UUID = /^[\da-f]{8}(?:-?[\da-f]{4}){3}-?[\da-f]{12}$/i;
/** RFC 9110, 5.6.2 and 5.5: what `fetch` would refuse later, with the value in its message. */
const HEADER_NAME = /^[\w!#$%&'*+\-.^`|~]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Checks an address and its headers.
 *
 * @param plain whether credentials may go over plain http, and how a user says so
 * @throws ConfigError that names neither the address nor a header's value, as both may hold secrets
 */
export function endpoint(
  factory: string,
  address: string | URL,
  headers: { readonly [name: string]: string },
  plain: { readonly allowed: boolean; readonly how: string } = { allowed: false, how: "" },
): Endpoint {
  const url = parse(factory, address);
  const all = new Map<string, string>();
  if (url.username || url.password) {
    const user = `${decode(url.username)}:${decode(url.password)}`;
    all.set("authorization", `Basic ${Buffer.from(user).toString("base64")}`);
    url.username = url.password = "";
  }
  if (Symbol.iterator in headers) {
    throw new ConfigError("CONFIG_HTTP_HEADER", `${factory}: headers must be a plain object of names and values`);
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME.test(name) || typeof value !== "string" || !HEADER_VALUE.test(value)) {
      throw new ConfigError(
        "CONFIG_HTTP_HEADER",
        `${factory}: header ${JSON.stringify(name)} must be one line of text`,
      );
    }
    all.set(name.toLowerCase(), value);
  }
  url.hash = "";
  const secret =
    [...all].some(([name, value]) => SECRET_NAME.test(name) || isSecret(value)) ||
    [...url.searchParams.keys()].some((name) => SECRET_NAME.test(name));
  if (secret && url.protocol === "http:" && !isLoopback(url.hostname) && !plain.allowed) {
    const way = `use https, or an address of this machine${plain.how}`;
    throw new ConfigError("CONFIG_HTTP_CREDENTIALS", `${factory}: credentials over plain http to ${url.host}; ${way}`);
  }
  return { url: url.href, host: url.host, headers: Object.fromEntries(all) };
}

/** Names of a network without others: `otel-collector`, as Docker has them, `collector.tools.svc.cluster.local`, as Kubernetes. */
export function isPrivateName(address: string | URL): boolean {
  const hostname = URL.canParse(String(address)) ? new URL(address).hostname : "";
  return /^[^.:]+$|\.(?:internal|local|svc)\.?$/i.test(hostname);
}

/** Tells addresses apart without saying them. */
export function fingerprint(url: string): string {
  return process.getBuiltinModule("node:zlib").crc32(url).toString(16);
}

function isSecret(value: string): boolean {
  return SECRET_VALUE.test(value) || (MACHINE_MADE.test(value) && !UUID.test(value));
}

function parse(factory: string, address: string | URL): URL {
  const url = URL.canParse(String(address)) ? new URL(address) : undefined;
  if (url && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new ConfigError(
    "CONFIG_HTTP_URL",
    `${factory}: the address must be absolute and begin with http:// or https://, such as http://localhost:4318`,
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === "[::1]" || /^127(?:\.\d+){3}$/.test(hostname) || /^(?:.+\.)?localhost\.?$/.test(hostname);
}

import { type Checks, checkOptions, isBoolean } from "../../core/check-options.ts";
import { ConfigError } from "../../core/errors.ts";

export interface ClickHouseStoreOptions {
  /** `http://db.example:8123`, or several nodes of one cluster: when one does not answer, the next is asked. */
  url?: string | readonly string[];
  /** Default: `sightline`. Made when it is not there. */
  database?: string;
  /** Default: `default`. */
  username?: string;
  /** Default: none. */
  password?: string;
  /**
   * The name of a cluster in the servers' configuration: every trace lives on one of its shards. Without `replicated`, `url`
   * must list every node, as each is told to make its own tables.
   */
  cluster?: string;
  /** The tables copy themselves (`ReplicatedReplacingMergeTree`) and are made `ON CLUSTER`; needs Keeper. Default: false. */
  replicated?: boolean;
  /** In place of `url`: `createChdbConnection({ path })` of `chdb/connection`, a ClickHouse in this process. */
  connection?: object;
  /** Days after which the database drops spans by itself, by their start. Default: never. */
  ttlDays?: number;
  /** What a request may take. Default: 60 s. */
  requestTimeoutMs?: number;
  /** What a statement of `sql` may take. Default: 30 s. */
  sqlTimeoutMs?: number;
  /** More options for `createClient` of `@clickhouse/client`: `tls`, `max_open_connections`, `http_headers`, … */
  client?: { readonly [option: string]: unknown };
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isName = (value: unknown): boolean => typeof value === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(value);
const isDuration = (value: unknown): boolean => Number.isFinite(value) && (value as number) > 0;
const isAddress = (value: unknown): boolean => isText(value) && /^https?:$/.test(protocolOf(value as string));

function protocolOf(url: string): string {
  return URL.canParse(url) ? new URL(url).protocol : "";
}

const CHECKS: Checks<ClickHouseStoreOptions> = {
  url: [
    (value) => (Array.isArray(value) ? value.length > 0 && value.every(isAddress) : isAddress(value)),
    "the http address of a server, or a list of them",
  ],
  // Names cannot be sent as parameters everywhere, so they must be ones that need no quoting.
  database: [isName, "a name of letters, digits and _"],
  username: [isText, "a text"],
  password: [(value) => typeof value === "string", "a text"],
  cluster: [isName, "a name of letters, digits and _"],
  replicated: [isBoolean, "true or false"],
  connection: [(value) => typeof value === "object" && value !== null, "what createChdbConnection gives"],
  ttlDays: [(value) => Number.isInteger(value) && (value as number) > 0, "a whole number of days above 0"],
  requestTimeoutMs: [isDuration, "a number of milliseconds above 0"],
  sqlTimeoutMs: [isDuration, "a number of milliseconds above 0"],
  client: [(value) => typeof value === "object" && value !== null, "options of createClient"],
};

/** @throws ConfigError */
export function checkClickHouse(factory: string, options: ClickHouseStoreOptions): void {
  checkOptions(factory, options, CHECKS);
  const fail = (message: string): never => {
    throw new ConfigError("CONFIG_BAD_VALUE", `${factory}() ${message}`);
  };
  if ((options.url === undefined) === (options.connection === undefined))
    fail("takes url, or connection, and not both.");
  if (options.cluster !== undefined && options.connection) fail("has no cluster in one process: leave cluster out.");
  if (options.replicated && options.cluster === undefined) fail("needs cluster, its name, for replicated.");
}

/** What an address says beside host and port counts where no option says it. */
export function withoutAddressParts(options: ClickHouseStoreOptions): ClickHouseStoreOptions {
  const urls = (typeof options.url === "string" ? [options.url] : (options.url ?? [])).map((url) => new URL(url));
  const [first] = urls;
  if (!first) return options;
  const [username, password] = [decodeURIComponent(first.username), decodeURIComponent(first.password)];
  const database = decodeURIComponent(first.pathname.replace(/^\/+|\/+$/g, ""));
  const whole = {
    ...(username && { username }),
    ...(password && { password }),
    ...(database && { database }),
    ...options,
    url: urls.map(({ origin }) => origin),
  };
  checkClickHouse("clickHouseStore", whole);
  return whole;
}

/**
 * `clickhouse://user:password@host:8123/database?cluster=name&secure=1` as options. More parameters: `replicated=1`,
 * `ttlDays`, and `node=host:port`, as often as there are more nodes. `clickhouses://` is `secure=1`.
 *
 * @throws ConfigError
 */
export function clickHouseUrl(text: string): ClickHouseStoreOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const wanted = "clickhouse://user:password@host:8123/database?cluster=name&secure=1";
  // Without the text: it may hold a password.
  const fail = (what: string) =>
    new ConfigError("CONFIG_BAD_VALUE", `The address of a ClickHouse store ${what}: ${wanted}`);
  const isSecure = url?.protocol === "clickhouses:";
  if (!url || (url.protocol !== "clickhouse:" && !isSecure) || url.hostname === "") throw fail("is written");
  const known = ["cluster", "secure", "replicated", "ttlDays", "node"];
  const unknown = [...url.searchParams.keys()].find((key) => !known.includes(key));
  if (unknown !== undefined) throw fail(`knows no ${unknown}, only ${known.join(", ")}`);
  const isOn = (key: string) => ["1", "true"].includes(url.searchParams.get(key) ?? "");
  const scheme = isSecure || isOn("secure") ? "https" : "http";
  const nodes = [url.host, ...url.searchParams.getAll("node")].map((host) => {
    const hasPort = /:\d+$/.test(host);
    return `${scheme}://${host}${hasPort ? "" : scheme === "https" ? ":8443" : ":8123"}`;
  });
  const database = decodeURIComponent(url.pathname.slice(1));
  const cluster = url.searchParams.get("cluster");
  const ttlDays = url.searchParams.get("ttlDays");
  const options: ClickHouseStoreOptions = {
    url: nodes.length === 1 ? nodes[0]! : nodes,
    ...(database && { database }),
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(cluster && { cluster }),
    ...(isOn("replicated") && { replicated: true }),
    ...(ttlDays && { ttlDays: Number(ttlDays) }),
  };
  checkClickHouse("clickHouseUrl", options);
  return options;
}

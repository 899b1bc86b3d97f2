/** What a collector allows at once and per request. Times are milliseconds, sizes bytes. */
export interface CollectorLimits {
  /** Of a request body as it comes over the wire. Default 8 MiB. */
  readonly bodyBytes?: number;
  /** Of a request body once it is inflated. Default 16 MiB; inflating stops there. */
  readonly inflatedBytes?: number;
  /** Of all bodies that are being read, or wait until the store has them; beyond, senders hear 429. Default 64 MiB. */
  readonly inFlightBytes?: number;
  /** Requests that each project may send in a second. Default: any number. */
  readonly requestsPerSecond?: number;
  /** Inflated bytes that each project may send in a second. Default: any number. */
  readonly bytesPerSecond?: number;
  /** Default 1,000, and 50 without ingestion. */
  readonly connections?: number;
  /** Live views at once. Default 50. */
  readonly tails?: number;
  /** Default 5,000. */
  readonly headersTimeoutMs?: number;
  /** For a request as a whole. Default 30,000, and 10,000 without ingestion. */
  readonly requestTimeoutMs?: number;
  /** Default 5,000. Behind a balancer that keeps connections open: longer than it does. */
  readonly keepAliveMs?: number;
}

/** All header lines of a request; Node answers 431 beyond it. */
export const HEADER_BYTES: number = 8 * 1024;
export const URL_CHARACTERS: number = 2 * 1024;
/** How often Node looks for requests that take too long: its own 30 s would make 5 s out of nothing. */
export const CHECK_CONNECTIONS_MS: number = 1_000;
/** A connection on which nothing moves for so long is closed: a reader that does not read. */
export const IDLE_MS: number = 60_000;

export type Limits = Required<Omit<CollectorLimits, "requestsPerSecond" | "bytesPerSecond">> &
  Pick<CollectorLimits, "requestsPerSecond" | "bytesPerSecond">;

export function limitsOf(given: CollectorLimits, ingest: boolean): Limits {
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return {
    bodyBytes: 8 * 1024 ** 2,
    inflatedBytes: 16 * 1024 ** 2,
    inFlightBytes: 64 * 1024 ** 2,
    connections: ingest ? 1_000 : 50,
    tails: 50,
    headersTimeoutMs: 5_000,
    requestTimeoutMs: ingest ? 30_000 : 10_000,
    // OpenTelemetry sends every 5 s: it would meet connections that are just being closed.
    keepAliveMs: ingest ? 30_000 : 5_000,
    ...set,
  };
}

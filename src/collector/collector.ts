import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { checkedClock, systemClock } from "../core/clock.ts";
import { admission, DEFAULT_PROJECT } from "./admission.ts";
import { allowedHosts, isLoopbackHost } from "./allowed-hosts.ts";
import { createAppender } from "./appender.ts";
import { createBudget } from "./budget.ts";
import { checkStore } from "./check-store.ts";
import { setCosts } from "./costs.ts";
import { createFeed } from "./feed.ts";
import { createFigures, type Gauges } from "./figures.ts";
import { readFiles, viewerDirectory, zipped } from "./files.ts";
import { requestHandler } from "./handle.ts";
import { monitorsState } from "./incident-actions.ts";
import { CHECK_CONNECTIONS_MS, HEADER_BYTES, IDLE_MS, limitsOf } from "./limits.ts";
import { listen, ownNames, urlHost } from "./listen.ts";
import { type CollectorOptions, checkCollectorOptions } from "./options.ts";
import { receiver } from "./receive.ts";
import type { Route } from "./routes.ts";
import { serviceRoutes } from "./service-routes.ts";
import { storeFigures } from "./store-figures.ts";
import { createStoreHealth } from "./store-health.ts";
import { createTail } from "./tail.ts";
import { takeEvents, takeScore } from "./take-langfuse.ts";
import { takeLogs, takeMetrics, takeTraces } from "./take-otlp.ts";
import { takeRecords } from "./take-records.ts";
import { newToken } from "./tokens.ts";
import { viewerApi } from "./viewer-api.ts";

export interface Collector {
  /** `http://127.0.0.1:4600` */
  readonly url: string;
  /** The address to open: with the viewer's token in its fragment, where there is one. */
  readonly viewerUrl: string;
  readonly port: number;
  /** Made because none was given although other machines can reach the collector. To be told once, to whoever started it. */
  readonly token?: string;
  /**
   * Takes no more requests (503), finishes those that are under way, and closes what is still open after `timeoutMs`
   * (default 10,000). What was acknowledged is in the store, which stays open. Never rejects; calling it again waits too.
   */
  close(options?: { readonly timeoutMs?: number }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const PORT = 4_600;
const CLOSE_MS = 10_000;

/**
 * Starts the server that takes records from anywhere (NDJSON, OTLP, Langfuse), keeps them in a store, and shows them in a
 * browser. A request is answered with success only when its records are in the store for good.
 *
 * Without a word it listens on this machine only. On any other address, and under names of a proxy (`allowedHosts`), it asks
 * for a token, and makes one where none is given.
 *
 * @throws ConfigError for options that do not exist or make no sense, and for an address that is taken; StoreError for a
 * store that cannot be opened. One that is only away for now is waited for: what is sent meanwhile is refused as "later"
 * @example
 * import { collector } from "sightline/collector";
 * import { memoryStore } from "sightline/store";
 * const receiver = await collector({ store: memoryStore(), port: 0 });
 * const [sendTo, lookAt] = [`${receiver.url}/v1/records`, receiver.viewerUrl];
 * await receiver.close();
 */
export async function collector(options: CollectorOptions): Promise<Collector> {
  checkCollectorOptions(options);
  const { store, host = "127.0.0.1", port = PORT, ingest = true, monitors = {}, reading, log = say } = options;
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const limits = limitsOf(options.limits ?? {}, ingest);
  const isReachable = !isLoopbackHost(host) || (options.allowedHosts ?? []).length > 0;
  const token = isReachable && options.viewerToken === undefined ? newToken() : undefined;
  const viewerToken = options.viewerToken ?? token;
  await checkStore(store);
  const projects = Object.keys(options.projects ?? { [DEFAULT_PROJECT]: "" });

  const figures = createFigures();
  const budget = createBudget(limits.inFlightBytes);
  const health = createStoreHealth(clock, log);
  const appender = createAppender({ store, clock, onAppend: figures.appended, onWritten: health.written });
  const { alerts, budgets, quality, sinks = [] } = monitors;
  const feed = createFeed([budgets, quality, ...sinks, alerts].filter((sink) => sink !== undefined));
  const tail = createTail({ store, most: limits.tails, reading, monitors: () => monitorsState(monitors) });
  const assets = readFiles(options.assets ?? viewerDirectory());
  const receive = receiver({
    appender,
    costs: setCosts(ingest && options.prices, log),
    feed,
    tail,
    figures,
    limits,
    budget,
    clock,
  });
  let closing: Promise<void> | undefined;
  const stored = storeFigures(store, projects, clock);
  const gauges = async (): Promise<Gauges> => ({
    store_writing: gauge(Number(health.isWriting), "1: the store kept what it was given last; 0: it did not"),
    waiting_records: gauge(appender.waiting, "Records that wait for the store"),
    in_flight_bytes: gauge(budget.used, "Bytes of bodies that are being worked on"),
    tails: gauge(tail.clients, "Live views"),
    connections: gauge(connections, "Open connections"),
    monitors_dropped_records: gauge(feed.dropped, "Records that monitors were too slow for"),
    ...(await stored()),
  });
  const routes: readonly Route[] = [
    ...serviceRoutes({ store, health, figures, gauges, assets, zipped: zipped(assets) }),
    ...(ingest
      ? [
          receive(takeRecords),
          receive(takeTraces("/v1/traces")),
          receive(takeLogs(store)),
          receive(takeMetrics),
          receive(takeTraces("/api/public/otel/v1/traces")),
          receive(takeEvents()),
          receive(takeScore),
        ]
      : []),
    ...viewerApi({ store, projects, monitors, tail, reading }),
  ];
  const handle = requestHandler({
    routes,
    isAllowedHost: allowedHosts([...(options.allowedHosts ?? []), ...ownNames(host)]),
    admit: admission(options.projects, viewerToken, isReachable),
    figures,
    isClosing: () => closing !== undefined,
    discardBytes: limits.bodyBytes,
    // For a reader on this machine it costs more than it saves.
    mayZip: isReachable,
    log,
  });
  /** Requests whose answers are not out; views that follow are none of them. */
  const underWay = new Set<Promise<void>>();
  let connections = 0;

  const server = createServer({
    maxHeaderSize: HEADER_BYTES,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: CHECK_CONNECTIONS_MS,
  });
  server.maxConnections = limits.connections;
  server.timeout = IDLE_MS;
  server.on("connection", (socket) => {
    connections++;
    socket.on("close", () => connections--);
  });
  server.on("request", (request, response) => {
    response.on("error", () => {});
    const done = handle(request, response)
      // Whoever asked has gone, or the answer's body broke off: the connection says so.
      .catch(() => void response.destroy())
      .finally(() => underWay.delete(done));
    underWay.add(done);
  });
  try {
    await listen(server, host, port);
  } catch (error) {
    await feed.close(0);
    throw error;
  }
  const { port: actual } = server.address() as AddressInfo;
  const url = `http://${urlHost(host)}:${actual}`;

  async function shut(timeoutMs: number): Promise<void> {
    const stopped = once(server, "close");
    server.close();
    tail.close();
    const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
    await Promise.race([settled(), stopped]);
    server.closeIdleConnections();
    await stopped;
    clearTimeout(timer);
    await feed.close(timeoutMs);
  }
  async function settled(): Promise<void> {
    while (underWay.size > 0) await Promise.all(underWay);
  }

  const close: Collector["close"] = ({ timeoutMs = CLOSE_MS } = {}) => (closing ??= shut(timeoutMs));

  return {
    url,
    viewerUrl: viewerToken === undefined ? `${url}/` : `${url}/#token=${viewerToken}`,
    port: actual,
    ...(token !== undefined && { token }),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function gauge(value: number, help: string): Gauges[string] {
  return { help, values: [[{}, value]] };
}

function say(line: string): void {
  process.stderr.write(`sightline: ${line}\n`);
}

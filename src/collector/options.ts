import { checkOptions, isBoolean, isFunction } from "../core/check-options.ts";
import type { Clock } from "../core/clock.ts";
import { ConfigError } from "../core/errors.ts";
import { isPrices, type Prices } from "../pricing/price-book.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { hostParts } from "./allowed-hosts.ts";
import type { Reading } from "./api.ts";
import type { CollectorMonitors } from "./incident-actions.ts";
import type { CollectorLimits } from "./limits.ts";

export interface CollectorOptions {
  /** Where records are kept. It stays open when the collector is closed. */
  readonly store: TraceStore;
  /** The address to listen on. Other machines reach it only where it is one of theirs too. Default: `127.0.0.1`. */
  readonly host?: string;
  /** 0: any that is free. Default: 4600. */
  readonly port?: number;
  /**
   * Who may send, and where it goes: `{ shop: token, tutor: [token, nextToken] }`. The viewer shows these projects. Default:
   * whoever reaches it may send to the project `default`; from other machines, with the viewer's token.
   */
  readonly projects?: { readonly [project: string]: string | readonly string[] };
  /** Who may look. Made where it is missing and other machines can reach the collector. */
  readonly viewerToken?: string;
  /** Names, with a port or with any, under which a proxy or a network knows this server: `traces.example.com`. */
  readonly allowedHosts?: readonly string[];
  readonly monitors?: CollectorMonitors;
  /** `false`: for looking only. Default: true. */
  readonly ingest?: boolean;
  /** How far the reading of files is that go into the store. */
  readonly reading?: () => Reading | undefined;
  /** The directory with the viewer's files. Default: those of this package. */
  readonly assets?: string;
  readonly limits?: CollectorLimits;
  /** Price books for calls that come without cost; `false`: they stay without. Default: `genaiPrices()`. */
  readonly prices?: Prices | false;
  /** Hears a line for whoever runs it: what goes wrong. Default: standard error. */
  readonly log?: (line: string) => void;
  readonly clock?: Clock;
}

/** Long enough that nobody tries them all. */
const MIN_TOKEN = 12;
const PROJECT = /^[\w.-]{1,64}$/;
const TOKEN = /^[\x21-\x7e]+$/;

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const isPort = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536;
const isAmount = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value > 0;

/** @throws ConfigError that names the option, and what it takes */
export function checkCollectorOptions(options: CollectorOptions): void {
  checkOptions("collector", options, {
    store: [(value) => isObject(value) && isFunction((value as TraceStore).append), "a store, such as sqliteStore()"],
    host: [isText, "an address or a name to listen on"],
    port: [isPort, "a port from 0 to 65535"],
    projects: [isObject, "an object of projects and their tokens"],
    viewerToken: [isText, "a token"],
    allowedHosts: [Array.isArray, "a list of names"],
    monitors: [isObject, "an object of monitors"],
    ingest: [isBoolean, "true or false"],
    reading: [isFunction, "a function"],
    assets: [isText, "the path of a directory"],
    limits: [isObject, "an object of limits"],
    prices: [(value) => value === false || isPrices(value), "price books, or false"],
    log: [isFunction, "a function"],
    clock: [isObject, "a clock"],
  });
  const { store, projects, viewerToken, allowedHosts = [], limits, monitors } = options;
  if (store === undefined) throw bad("collector() needs a store, such as sqliteStore({ path }).");
  if (limits !== undefined) checkLimits(limits);
  if (monitors !== undefined) checkMonitors(monitors);
  if (viewerToken !== undefined) checkToken("viewerToken", viewerToken);
  if (projects !== undefined) checkProjects(projects);
  for (const name of allowedHosts) {
    if (typeof name === "string" && hostParts(name) !== undefined) continue;
    throw bad(`collector({ allowedHosts }) takes names such as "traces.example.com"; it got ${JSON.stringify(name)}.`);
  }
}

/** Each project with each of its tokens. */
export function tokensOf(projects: NonNullable<CollectorOptions["projects"]>): [project: string, token: string][] {
  return Object.entries(projects).flatMap(([project, tokens]) =>
    (typeof tokens === "string" ? [tokens] : tokens).map((token): [string, string] => [project, token]),
  );
}

function checkProjects(projects: NonNullable<CollectorOptions["projects"]>): void {
  const owners = new Map<string, string>();
  if (Object.keys(projects).length === 0) throw bad("collector({ projects }) is empty: nobody could send.");
  for (const [project, tokens] of Object.entries(projects)) {
    if (!PROJECT.test(project)) {
      throw bad(`A project's name has up to 64 letters, digits and . _ -; it got ${JSON.stringify(project)}.`);
    }
    if (typeof tokens !== "string" && (!Array.isArray(tokens) || tokens.length === 0)) {
      throw bad(`The project ${project} takes a token or a list of them.`);
    }
  }
  for (const [project, token] of tokensOf(projects)) {
    checkToken(`the project ${project}`, token);
    const owner = owners.get(token) ?? project;
    if (owner !== project) throw bad(`The projects ${owner} and ${project} have one token; each needs its own.`);
    owners.set(token, project);
  }
}

/** Says nothing of the token itself. */
function checkToken(whose: string, token: unknown): void {
  if (typeof token === "string" && token.length >= MIN_TOKEN && TOKEN.test(token)) return;
  throw bad(`The token of ${whose} must be a text of at least ${MIN_TOKEN} characters without spaces.`);
}

function checkLimits(limits: CollectorLimits): void {
  const amount = [isAmount, "a number above 0"] as const;
  checkOptions("limits", limits, {
    bodyBytes: amount,
    inflatedBytes: amount,
    inFlightBytes: amount,
    requestsPerSecond: amount,
    bytesPerSecond: amount,
    connections: amount,
    tails: amount,
    headersTimeoutMs: amount,
    requestTimeoutMs: amount,
    keepAliveMs: amount,
  });
}

function checkMonitors(monitors: CollectorMonitors): void {
  const isSink = (value: unknown): boolean => isObject(value) && isFunction((value as { write?: unknown }).write);
  checkOptions("monitors", monitors, {
    alerts: [isSink, "alerts()"],
    incidents: [(value) => isObject(value) && isFunction((value as { all?: unknown }).all), "incidents()"],
    budgets: [isSink, "budgets()"],
    quality: [isSink, "quality()"],
    sinks: [(value) => Array.isArray(value) && value.every(isSink), "a list of sinks"],
    runbooks: [Array.isArray, "a list of runbooks"],
  });
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VALUE", message);
}

import { guard } from "../../core/guard.ts";
import { DIMENSIONS, type Query, type Reading } from "../reading.ts";
import { CALLS, TOKENS } from "./counters.ts";
import { OTHER } from "./groups.ts";
import type { InFlight } from "./in-flight.ts";
import { quotaUse } from "./quota.ts";
import type { Store } from "./store.ts";

/** What a service allows for all its calls together. */
export interface Quota {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
}

export type Circuit = "closed" | "open" | "half_open";

/** Figures that are as they are now, whatever the window. */
export interface Live {
  read(metric: string, query: Query, nowMs: number): readonly Reading[];
  queued(): number | undefined;
  circuit(): Circuit | undefined;
}

export interface LiveParts {
  readonly store: Store;
  readonly inFlight: InFlight;
  readonly quota: Quota | undefined;
  readonly queued: (() => number) | undefined;
  readonly circuit: (() => Circuit) | undefined;
  readonly maxGroups: number;
}

/** Quotas are of a minute. */
const MINUTE_MS = 60_000;
const CIRCUITS: ReadonlySet<unknown> = new Set(["closed", "open", "half_open"]);

export function newLive({ store, inFlight, quota, maxGroups, ...given }: LiveParts): Live {
  const queued = (): number | undefined => {
    const count: unknown = given.queued && guard(given.queued, undefined);
    return typeof count === "number" && count >= 0 && count < Number.POSITIVE_INFINITY ? count : undefined;
  };
  const circuit = (): Circuit | undefined => {
    const state = given.circuit && guard(given.circuit, undefined);
    return CIRCUITS.has(state) ? state : undefined;
  };

  const inFlightBy = (by: NonNullable<Query["by"]>): Reading[] => {
    const counts = new Map<string, number>();
    for (const [value] of store.groups[by].entries()) counts.set(value, 0);
    inFlight.count((labels) => {
      const value = labels[by];
      if (value === undefined) return false;
      const name = counts.has(value) || counts.size < maxGroups ? value : OTHER;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      return true;
    });
    return [...counts].map(([value, count]) => ({ value: count, samples: count, labels: { [by]: value } }));
  };

  const inFlightOf = ({ by, where = {} }: Query): Reading[] => {
    const filters = DIMENSIONS.filter((dimension) => where[dimension] !== undefined);
    if (filters.length === 0) {
      if (by !== undefined) return inFlightBy(by);
      const count = inFlight.count();
      return [{ value: count, samples: count, labels: {} }];
    }
    const fits = (labels: { readonly [name: string]: string | undefined }): boolean =>
      filters.every((dimension) => labels[dimension] === where[dimension]);
    const count = inFlight.count(fits);
    return [{ value: count, samples: count, labels: where as Reading["labels"] }];
  };

  const whole = ({ by, where }: Query, value: number | undefined): Reading[] => {
    const isWhole = by === undefined && Object.values(where ?? {}).every((each) => each === undefined);
    return isWhole ? [{ value, samples: value === undefined ? 0 : 1, labels: {} }] : [];
  };

  /** By the headers for each model. For all, the model that is nearest to its limit, or the configured quota. */
  const quotaOf = (of: "tokens" | "requests", query: Query, nowMs: number): Reading[] => {
    const { by, where = {}, windowMs } = query;
    const model = where.model;
    const { entries, find } = store.groups.model;
    const models = model === undefined ? [...entries()] : ([[model, find(model)]] as const);
    const known = models.flatMap(([name, series]): Reading[] => {
      const value = series?.told && quotaUse(series.told, nowMs, windowMs)[of];
      return value === undefined ? [] : [{ value, samples: 1, labels: { model: name } }];
    });
    if (model !== undefined || by === "model") return known;
    const shares = known.map(({ value }) => value as number);
    const limit = of === "tokens" ? quota?.tokensPerMinute : quota?.requestsPerMinute;
    if (limit !== undefined) {
      const [all] = store.measure({ windowMs: MINUTE_MS }, nowMs);
      const { sums, observedMs } = all!.measured;
      const used = sums.counters[of === "tokens" ? TOKENS : CALLS]!;
      shares.push((used / Math.max(observedMs, MINUTE_MS)) * (MINUTE_MS / limit));
    }
    return whole(query, shares.length === 0 ? undefined : Math.max(...shares));
  };

  return {
    queued,
    circuit,
    read(metric, query, nowMs) {
      switch (metric) {
        case "in_flight":
          return inFlightOf(query);
        case "queued":
          return whole(query, queued());
        case "circuit_open": {
          const state = circuit();
          return whole(query, state === undefined ? undefined : state === "open" ? 1 : 0);
        }
        case "token_quota_used":
          return quotaOf("tokens", query, nowMs);
        case "request_quota_used":
          return quotaOf("requests", query, nowMs);
        default:
          return [];
      }
    },
  };
}

import { AGGREGATE_FIELDS } from "../store/aggregate-rows.ts";
import { VALUE_FIELDS } from "../store/check-query.ts";
import type { AggregateQuery, SpansOptions, TraceQuery, ValuesQuery } from "../store/trace-store.ts";
import {
  AMOUNT,
  bad,
  FLAG,
  integer,
  type Kind,
  type Kinds,
  readParameters,
  TEXT,
  word,
  wordList,
} from "./parameters.ts";

const TIME = integer(0, Number.MAX_SAFE_INTEGER);
const SECOND_US = 1_000_000;
/** A chart has no more; and a page of them would be the memory of the process. */
const MAX_BUCKETS = 5_000;

/** Reads the parameters of one route. @throws Refusal */
export interface Queries {
  project(query: string): { project: string };
  traces(query: string): TraceQuery & { project: string };
  spans(query: string): SpansOptions & { project: string };
  span(query: string): { project: string; full?: boolean };
  aggregate(query: string): AggregateQuery & { project: string };
  values(query: string): ValuesQuery & { project: string };
}

/** @param projects those that may be asked for; without `project=` it is the first */
export function queries(projects: readonly string[]): Queries {
  const project: Kind = word(projects);
  const read = (query: string, kinds: Kinds): any => ({
    project: projects[0],
    ...readParameters(query, { project, ...kinds }),
  });
  return {
    project: (query) => read(query, {}),
    traces: (query) => read(query, TRACES),
    spans: (query) => read(query, { after: TEXT, limit: integer(1, 10_000) }),
    span: (query) => read(query, { full: FLAG }),
    values(query) {
      const found = read(query, VALUES);
      if (found.field === undefined) throw bad(`field is missing; it takes ${VALUES["field"]!.wanted}.`);
      return found;
    },
    aggregate(query) {
      const found = read(query, AGGREGATE);
      for (const field of Object.keys(found.where ?? {})) {
        if (!(AGGREGATE_FIELDS as readonly string[]).includes(field)) {
          throw bad(`There is no parameter "where.${field}"; where takes ${AGGREGATE_FIELDS.join(", ")}.`);
        }
      }
      const { fromUs = 0, toUs = Date.now() * 1_000, bucketUs } = found;
      if (bucketUs !== undefined && (toUs - fromUs) / bucketUs > MAX_BUCKETS) {
        throw bad(`bucketUs is too small for the time from fromUs to toUs: ${MAX_BUCKETS} buckets are the most.`);
      }
      // Plain, so that it can go to a worker.
      return found.where === undefined ? found : { ...found, where: { ...found.where } };
    },
  };
}

const TRACES: Kinds = {
  fromUs: TIME,
  toUs: TIME,
  userId: TEXT,
  sessionId: TEXT,
  feature: TEXT,
  team: TEXT,
  environment: TEXT,
  release: TEXT,
  tag: TEXT,
  name: TEXT,
  model: TEXT,
  status: word(["ok", "error", "open"]),
  finding: TEXT,
  "metadata.*": TEXT,
  minDurationMs: AMOUNT,
  maxDurationMs: AMOUNT,
  minCostUsd: AMOUNT,
  maxCostUsd: AMOUNT,
  text: TEXT,
  limit: integer(1, 500),
  after: TEXT,
};

const AGGREGATE: Kinds = {
  of: word(["calls", "spans", "scores"]),
  fromUs: TIME,
  toUs: TIME,
  groupBy: wordList(AGGREGATE_FIELDS),
  bucketUs: integer(SECOND_US, Number.MAX_SAFE_INTEGER),
  "where.*": TEXT,
  percentiles: FLAG,
  limit: integer(1, 1_000),
};

const VALUES: Kinds = {
  field: word(VALUE_FIELDS),
  prefix: TEXT,
  fromUs: TIME,
  limit: integer(1, 500),
};

import type { TraceQuery, TraceStatus } from "../../../store/trace-store.ts";
import { momentsOf, readTimeRange, type TimeRange, writeTimeRange } from "./time-range.ts";

/** What the traces page is asked for; its whole state is in the URL. */
export interface Filters {
  readonly range: TimeRange;
  readonly values: { readonly [field in ValueField]?: string };
  readonly status?: TraceStatus;
  readonly metadata: { readonly [key: string]: string };
  readonly limits: { readonly [field in LimitField]?: number };
  readonly text?: string;
}

/** Fields that are compared with one text. Their names are the same in the URL, the API and the store. */
export const VALUE_FIELDS = [
  "name",
  "userId",
  "sessionId",
  "feature",
  "team",
  "model",
  "tag",
  "finding",
  "environment",
  "release",
] as const;

export type ValueField = (typeof VALUE_FIELDS)[number];

export const LIMIT_FIELDS = ["minDurationMs", "maxDurationMs", "minCostUsd", "maxCostUsd"] as const;

export type LimitField = (typeof LIMIT_FIELDS)[number];

export const STATUSES: readonly TraceStatus[] = ["ok", "error", "open"];

export const NO_FILTERS: Filters = { range: {}, values: {}, metadata: {}, limits: {} };

const METADATA = "metadata.";

/** Unknown names and values that cannot be are ignored: a link from elsewhere still opens. */
export function readFilters(query: URLSearchParams): Filters {
  const values: { [field in ValueField]?: string } = {};
  for (const field of VALUE_FIELDS) {
    const value = query.get(field);
    if (value) values[field] = value;
  }
  const limits: { [field in LimitField]?: number } = {};
  for (const field of LIMIT_FIELDS) {
    const text = query.get(field);
    const value = Number(text);
    if (text?.trim() && Number.isFinite(value) && value >= 0) limits[field] = value;
  }
  const metadata: [string, string][] = [];
  for (const [name, value] of query) {
    if (name.startsWith(METADATA) && name.length > METADATA.length) metadata.push([name.slice(METADATA.length), value]);
  }
  const status = STATUSES.find((each) => each === query.get("status"));
  const text = query.get("text")?.trim();
  return {
    range: readTimeRange(query),
    values,
    ...(status !== undefined && { status }),
    // Whatever the keys are called: `__proto__` is a key as others are.
    metadata: Object.fromEntries(metadata),
    limits,
    ...(text && { text }),
  };
}

/** The inverse of `readFilters`, always in the same order. */
export function writeFilters(filters: Filters, query: URLSearchParams = new URLSearchParams()): URLSearchParams {
  writeTimeRange(filters.range, query);
  if (filters.text) query.set("text", filters.text);
  if (filters.status !== undefined) query.set("status", filters.status);
  for (const field of VALUE_FIELDS) {
    const value = filters.values[field];
    if (value) query.set(field, value);
  }
  for (const [key, value] of Object.entries(filters.metadata)) query.set(METADATA + key, value);
  for (const field of LIMIT_FIELDS) {
    const value = filters.limits[field];
    if (value !== undefined) query.set(field, String(value));
  }
  return query;
}

/** What the store is asked at `nowUs`. */
export function traceQuery(filters: Filters, nowUs: number): TraceQuery {
  const { fromUs, toUs } = momentsOf(filters.range, nowUs);
  return {
    ...(fromUs !== undefined && { fromUs }),
    ...(toUs !== undefined && { toUs }),
    ...filters.values,
    ...(filters.status !== undefined && { status: filters.status }),
    ...filters.limits,
    ...(Object.keys(filters.metadata).length > 0 && { metadata: filters.metadata }),
    ...(filters.text !== undefined && { text: filters.text }),
  };
}

/** One filter that is set, apart from the time: what a chip shows, and what removing it leaves. */
export interface SetFilter {
  readonly key: string;
  readonly label: string;
  readonly value: string;
  readonly without: Filters;
}

const LABELS: { readonly [field in ValueField]: string } = {
  name: "name",
  userId: "user",
  sessionId: "session",
  feature: "feature",
  team: "team",
  model: "model",
  tag: "tag",
  finding: "finding",
  environment: "environment",
  release: "release",
};

export function fieldLabel(field: ValueField): string {
  return LABELS[field];
}

export function setFilters(filters: Filters): SetFilter[] {
  const found: SetFilter[] = [];
  if (filters.status !== undefined) {
    const { status, ...without } = filters;
    found.push({ key: "status", label: "status", value: status, without });
  }
  for (const field of VALUE_FIELDS) {
    const value = filters.values[field];
    if (value === undefined) continue;
    const without = { ...filters, values: omit(filters.values, field) };
    const shown = field === "finding" && value === "*" ? "any" : value;
    found.push({ key: field, label: LABELS[field], value: shown, without });
  }
  for (const [key, value] of Object.entries(filters.metadata)) {
    const without = { ...filters, metadata: omit(filters.metadata, key) };
    found.push({ key: METADATA + key, label: key, value, without });
  }
  for (const field of LIMIT_FIELDS) {
    const value = filters.limits[field];
    if (value === undefined) continue;
    const [label, text] = limitText(field, value);
    found.push({ key: field, label, value: text, without: { ...filters, limits: omit(filters.limits, field) } });
  }
  return found;
}

function limitText(field: LimitField, value: number): [string, string] {
  const sign = field.startsWith("min") ? "≥" : "≤";
  if (field.endsWith("Usd")) return ["cost", `${sign} $${value}`];
  return ["duration", value >= 1_000 ? `${sign} ${value / 1_000} s` : `${sign} ${value} ms`];
}

function omit<T extends object>(from: T, key: string): T {
  return Object.fromEntries(Object.entries(from).filter(([name]) => name !== key)) as T;
}

import { plainText } from "../plain-text.ts";
import type { TraceQuery } from "../trace-store.ts";
import type { Connection } from "./connection.ts";
import type { Value } from "./driver.ts";
import { ANY_FINDING, metadataField } from "./trace-terms.ts";

const TERM_FIELDS = [..."userId sessionId feature team environment release tag name model status".split(" ")] as (
  | "userId"
  | "status"
)[];

/** The part of a statement that finds traces: `t` is the trace, `${time}` its start. */
export interface Conditions {
  readonly from: string;
  readonly where: string;
  readonly values: readonly Value[];
  /** The start as the index has it that leads. */
  readonly time: string;
  /** At most so many traces fulfil them. */
  readonly most: number;
}

/** @returns undefined when no trace can fulfil the query's conditions; its words are not among them */
export function conditionsOf({ prepare }: Connection, project: number, query: TraceQuery): Conditions | undefined {
  const terms: { id: number; traces: number }[] = [];
  for (const [field, value] of termsOf(query)) {
    const sql = "SELECT id, traces FROM terms WHERE project = ? AND field = ? AND value = ?";
    const term = prepare(sql).get(project, field, value);
    if (!term || term.traces === 0) return undefined;
    terms.push(term);
  }
  const [rarest, ...others] = terms.sort((a, b) => a.traces - b.traces);
  const time = rarest ? "x.start_us" : "t.start_us";
  const where: string[] = [];
  const values: Value[] = [];
  const add = (condition: string, ...more: Value[]) => {
    where.push(condition);
    values.push(...more);
  };
  if (rarest) add("x.term = ?", rarest.id);
  else add("t.project = ?", project);
  for (const { id } of others) {
    add(`EXISTS (SELECT 1 FROM trace_terms y WHERE y.term = ? AND y.start_us = ${time} AND y.trace = t.id)`, id);
  }
  if (query.fromUs !== undefined) add(`${time} >= ?`, query.fromUs);
  if (query.toUs !== undefined) add(`${time} < ?`, query.toUs);
  if (query.minDurationMs !== undefined) add("t.duration_ns >= ?", query.minDurationMs * 1e6);
  if (query.maxDurationMs !== undefined) add("t.duration_ns <= ?", query.maxDurationMs * 1e6);
  if (query.minCostUsd !== undefined) add("t.cost_usd >= ?", query.minCostUsd);
  if (query.maxCostUsd !== undefined) add("t.cost_usd <= ?", query.maxCostUsd);
  const from = rarest ? "trace_terms x CROSS JOIN traces t ON t.id = x.trace" : "traces t";
  return { from, where: where.join(" AND "), values, time, most: rarest?.traces ?? Number.POSITIVE_INFINITY };
}

function* termsOf(query: TraceQuery): Generator<[field: string, value: string]> {
  for (const field of TERM_FIELDS) {
    const value = query[field];
    if (value !== undefined) yield [field, plainText(value)];
  }
  if (query.finding === "*") yield [ANY_FINDING, ""];
  else if (query.finding !== undefined) yield ["finding", plainText(query.finding)];
  for (const [key, value] of Object.entries(query.metadata ?? {})) {
    if (value !== undefined) yield [metadataField(plainText(key)), plainText(value)];
  }
}

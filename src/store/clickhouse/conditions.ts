import type { Place } from "../paging.ts";
import { plainText } from "../plain-text.ts";
import type { TraceQuery } from "../trace-store.ts";
import type { Params } from "./driver.ts";
import { dayOf } from "./rows.ts";

/** A span that used tokens, and what they cost is not known. */
export const IS_UNPRICED = "isNull(cost_usd) AND (isNotNull(input_tokens) OR isNotNull(output_tokens))";

/** Conditions in SQL and what their parameters stand for. No value is ever part of the text. */
export interface Conditions {
  readonly where: string;
  readonly params: Params;
}

const EQUAL = [
  ["userId", "user_id"],
  ["sessionId", "session_id"],
  ["feature", "feature"],
  ["team", "team"],
  ["environment", "environment"],
  ["release", "release"],
  ["name", "name"],
  ["status", "status"],
] as const;
const FIGURES = [
  ["minDurationMs", "duration_ns >=", 1e6],
  ["maxDurationMs", "duration_ns <=", 1e6],
  ["minCostUsd", "cost_usd >=", 1],
  ["maxCostUsd", "cost_usd <=", 1],
] as const;

/** What a summary must be like; the query's words are not among it. */
export function conditionsOf(database: string, project: string, query: TraceQuery): Conditions {
  const where = ["project = {project:String}", "is_moved = 0"];
  const params: { [name: string]: string | number } = { project };
  const add = (condition: string, more: { [name: string]: string | number }) => {
    where.push(condition);
    Object.assign(params, more);
  };
  for (const [key, column] of EQUAL) {
    if (query[key] === undefined) continue;
    const text = plainText(query[key]);
    // What lacks a user has "" there; a trace without a name has "" for a name.
    if (text === "" && key !== "name") add("0", {});
    else add(`${column} = {${key}:String}`, { [key]: text });
  }
  if (query.tag !== undefined) add("has(tags, {tag:String})", { tag: plainText(query.tag) });
  if (query.model !== undefined) add("has(models, {model:String})", { model: plainText(query.model) });
  if (query.finding !== undefined) {
    const named = query.finding === "*" ? "" : " AND name = {finding:String}";
    // A finding lives on the shard of its own id.
    add(
      `trace_id GLOBAL IN (SELECT trace_id FROM ${database}.findings FINAL WHERE project = {project:String}${named})`,
      query.finding === "*" ? {} : { finding: plainText(query.finding) },
    );
  }
  for (const [i, [key, value]] of Object.entries(query.metadata ?? {}).entries()) {
    if (value === undefined) continue;
    const [k, v] = [`key${i}`, `value${i}`];
    const more = { [k]: plainText(key), [v]: plainText(value) };
    add(`mapContains(meta, {${k}:String}) AND meta[{${k}:String}] = {${v}:String}`, more);
  }
  for (const [key, comparison, factor] of FIGURES) {
    if (query[key] !== undefined) add(`${comparison} {${key}:Float64}`, { [key]: query[key] * factor });
  }
  const time = timeConditions("start_us", query.fromUs, query.toUs);
  if (time) add(time.where, time.params as {});
  return { where: where.join(" AND "), params };
}

/** By the partition too: within a day it is known what is the newest. */
export function timeConditions(column: string, fromUs?: number, toUs?: number, byDay = true): Conditions | undefined {
  const where: string[] = [];
  const params: { [name: string]: number } = {};
  if (fromUs !== undefined) {
    params["from"] = microsecondsOf(Math.ceil(fromUs));
    where.push(`${column} >= {from:UInt64}`);
    if (byDay) where.push("day >= toDate({fromDay:UInt16})");
    if (byDay) params["fromDay"] = dayOf(params["from"]);
  }
  if (toUs !== undefined) {
    params["to"] = microsecondsOf(Math.ceil(toUs));
    where.push(`${column} < {to:UInt64}`);
    if (byDay) where.push("day <= toDate({toDay:UInt16})");
    if (byDay) params["toDay"] = dayOf(params["to"]);
  }
  return where.length === 0 ? undefined : { where: where.join(" AND "), params };
}

function microsecondsOf(us: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, us));
}

/** After a place in an order by time and id, the newest first. */
export function afterPlace(time: string, id: string, place: Place | undefined): Conditions | undefined {
  if (!place) return undefined;
  return {
    where: `(${time}, ${id}) < ({placeUs:UInt64}, {placeId:String})`,
    params: { placeUs: place.us, placeId: place.id },
  };
}

/** All of them must hold. */
export function joined(parts: readonly (Conditions | undefined)[]): Conditions {
  const all = parts.filter((part) => part !== undefined).filter(({ where }) => where !== "");
  return {
    where: all.map(({ where }) => where).join(" AND "),
    params: Object.assign({}, ...all.map(({ params }) => params)),
  };
}

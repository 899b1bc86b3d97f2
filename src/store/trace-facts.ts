import type { JsonObject } from "../core/json.ts";
import type { TraceRecord } from "../core/record.ts";
import { plainText, plainTextOf } from "./plain-text.ts";

/** What a record says of its whole trace, as stores list and compare it. */
export interface TraceFacts {
  readonly name?: string;
  readonly userId?: string;
  readonly sessionId?: string;
  readonly feature?: string;
  readonly team?: string;
  readonly environment?: string;
  readonly release?: string;
  /** Each once, in the order given. */
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
}

const TEXTS = ["name", "userId", "sessionId", "feature", "team", "environment", "release"] as const;

/** The facts in plain text; what is empty, or not of its type, is left out. */
export function traceFacts({ trace }: TraceRecord): TraceFacts {
  const facts: { -readonly [key in keyof TraceFacts]: TraceFacts[key] } = {};
  for (const key of TEXTS) {
    const text = plainTextOf(trace[key]);
    if (text !== undefined) facts[key] = text;
  }
  if (Array.isArray(trace.tags)) {
    const tags = [...new Set(trace.tags.map(plainTextOf))].filter((tag) => tag !== undefined);
    if (tags.length > 0) facts.tags = tags;
  }
  const { metadata } = trace;
  if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata)) {
    if (Object.keys(metadata).length > 0) facts.metadata = metadata;
  }
  return facts;
}

/** A longer value is not what anybody filters by. */
const MAX_VALUE = 500;

/**
 * The entries of metadata that a query's `metadata` can meet, as texts: a string as it is, a number or boolean as in
 * JSON. What is null, a list, an object, or longer than 500 characters meets nothing.
 */
export function metadataTexts(metadata: JsonObject | undefined): [key: string, text: string][] {
  const texts: [string, string][] = [];
  for (const [key, value] of Object.entries(metadata ?? {})) {
    if (typeof value === "object") continue;
    const text = plainText(String(value));
    if (text.length <= MAX_VALUE) texts.push([plainText(key), text]);
  }
  return texts;
}

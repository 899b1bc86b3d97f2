import type { SpanRecord } from "../../src/core/record.ts";

/** What differs, by path, as `path: before -> after`; long values cut. */
export function differences(before: unknown, after: unknown, path = ""): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const areObjects = [before, after].every((each) => typeof each === "object" && each !== null);
  if (!areObjects || Array.isArray(before) !== Array.isArray(after))
    return [`${path}: ${cut(before)} -> ${cut(after)}`];
  const [a, b] = [before, after] as { readonly [key: string]: unknown }[];
  const keys = new Set([...Object.keys(a!), ...Object.keys(b!)]);
  return [...keys].flatMap((key) => differences(a![key], b![key], path === "" ? key : `${path}.${key}`));
}

function cut(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, 80);
}

/** The records in the order of their spans, as one span may come twice. */
export function key({ traceId, spanId, seq, trace }: SpanRecord): string {
  return [traceId, spanId, seq, trace.name].join(" ");
}

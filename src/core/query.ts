import type { SpanRecord } from "./record.ts";

/** A part of `T` to compare with: what is named must be equal, a `RegExp` stands for any string that it finds. */
export type Pattern<T> = T extends string
  ? T | RegExp
  : T extends number | boolean | null | undefined
    ? T
    : T extends readonly (infer E)[]
      ? readonly Pattern<E>[]
      : { readonly [K in keyof T]?: Pattern<T[K]> };

/**
 * Which spans are meant: a name or a type (`"Tutor.answer"`, `"tool"`), a `RegExp` on the name, a part of the record
 * (`{ type: "generation", name: /chat/ }`), or a function of the record.
 */
export type SpanQuery = string | RegExp | Pattern<SpanRecord> | ((record: SpanRecord) => boolean);

/** The query as a function that says yes or no to a record. */
export function matcher(query: SpanQuery): (record: SpanRecord) => boolean {
  if (typeof query === "function") return query;
  if (typeof query === "string") return (record) => record.name === query || record.type === query;
  if (query instanceof RegExp) return (record) => matches(query, record.name);
  return (record) => matches(query, record);
}

function matches(pattern: unknown, value: unknown): boolean {
  // `search`, as `test` remembers its position in a /g pattern.
  if (pattern instanceof RegExp) return typeof value === "string" && value.search(pattern) !== -1;
  if (typeof pattern !== "object" || pattern === null) return Object.is(pattern, value);
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(pattern)) {
    return Array.isArray(value) && pattern.length === value.length && pattern.every((p, i) => matches(p, value[i]));
  }
  return Object.entries(pattern).every(([key, part]) =>
    matches(part, Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined),
  );
}

import { type Filters, STATUSES, VALUE_FIELDS, type ValueField } from "./filters.ts";

const NAMES: { readonly [name: string]: ValueField } = {
  ...Object.fromEntries(VALUE_FIELDS.map((field) => [field.toLowerCase(), field])),
  user: "userId",
  session: "sessionId",
  env: "environment",
};
const WORD = /(?<name>[\w.-]+)(?<sign>:|>=|<=|>|<)(?:"(?<quoted>[^"]*)"|(?<bare>\S+))/g;
const MILLISECONDS: { readonly [unit: string]: number } = { "": 1, ms: 1, s: 1_000, m: 60_000 };

/**
 * What was typed into the search box: `user:ada status:error duration>2s cost>0.01 meta.plan:pro refund` sets filters, and
 * what is left is looked for as text.
 */
export function typedFilters(typed: string, filters: Filters): Filters {
  let next = filters;
  const rest = typed.replace(WORD, (word, ...found) => {
    const { name, sign, quoted, bare } = found.at(-1) as { [part: string]: string };
    const set = withWord(next, name as string, sign as string, quoted ?? bare ?? "");
    if (set === undefined) return word;
    next = set;
    return " ";
  });
  const text = rest.replace(/\s+/g, " ").trim();
  const { text: _, ...others } = next;
  return text === "" ? others : { ...others, text };
}

/** Undefined where the word is no filter. */
function withWord(filters: Filters, name: string, sign: string, value: string): Filters | undefined {
  if (value === "") return undefined;
  const lower = name.toLowerCase();
  if (sign !== ":") return withLimit(filters, lower, sign, value);
  if (lower === "status") {
    const status = STATUSES.find((each) => each === value.toLowerCase());
    return status && { ...filters, status };
  }
  const key = /^meta(?:data)?\.(.+)$/i.exec(name)?.[1];
  if (key !== undefined) return { ...filters, metadata: { ...filters.metadata, [key]: value } };
  const field = Object.hasOwn(NAMES, lower) ? NAMES[lower] : undefined;
  return field && { ...filters, values: { ...filters.values, [field]: value } };
}

function withLimit(filters: Filters, name: string, sign: string, value: string): Filters | undefined {
  const bound = sign.startsWith(">") ? "min" : "max";
  if (name === "cost") {
    const usd = Number(value.replace(/^\$/, ""));
    return usd >= 0 ? { ...filters, limits: { ...filters.limits, [`${bound}CostUsd`]: usd } } : undefined;
  }
  if (name !== "duration") return undefined;
  const ms = readMs(value);
  return ms === undefined ? undefined : { ...filters, limits: { ...filters.limits, [`${bound}DurationMs`]: ms } };
}

/** `250`, `250ms`, `1.5s`, `2m` in milliseconds. */
export function readMs(text: string): number | undefined {
  const found = /^(\d+(?:\.\d+)?)\s*(ms|s|m|)$/.exec(text.trim());
  return found === null ? undefined : Number(found[1]) * (MILLISECONDS[found[2] as string] as number);
}

/** 1e11 seconds are in the year 5138, 1e11 milliseconds were in 1973. */
const SECONDS_BELOW = 1e11;

/** Epoch milliseconds. */
export function moment(value: unknown): number | undefined {
  const digits = typeof value === "string" && /^\d+(?:\.\d+)?$/.test(value);
  const number = typeof value === "number" || digits ? Number(value) : undefined;
  let ms = number;
  if (number !== undefined && number < SECONDS_BELOW) ms = number * 1000;
  else if (value instanceof Date) ms = value.getTime();
  else if (typeof value === "string" && !digits) ms = Date.parse(value);
  return ms !== undefined && Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** No call of a model takes longer; what is older was stored, and when it ended is not known. */
const LONGEST_CALL_MS = 60 * 60 * 1000;

/** The end of what has ended at a time that nobody tells: the time of looking, or its start where that was long before. */
export function untoldEnd(startMs: number | undefined, nowMs: number): number {
  return startMs !== undefined && nowMs - startMs > LONGEST_CALL_MS ? startMs : nowMs;
}

/** Epoch seconds, as the API has its times. */
export function seconds(value: unknown): number | undefined {
  const ms = moment(value);
  return ms === undefined ? undefined : ms / 1000;
}

/** The value under a snake_case name or its camelCase twin; `null` is absent. */
export function field(object: unknown, name: string): any {
  if (typeof object !== "object" || object === null) return undefined;
  const values = object as Record<string, unknown>;
  const value = values[name];
  if (value !== undefined && value !== null) return value;
  return name.includes("_") ? (values[camelCase(name)] ?? undefined) : undefined;
}

/** The names are ours, some 200 of them. */
const CAMEL_CASE = new Map<string, string>();

export function camelCase(name: string): string {
  let camel = CAMEL_CASE.get(name);
  if (camel === undefined) {
    camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    CAMEL_CASE.set(name, camel);
  }
  return camel;
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** An object's own entries that are known: nothing is `undefined` or `null`. */
export function known<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries: Partial<T> = {};
  for (const name of Object.keys(fields) as (keyof T)[]) {
    if (fields[name] !== undefined && fields[name] !== null) entries[name] = fields[name];
  }
  return entries as { [K in keyof T]?: NonNullable<T[K]> };
}

/** The values under these names, as they are; `null` says nothing. `undefined` when there is none. */
export function picked(object: unknown, names: readonly string[]): Record<string, any> | undefined {
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const value = field(object, name);
    if (value !== undefined) values[name] = value;
  }
  return Object.keys(values).length === 0 ? undefined : values;
}

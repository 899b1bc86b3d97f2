/** Which stretch of time a page looks at: up to now, or from one moment to another. Neither: all that is kept. */
export interface TimeRange {
  /** `15m`, `24h`, `7d`: the stretch that ends now, whenever it is looked at. */
  readonly last?: string;
  /** Epoch microseconds. Where `last` is given, these are not. */
  readonly fromUs?: number;
  readonly toUs?: number;
}

/** The stretches that the picker offers, shortest first. */
export const STRETCHES = ["15m", "1h", "6h", "24h", "3d", "7d", "30d"] as const;

const SECONDS: { readonly [unit: string]: number } = { m: 60, h: 3_600, d: 86_400, w: 604_800 };
const STRETCH = /^([1-9]\d{0,4})([mhdw])$/;

/** Microseconds of `24h`; undefined for what is no stretch. */
export function stretchUs(last: string): number | undefined {
  const found = STRETCH.exec(last);
  return found === null ? undefined : Number(found[1]) * (SECONDS[found[2]!] as number) * 1e6;
}

/** Reads `last=24h`, or `from=` and `to=` as ISO 8601 or epoch microseconds. What cannot be read is left out. */
export function readTimeRange(query: URLSearchParams): TimeRange {
  const last = query.get("last");
  if (last !== null && stretchUs(last) !== undefined) return { last };
  const fromUs = readMoment(query.get("from"));
  const toUs = readMoment(query.get("to"));
  if (fromUs !== undefined && toUs !== undefined && fromUs >= toUs) return {};
  return { ...(fromUs !== undefined && { fromUs }), ...(toUs !== undefined && { toUs }) };
}

export function writeTimeRange(range: TimeRange, query: URLSearchParams): void {
  if (range.last !== undefined) query.set("last", range.last);
  if (range.fromUs !== undefined) query.set("from", momentText(range.fromUs));
  if (range.toUs !== undefined) query.set("to", momentText(range.toUs));
}

/** The moments a range stands for at `nowUs`. */
export function momentsOf(
  range: TimeRange,
  nowUs: number,
): { readonly fromUs: number | undefined; readonly toUs: number | undefined } {
  const lengthUs = range.last === undefined ? undefined : stretchUs(range.last);
  if (lengthUs !== undefined) return { fromUs: nowUs - lengthUs, toUs: undefined };
  return { fromUs: range.fromUs, toUs: range.toUs };
}

/** Epoch microseconds of ISO 8601 text, or of digits. */
function readMoment(text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  const us = /^\d{1,16}$/.test(text) ? Number(text) : /^\d{4}-/.test(text) ? Date.parse(text) * 1_000 : Number.NaN;
  return Number.isSafeInteger(us) && us >= 0 ? us : undefined;
}

/** ISO 8601 where that says it exactly. */
function momentText(us: number): string {
  const isWhole = us % 1_000 === 0 && us / 1_000 <= 8.64e15;
  return isWhole ? new Date(us / 1_000).toISOString() : String(us);
}

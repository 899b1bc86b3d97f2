/** What any answer may have besides. */
interface Head {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: { readonly [name: string]: string };
  /** The `Retry-After` header; a list sends it several times. */
  readonly retryAfter?: string | readonly string[];
}

/** What a flaky server does with one request. */
export type FlakyStep =
  /** Takes it: 200 without a body. */
  | (Head & { readonly ok: true })
  /** Answers so, without a body: `{ status: 429, retryAfter: "1" }`. */
  | (Head & { readonly status: number })
  /** A body of any text: `{ body: "garbage" }`. */
  | (Head & { readonly body: string })
  | (Head & { readonly json: unknown })
  /** 200, and a body that rejects the records with these span ids: `{ rejected: [{ spanId, reason }] }`. */
  | (Head & { readonly partial: readonly string[] })
  /** Takes it, and answers only after so many milliseconds, or never. */
  | (Head & { readonly hang: number | true })
  /** Headers, then a byte of body each so many milliseconds, without end. */
  | (Head & { readonly drip: number })
  /** Breaks the connection: by a reset instead of an answer, within the headers, or within the body of a 200. */
  | { readonly reset: "before" | "mid-headers" | "mid-body" }
  /** Sends the client elsewhere: `{ redirect: 307, to: other.url }`. */
  | { readonly redirect: 301 | 302 | 303 | 307 | 308; readonly to: string }
  /** A body that is gzip of so many bytes: a thousandth on the wire. */
  | (Head & { readonly bomb: number })
  /** A body of so many bytes, sent as fast as it is taken. */
  | (Head & { readonly large: number });

const isCount = (value: unknown) => typeof value === "number" && value > 0;
const isText = (value: unknown) => typeof value === "string";
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

/** What a step does, by its one key, with a check of the value. */
const KINDS: { readonly [kind: string]: (value: unknown) => boolean } = {
  ok: (value) => value === true,
  body: isText,
  json: (value) => value !== undefined,
  partial: isTexts,
  hang: (value) => value === true || isCount(value),
  drip: isCount,
  reset: (value) => ["before", "mid-headers", "mid-body"].includes(value as string),
  redirect: (value) => [301, 302, 303, 307, 308].includes(value as number),
  bomb: isCount,
  large: isCount,
};

const PARTS: typeof KINDS = {
  status: (value) => Number.isInteger(value) && (value as number) >= 200 && (value as number) <= 599,
  headers: (value) => typeof value === "object" && value !== null && Object.values(value).every(isText),
  retryAfter: (value) => isText(value) || isTexts(value),
  to: isText,
};

/** Returns the step; throws a TypeError for one that does not exist: it would be taken for another in silence. */
export function checkStep(step: FlakyStep): FlakyStep {
  const wrong = (why: string) => new TypeError(`flakyServer: ${why} in the step ${JSON.stringify(step)}`);
  if (typeof step !== "object" || step === null) throw wrong("an object is missing");
  for (const [key, value] of Object.entries(step)) {
    const isRight = Object.hasOwn(KINDS, key) ? KINDS[key] : Object.hasOwn(PARTS, key) ? PARTS[key] : undefined;
    if (isRight === undefined) throw wrong(`unknown "${key}"`);
    if (!isRight(value)) throw wrong(`bad value of "${key}"`);
  }
  const kinds = Object.keys(step).filter((key) => Object.hasOwn(KINDS, key));
  if (kinds.length > 1) throw wrong(`"${kinds.join('" and "')}" exclude each other`);
  if (kinds.length === 0 && !("status" in step)) throw wrong("nothing to do");
  if ("redirect" in step !== "to" in step) throw wrong('"redirect" needs "to", and "to" needs "redirect"');
  return step;
}

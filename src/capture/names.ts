/** Which names stand for secrets: whole word parts of camelCase, snake_case, kebab-case and header names. */

const SECRET = new RegExp(
  `_(?:${[
    "authorization|cookies?|bearer|jwt|secrets?|credentials?|token",
    "passwords?|passwd|passphrase|passcode|pwd",
    "(?:api|auth|private|access|account|signing|encryption|master|shared|ssh)_?keys?",
    "(?:access|auth|refresh|bearer|session|csrf|xsrf)token|(?:client|app|api)secret",
    "connection_?strings?",
  ].join("|")})\\d*_`,
);

/** Measures and marks of language models: `cost_per_token`, `firstTokenMs`, `token_count`, `eos_token_id`. */
const NO_CREDENTIAL = new RegExp(
  [
    "_(?:per|first|max|min|eos|bos|pad|unk|cls|sep|stop|special|input|output|prompt|completion|reasoning|cached)_token",
    "_token_(?:counts?|usage|limit|budget|type|ids?|index|cost|price|rate|details|logprobs?|bytes|length|size|window)",
    "_token_(?:position|endpoint|url|uri|stats)",
  ]
    .map((marks) => `${marks}(?=_)`)
    .join("|"),
  "g",
);

/** Most names hold none of these and are settled by one look. */
const CANDIDATE = /key|token|secret|pass|pwd|authorization|cookie|credential|bearer|jwt|connection/i;

/** Where one word of a name ends and the next begins. Letters beyond ASCII count as lower case. */
const SPLIT = /(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9\u0080-\uffff]+/g;

/** `X-Api-Key` → `_x_api_key_`; `APIKey2` → `_api_key2_`. */
export function words(name: string): string {
  return `_${name.replace(SPLIT, "_").toLowerCase()}_`;
}

/** The test for names, with the user's own added: strings match as word parts too, expressions as they are. */
export function secretNames(own: readonly (string | RegExp)[]): (name: string) => boolean {
  const exact = own.filter((key) => typeof key === "string");
  const parts = exact.map((key) => words(key).replace(/^_+|_+$/g, "_")).filter((part) => part !== "_");
  const patterns = own
    .filter((key) => key instanceof RegExp)
    .map((key) => new RegExp(key.source, key.flags.replace(/[gy]/g, "")));

  function isOwn(name: string): boolean {
    if (exact.includes(name) || patterns.some((pattern) => pattern.test(name))) return true;
    const normal = words(name);
    return parts.some((part) => normal.includes(part));
  }
  return (name) => (CANDIDATE.test(name) && isKnown(words(name))) || (own.length > 0 && isOwn(name));
}

function isKnown(normal: string): boolean {
  return SECRET.test(normal.includes("_token_") ? normal.replace(NO_CREDENTIAL, "") : normal);
}

/** What a name in a text says of the value that is given to it. */
export type Verdict =
  | typeof NO_SECRET
  | typeof SECRET_VALUE
  | typeof SECRET_LINE
  | typeof COOKIE_LINE
  | typeof SECRET_IN_QUOTES;

export const NO_SECRET = 0;
/** One word, or what is in quotes. */
export const SECRET_VALUE = 1;
/** The rest of the line. */
export const SECRET_LINE = 2;
/** The same, where it begins as cookies do. */
export const COOKIE_LINE = 3;
/** What is in quotes: `{"pass":"…"}` is a password, `pass: 12` a count. */
export const SECRET_IN_QUOTES = 4;

/** As many names as a program has; a power of two. */
const PLACES = 2048;

/**
 * The verdicts on the names in texts, remembered, as texts ask about the same few again and again. A name is looked up where it
 * stands, by a hash of its characters: slicing it out for a Map costs three times as much.
 */
export function verdicts(isSecret: (name: string) => boolean): (text: string, start: number, end: number) => Verdict {
  const names: string[] = new Array(PLACES).fill("");
  const known = new Uint8Array(PLACES);
  return (text, start, end) => {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0;
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const name = names[place]!;
    if (name.length !== end - start || !standsAt(text, start, name)) {
      // Joining copies: a slice would keep the whole text alive.
      names[place] = Array.from(text.slice(start, end)).join("");
      known[place] = verdictOn(names[place]!, isSecret);
    }
    return known[place] as Verdict;
  };
}

/** `startsWith` costs a call, five times these few looks. */
function standsAt(text: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== text.charCodeAt(start + i)) return false;
  return true;
}

function verdictOn(name: string, isSecret: (name: string) => boolean): Verdict {
  if (!isSecret(name)) return /(?:^| )pass$/i.test(name) ? SECRET_IN_QUOTES : NO_SECRET;
  if (/cookie$/i.test(name)) return COOKIE_LINE;
  return /authorization$/i.test(name) ? SECRET_LINE : SECRET_VALUE;
}

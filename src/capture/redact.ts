import { isPromise } from "node:util/types";
import { IS_LITTLE_ENDIAN, nextMarked, readWords, window, wordShift } from "../core/window.ts";
import { ASSIGNMENTS } from "./assignments.ts";
import { LIMITS } from "./limits.ts";
import { LISTS } from "./lists.ts";
import { secretNames, verdicts } from "./names.ts";
import { isCardNumber, type PersonalData, personalKinds, personalRules } from "./personal.ts";
import { codeAt, EDGE, type Rule, type Scan, startScan } from "./scan.ts";
import { SHAPES } from "./shapes.ts";
import { TOKENS } from "./tokens.ts";

export type { PersonalData } from "./personal.ts";
export { REDACTED } from "./scan.ts";

/** What stands in place of a text when the user's own masking failed: nothing of it gets out. */
export const REDACTION_FAILED = "[redaction failed]";

/** What `configure({ mask })` adds to the built-in masking. */
export interface MaskOptions {
  /**
   * Further names whose values are secret. A string matches as whole words of a name however it is written
   * (`"customer id"` matches `customerId` and `X-Customer-ID`), in properties and in texts; an expression is tested on property
   * names as they are.
   */
  readonly keys?: readonly (string | RegExp)[];
  /** Runs after the built-in masking on every text. Synchronous; whatever it throws turns the text into `[redaction failed]`. */
  readonly text?: (text: string) => string;
  /**
   * Personal data to mask too, all kinds or some: e-mail addresses become `[email]`, phone numbers in their usual spellings
   * `[phone]`, card numbers with a right Luhn digit `[card]`, IBANs with right check digits `[iban]`, IP addresses `[ip]`.
   * In texts, in property names, and card numbers that are numbers. Default: none.
   */
  readonly pii?: boolean | readonly PersonalData[];
}

/** What is known of a property name. */
export interface Name {
  /** The name as the copy has it. */
  readonly shown: string;
  /** The value under it is a secret, whatever its type. */
  readonly secret: boolean;
}

export interface Redactor {
  /** Whether values under this name are secret. */
  key(name: string): boolean;
  /** The same, with the name itself masked, remembered for the names of objects. */
  name(name: string): Name;
  /** What stands for a number that must not be seen; absent when all numbers may. */
  number?(value: number): string | undefined;
  /** Masks the secrets in a text, in linear time. Never throws. */
  text(text: string): string;
  /** Whether `text` runs a function of the user's, which should see no text twice. */
  readonly isCustom: boolean;
  /** Characters read since the start: the measure of linearity. */
  readonly steps: number;
}

/** Shorter texts hold nothing: `pwd=abc` has seven characters, `a@b.co` six. */
const SHORTEST = 6;

/** Below so many characters the window costs more than it spares. */
const MANY = 64;

/** `jwt`, `pwd`, `key`, `sig` */
const SHORTEST_NAME = 3;

/** Names from this length on may hold a secret themselves. */
const SUSPECT_NAME = 12;

const SECRET_RULES: readonly Rule[] = [...SHAPES, ...TOKENS, ...LISTS, ...ASSIGNMENTS];

/**
 * Makes the masking that runs by default: values under secret names (`password`, `x-api-key`, …), in objects and in texts,
 * and secrets that show by their shape (`sk-…`, JSON Web Tokens, PEM blocks, …).
 */
export function createRedactor(options: MaskOptions = {}): Redactor {
  const { keys = [], text: custom, pii } = options;
  const isSecret = secretNames(keys);
  const words = keys.filter((key) => typeof key === "string");
  const verdict = verdicts(secretNames(words));
  const shortest = Math.min(SHORTEST_NAME, ...words.map((word) => word.length));
  const kinds = personalKinds(pii);
  // At a colon an address is found or refused at once, a name is looked up.
  const ours = personalRules(kinds);
  const rules = [
    ...ours.filter((rule) => rule.anchors === ":"),
    ...SECRET_RULES,
    ...ours.filter((rule) => rule.anchors !== ":"),
  ];
  const judges = rules.map((rule) => rule.judge);
  const asAnchor = bits(rules.map((rule) => rule.anchors));
  const asBefore = bits(rules.map((rule) => rule.before));
  const asAfter = bits(rules.map((rule) => rule.after));
  // Not `from` with a function for each of 65,536 codes, which took 4 ms of every start.
  const isAnchor = new Uint8Array(0x10000).fill(asAnchor[EDGE] === 0 ? 0 : 1, EDGE);
  for (let code = 0; code < EDGE; code++) isAnchor[code] = asAnchor[code] === 0 ? 0 : 1;
  const isPair = pairs(asAnchor, asBefore, asAfter);
  const names = new Map<string, Name>();
  let steps = 0;

  /** One look at each two characters; what may hold an anchor is judged. */
  function mask(text: string): string {
    const { length } = text;
    if (length < SHORTEST) return text;
    let scan: Scan | undefined;
    if (length < MANY || !IS_LITTLE_ENDIAN) scan = judge(text, scan, 0, length);
    else {
      const shift = wordShift(text);
      const isOpen = shift === 1 ? isAnchor : isPair;
      // Characters in half a word: one or two.
      const half = shift;
      for (let from = 0, to = 0; from < length; from = to) {
        to = readWords(text, from, shift, EDGE);
        const end = (to - from + (1 << shift) - 1) >> shift;
        for (let i = nextMarked(isOpen, 0, end); i < end; i = nextMarked(isOpen, i + 1, end)) {
          const word = window[i]!;
          const middle = from + (i << shift) + half;
          const start = isOpen[word & 0xffff] === 0 ? middle : middle - half;
          const stop = isOpen[word >>> 16] === 0 ? middle : middle + half;
          scan = judge(text, scan, Math.max(start, scan?.done ?? 0), Math.min(to, stop));
        }
      }
    }
    steps += scan?.steps ?? length;
    if (scan === undefined || scan.pieces.length === 0) return text;
    scan.pieces.push(text.slice(scan.done));
    return scan.pieces.join("");
  }

  /** Judges the anchors of a stretch. */
  function judge(text: string, known: Scan | undefined, from: number, to: number): Scan | undefined {
    let scan = known;
    for (let at = from; at < to; at++) {
      let open = asAnchor[Math.min(text.charCodeAt(at), EDGE)]!;
      if (open !== 0) open &= asBefore[Math.min(codeAt(text, at - 1), EDGE)]!;
      if (open !== 0) open &= asAfter[Math.min(codeAt(text, at + 1), EDGE)]!;
      if (open !== 0) scan ??= startScan(text, verdict, shortest);
      while (open !== 0) {
        const first = 31 - Math.clz32(open & -open);
        open &= open - 1;
        if (!judges[first]!(scan!, at)) continue;
        at = scan!.done - 1;
        break;
      }
    }
    return scan;
  }

  const text = custom === undefined ? mask : (value: string): string => runCustom(custom, mask(value));

  return {
    key: isSecret,
    text,
    isCustom: custom !== undefined,
    ...(kinds.includes("card") && { number: (value) => (isCardNumber(value) ? "[card]" : undefined) }),
    name(name) {
      let known = names.get(name);
      if (known === undefined) {
        const shown = custom !== undefined || kinds.length > 0 || name.length >= SUSPECT_NAME ? text(name) : name;
        known = { shown, secret: isSecret(name) };
        if (names.size >= LIMITS.remembered) names.clear();
        if (shown === name) names.set(name, known);
      }
      return known;
    },
    get steps() {
      return steps;
    },
  };
}

/** For each character, and `EDGE`, a bit for every rule that takes it: the first rule's is the lowest. At most 32 rules. */
function bits(taken: readonly (string | undefined)[]): Int32Array {
  const all = new Int32Array(EDGE + 1);
  for (const [i, chars] of taken.entries()) {
    const bit = 1 << i;
    if (chars === undefined) for (let code = 0; code <= EDGE; code++) all[code]! |= bit;
    else for (let at = 0; at < chars.length; at++) all[chars.charCodeAt(at)]! |= bit;
  }
  return all;
}

/** For two characters of a byte each, the first in the lower one: 1 where either may be an anchor beside the other. */
function pairs(asAnchor: Int32Array, asBefore: Int32Array, asAfter: Int32Array): Uint8Array {
  const open = new Uint8Array(0x10000);
  for (let anchor = 0; anchor <= 0xff; anchor++) {
    const rules = asAnchor[Math.min(anchor, EDGE)]!;
    if (rules === 0) continue;
    for (let other = 0; other <= 0xff; other++) {
      if ((rules & asAfter[Math.min(other, EDGE)]!) !== 0) open[anchor | (other << 8)] = 1;
      if ((rules & asBefore[Math.min(other, EDGE)]!) !== 0) open[other | (anchor << 8)] = 1;
    }
  }
  return open;
}

function runCustom(custom: (text: string) => unknown, text: string): string {
  try {
    const masked = custom(text);
    if (typeof masked === "string") return masked;
    if (isPromise(masked)) masked.catch(() => {});
  } catch {
    // Falls through: what failed to mask must not get out.
  }
  return REDACTION_FAILED;
}

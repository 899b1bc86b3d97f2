import { isPromise } from "node:util/types";
import { assignment, NAME_ANCHORS } from "./assignments.ts";
import { LIMITS } from "./limits.ts";
import { secretNames, words } from "./names.ts";
import { type Scan, startScan } from "./scan.ts";
import { SHAPE_ANCHORS, shape } from "./shapes.ts";

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
  /** Masks the secrets in a text, in linear time. Never throws. */
  text(text: string): string;
  /** Characters that the hand-written scans have read since the start: the measure of linearity. */
  readonly steps: number;
}

/** Shorter texts hold no secret: `pwd=abc` has seven characters. */
const SHORTEST = 7;

/** What an assignment needs. Most short texts have none. */
const OPERATOR = /[:=]|--/;

/** Names from this length on may hold a secret themselves. */
const SUSPECT_NAME = 12;

/** An expression that finds the places worth a look, without nested or open-ended quantifiers, and what looks there. */
interface Rule {
  readonly anchors: RegExp;
  readonly judge: (scan: Scan, at: number) => boolean;
}

/**
 * Makes the masking that runs by default: values under secret names (`password`, `x-api-key`, …), in objects and in texts,
 * and secrets that show by their shape (`sk-…`, JSON Web Tokens, PEM blocks, …).
 */
export function createRedactor(options: MaskOptions = {}): Redactor {
  const { keys = [], text: custom } = options;
  const isSecret = secretNames(keys);
  const shapes: Rule = { anchors: new RegExp(SHAPE_ANCHORS, "g"), judge: shape };
  const assignments: readonly Rule[] = [...NAME_ANCHORS, ...ownAnchors(keys)].map((anchors) => ({
    anchors: new RegExp(anchors, "g"),
    judge: assignment,
  }));
  const names = new Map<string, Name>();
  let steps = 0;

  function mask(text: string): string {
    if (text.length < SHORTEST) return text;
    let masked = apply(shapes, text);
    if (OPERATOR.test(masked)) for (const rule of assignments) masked = apply(rule, masked);
    return masked;
  }

  function apply({ anchors, judge }: Rule, text: string): string {
    anchors.lastIndex = 0;
    if (!anchors.test(text)) return text;
    const scan = startScan(text, isSecret);
    do {
      if (judge(scan, anchors.lastIndex - 1)) anchors.lastIndex = scan.done;
    } while (anchors.test(text));
    steps += scan.steps;
    if (scan.done === 0) return text;
    scan.pieces.push(text.slice(scan.done));
    return scan.pieces.join("");
  }

  const text = custom === undefined ? mask : (value: string): string => runCustom(custom, mask(value));

  return {
    key: isSecret,
    text,
    name(name) {
      let known = names.get(name);
      if (known === undefined) {
        const shown = custom !== undefined || name.length >= SUSPECT_NAME ? text(name) : name;
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

/** The longest word of each name of the user's, in any case. */
function ownAnchors(keys: readonly (string | RegExp)[]): string[] {
  return keys
    .filter((key) => typeof key === "string")
    .map(
      (key) =>
        words(key)
          .split("_")
          .sort((a, b) => b.length - a.length)[0]!,
    )
    .filter((word) => word !== "")
    .map((word) => Array.from(word, (char) => `[${char}${char.toUpperCase()}]`).join(""));
}

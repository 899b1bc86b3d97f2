/** The state of one pass over a text, and the few steps that its rules are made of. */
import type { Verdict } from "./names.ts";

export const REDACTED = "[redacted]";

/**
 * Looks at the text around one character. True when it found what must not be seen and has called `redact`. Reads a bounded
 * stretch, or one that no later call reads again.
 */
export type Judge = (scan: Scan, at: number) => boolean;

/** A judge with the characters that are worth a call: rare ones, so that a pass is one look at each character. */
export type Rule = readonly [anchors: string, judge: Judge];

export interface Scan {
  readonly text: string;
  readonly verdict: (text: string, start: number, end: number) => Verdict;
  /** Shorter names are not looked up. */
  readonly shortestName: number;
  /** The masked text so far; what stands before `done` is in it. */
  readonly pieces: string[];
  done: number;
  /** Characters read: the measure of linearity. */
  steps: number;
  // How far each kind of scan has come, so that none reads the same run twice.
  tokenEnd: number;
  /** What the run up to `tokenEnd` looks like. */
  tokenLikely: boolean;
  tokenLong: boolean;
  tokenMixed: boolean;
  flagEnd: number;
  jwtEnd: number;
  pemEnd: number;
  ipEnd: number;
  /** Opening quotes, with their backslashes, that nothing closes. */
  readonly unclosed: Set<string>;
}

export function startScan(text: string, verdict: Scan["verdict"], shortestName: number): Scan {
  return {
    text,
    verdict,
    shortestName,
    pieces: [],
    done: 0,
    steps: text.length,
    tokenEnd: 0,
    tokenLikely: false,
    tokenLong: false,
    tokenMixed: false,
    flagEnd: 0,
    jwtEnd: 0,
    pemEnd: -1,
    ipEnd: 0,
    unclosed: new Set(),
  };
}

/** Replaces a stretch of the text. Returns true, as the answer of the rule that found it. */
export function redact(scan: Scan, from: number, to: number, shown: string = REDACTED): true {
  scan.pieces.push(scan.text.slice(scan.done, from), shown);
  scan.done = to;
  return true;
}

export const UPPER = 1;
export const LOWER = 2;
export const DIGIT = 4;
/** `-` and `_` */
export const JOINER = 8;
/** `. ~ + / =`: what a bearer token may hold besides words */
export const TOKEN68 = 16;
export const NEWLINE = 32;
/** `" ' \`` */
export const QUOTE = 64;
export const BLANK = 128;
export const SPACE: number = BLANK | NEWLINE;
export const LETTER: number = UPPER | LOWER;
export const ALNUM: number = LETTER | DIGIT;
export const WORD: number = ALNUM | JOINER;

const KINDS = new Uint8Array(128);
for (const [kind, chars] of [
  [UPPER, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
  [LOWER, "abcdefghijklmnopqrstuvwxyz"],
  [DIGIT, "0123456789"],
  [JOINER, "-_"],
  [TOKEN68, ".~+/="],
  [NEWLINE, "\n\v\f\r"],
  [BLANK, " \t"],
  [QUOTE, "\"'`"],
] as const) {
  for (const char of chars) KINDS[char.charCodeAt(0)] = kind;
}

/** The kind of the character at an index; 0 outside the text and for everything that has none. */
export function kindAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 128 ? KINDS[code]! : 0;
}

/** The end of the run of such characters that starts at `from`. */
export function runEnd(scan: Scan, from: number, kinds: number, limit: number = scan.text.length): number {
  let end = from;
  while (end < limit && (kindAt(scan.text, end) & kinds) !== 0) end++;
  scan.steps += end - from + 1;
  return end;
}

/** The start of the run of such characters that ends before `to`. */
export function runStart(scan: Scan, to: number, kinds: number, limit: number): number {
  let start = to;
  while (start > limit && (kindAt(scan.text, start - 1) & kinds) !== 0) start--;
  scan.steps += to - start + 1;
  return start;
}

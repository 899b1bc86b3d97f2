/** The state of one pass over a text, and the few steps that its rules are made of. */
import type { Verdict } from "./names.ts";

export const REDACTED = "[redacted]";

/**
 * Looks at the text around one character. True when it found what must not be seen and has called `redact`. Reads a bounded
 * stretch, or one that no later call reads again.
 */
export type Judge = (scan: Scan, at: number) => boolean;

/**
 * A judge with the characters that are worth a call: rare ones, so that a pass is one look at each character. What a rule asks of
 * the neighbours is settled by tables too, as most calls of a judge would end there and each costs five looks.
 */
export interface Rule {
  readonly anchors: string;
  /** What the character before the anchor is one of; anything when absent. `\x80` stands as `EDGE` does. */
  readonly before?: string;
  /** The same for the character after it. */
  readonly after?: string;
  readonly judge: Judge;
}

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
  unclosed: Set<number> | undefined;
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
    unclosed: undefined,
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
/** Digits and `a` to `f`, which are letters besides. */
export const HEX = 256;
export const SPACE: number = BLANK | NEWLINE;
export const LETTER: number = UPPER | LOWER;
export const ALNUM: number = LETTER | DIGIT;
export const WORD: number = ALNUM | JOINER;

/** What stands for all characters beyond ASCII in tables, and for what is outside the text: no rule names it. */
export const EDGE = 0x80;

const CHARS = [
  [UPPER, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
  [LOWER, "abcdefghijklmnopqrstuvwxyz"],
  [DIGIT, "0123456789"],
  [JOINER, "-_"],
  [TOKEN68, ".~+/="],
  [NEWLINE, "\n\v\f\r"],
  [BLANK, " \t"],
  [QUOTE, "\"'`"],
  [HEX, "0123456789abcdefABCDEF"],
] as const;

// Loops are in functions: in the body of the module they would have V8 compile all of it once more, 1 ms.
const KINDS = kindsOfCodes();

function kindsOfCodes(): Uint16Array {
  const kinds = new Uint16Array(EDGE + 1);
  for (const [kind, chars] of CHARS) for (let i = 0; i < chars.length; i++) kinds[chars.charCodeAt(i)]! |= kind;
  return kinds;
}

/** The characters of these kinds. */
export function chars(kinds: number): string {
  let all = "";
  for (const [kind, chars] of CHARS) if ((kinds & kind) !== 0) all += chars;
  return all;
}

/** A table of characters: 1 for each of these. */
export function tableOf(members: string): Uint8Array {
  const table = new Uint8Array(EDGE);
  for (let i = 0; i < members.length; i++) table[members.charCodeAt(i)] = 1;
  return table;
}

/** All characters but these. */
export function charsBut(excluded: string): string {
  let all = "";
  for (let code = 0; code <= EDGE; code++) {
    const char = String.fromCharCode(code);
    if (!excluded.includes(char)) all += char;
  }
  return all;
}

/** The character at an index, or `EDGE`: one `charCodeAt` outside its text makes V8 call all those of a function, at thrice the cost. */
export function codeAt(text: string, index: number): number {
  return index >= 0 && index < text.length ? text.charCodeAt(index) : EDGE;
}

/** The kinds of a character; 0 for everything that has none. */
export function kindOf(code: number): number {
  return code < EDGE ? KINDS[code]! : 0;
}

export function kindAt(text: string, index: number): number {
  return kindOf(codeAt(text, index));
}

/** The end of the run of such characters that starts at `from`. */
export function runEnd(scan: Scan, from: number, kinds: number, limit: number = scan.text.length): number {
  const { text } = scan;
  let end = from;
  while (end < limit && (kindAt(text, end) & kinds) !== 0) end++;
  scan.steps += end - from + 1;
  return end;
}

/** The start of the run of such characters that ends before `to`. */
export function runStart(scan: Scan, to: number, kinds: number, limit: number): number {
  const { text } = scan;
  let start = to;
  while (start > limit && (kindAt(text, start - 1) & kinds) !== 0) start--;
  scan.steps += to - start + 1;
  return start;
}

/** Where a sticky pattern that is tried at an index ends, or -1. */
export function matchEnd(scan: Scan, pattern: RegExp, at: number): number {
  pattern.lastIndex = at;
  const end = pattern.test(scan.text) ? pattern.lastIndex : -1;
  scan.steps += end === -1 ? 8 : end - at;
  return end;
}

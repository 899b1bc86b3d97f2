/** Secrets that show by their own shape: tokens with a known prefix, JSON Web Tokens, PEM blocks, URL passwords. */
import { LIMITS } from "./limits.ts";
import {
  ALNUM,
  DIGIT,
  JOINER,
  kindAt,
  QUOTE,
  redact,
  runEnd,
  runStart,
  type Scan,
  SPACE,
  TOKEN68,
  UPPER,
  WORD,
} from "./scan.ts";

const START = "(?<![A-Za-z0-9])";

/** One rare character of every shape, with what must stand around it within a fixed distance. */
export const SHAPE_ANCHORS: string = [
  `[-_](?<=${START}(?:[srp]k|lsv2|xox[a-z]|xapp|gh[pousr]|github_pat|glpat|npm|hf|gsk|r8|xai|pplx|nvapi|shpat)[-_])`,
  `G(?<=${START}SG)(?=\\.)|9(?<=${START}ya29)(?=\\.)|I(?:(?<=${START}AI)(?=za)|(?<=${START}ASI)(?=A))`,
  `K(?<=${START}AK)(?=IA)|J(?<=${START}eyJ)|-(?=----BEGIN [A-Z0-9 ]{1,64}-----)|:(?=//[^\\s/@]{0,1024}@)`,
  "[bB](?=[eE][aA][rR][eE][rR] |[aA][sS][iI][cC] )",
].join("|");

/** Looks at what an anchor of `SHAPE_ANCHORS` found. True when it was a secret and is redacted. */
export function shape(scan: Scan, at: number): boolean {
  const { text } = scan;
  switch (text[at]) {
    case "-":
      return text.startsWith("-----BEGIN ", at) ? pem(scan, at) : token(scan, at, false);
    case "_":
      return token(scan, at, true);
    case "G":
      return text.startsWith("SG.", at - 1) && token(scan, at, false);
    case "9":
      return text.startsWith("ya29.", at - 3) && token(scan, at, false);
    case "I":
      return text.startsWith("AIza", at - 1)
        ? token(scan, at, false)
        : text.startsWith("ASIA", at - 2) && aws(scan, at - 2);
    case "K":
      return text.startsWith("AKIA", at - 1) && aws(scan, at - 1);
    case "J":
      return text.startsWith("eyJ", at - 2) && jwt(scan, at - 2);
    case "b":
    case "B":
      return authScheme(scan, at);
    case ":":
      return urlPassword(scan, at + 3);
    default:
      return false;
  }
}

/** A prefix is not enough (`sk-learn`, `npm_config_registry`): what follows must look made by a machine. */
function token(scan: Scan, at: number, long: boolean): boolean {
  if (at >= scan.tokenEnd) measure(scan, at + 1);
  if (!(long ? scan.tokenLong : scan.tokenLikely)) return false;
  return redact(scan, runStart(scan, at, ALNUM, scan.done), scan.tokenEnd);
}

function measure(scan: Scan, from: number): void {
  const { text } = scan;
  let seen = 0;
  let stretch = 0;
  let longest = 0;
  let end = from;
  for (; ; end++) {
    const kind = kindAt(text, end);
    if ((kind & ALNUM) !== 0) {
      if (++stretch > longest) longest = stretch;
    } else if (kind === JOINER || (text[end] === "." && (kindAt(text, end + 1) & ALNUM) !== 0)) stretch = 0;
    else break;
    seen |= kind;
  }
  const length = end - from;
  scan.steps += length + 1;
  scan.tokenEnd = end;
  scan.tokenLong = longest >= 16;
  scan.tokenLikely =
    (length >= 10 && (seen & DIGIT) !== 0) || (length >= 16 && ((seen & UPPER) !== 0 || longest >= 16));
}

/** Access key ids: the prefix and exactly 16 capitals or digits. */
function aws(scan: Scan, start: number): boolean {
  const end = runEnd(scan, start, UPPER | DIGIT, start + 21);
  return end === start + 20 && (kindAt(scan.text, end) & ALNUM) === 0 && redact(scan, start, end);
}

/** `header.payload.signature`; the signature may be missing, and encrypted tokens have two parts more. */
function jwt(scan: Scan, start: number): boolean {
  if (start < scan.jwtEnd) return false;
  const { text } = scan;
  let end = (scan.jwtEnd = runEnd(scan, start, WORD));
  if (end - start < 10 || text[end] !== ".") return false;
  const payloadEnd = runEnd(scan, end + 1, WORD);
  if (payloadEnd - end < 5) return false;
  end = payloadEnd;
  while (text[end] === ".") {
    const next = runEnd(scan, end + 1, WORD);
    if (next === end + 1) break;
    end = next;
  }
  return redact(scan, start, end);
}

/** A PEM block to its end line, or, where that is cut off, as far as its body can go. */
function pem(scan: Scan, start: number): boolean {
  const { text } = scan;
  if (scan.pemEnd < start) {
    const found = text.indexOf("-----END ", start);
    scan.pemEnd = found === -1 ? Number.POSITIVE_INFINITY : found;
    scan.steps += (found === -1 ? text.length : found) - start;
  }
  if (scan.pemEnd - start <= LIMITS.margin) {
    const label = scan.pemEnd + "-----END ".length;
    const dashes = text.slice(label, label + 64).indexOf("-----");
    return redact(scan, start, dashes === -1 ? label : label + dashes + 5);
  }
  let end = start;
  while (text[end] === "\\" || (kindAt(text, end) & (WORD | TOKEN68 | SPACE)) !== 0) end++;
  scan.steps += end - start;
  return redact(scan, start, end);
}

/** `Bearer …` and `Basic …`. Prose goes on with a word, a header with a token. */
function authScheme(scan: Scan, at: number): boolean {
  const { text } = scan;
  const bearer = text.charCodeAt(at + 1) === 0x65 || text.charCodeAt(at + 1) === 0x45;
  const from = at + (bearer ? "bearer " : "basic ").length;
  const end = runEnd(scan, from, WORD | TOKEN68);
  const token = text.slice(from, Math.min(end, from + LIMITS.authority));
  const secret = bearer
    ? token.length >= 20 || (token.length >= 8 && /\d|[a-z][A-Z]/.test(token))
    : isUserAndPassword(token);
  return secret && redact(scan, from, end);
}

function isUserAndPassword(base64: string): boolean {
  const plain = Buffer.from(base64, "base64").toString("latin1");
  return plain.includes(":") && /^[\x20-\x7e]+$/.test(plain);
}

/** The password of `scheme://user:password@host`. */
function urlPassword(scan: Scan, from: number): boolean {
  const { text } = scan;
  let colon = -1;
  let at = -1;
  let end = from;
  for (; end < from + LIMITS.authority; end++) {
    const char = text[end];
    if (char === undefined || char === "/" || (kindAt(text, end) & (SPACE | QUOTE)) !== 0) break;
    if (char === "@") at = end;
    else if (char === ":" && colon === -1) colon = end;
  }
  scan.steps += end - from + 1;
  return colon !== -1 && at > colon + 1 && redact(scan, colon + 1, at);
}

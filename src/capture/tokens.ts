/** Tokens that vendors mark with a prefix: `sk-…`, `ghp_…`, `SG.…`, and those of a fixed length and alphabet. */
import {
  ALNUM,
  chars,
  charsBut,
  codeAt,
  DIGIT,
  EDGE,
  HEX,
  JOINER,
  kindAt,
  kindOf,
  LETTER,
  type Rule,
  redact,
  runEnd,
  runStart,
  type Scan,
  TOKEN68,
  UPPER,
  WORD,
} from "./scan.ts";

/** What must follow a prefix, which alone is not enough: `sk-learn`, `npm_config_registry`, `github_actions`. */
type Likeness =
  /** A digit in ten characters, or capitals or a long stretch in sixteen. */
  | "likely"
  /** Sixteen letters or digits in one stretch. */
  | "long"
  /** The same with digits, for prefixes that are words. */
  | "mixed"
  /** As long, and base64 to the end. */
  | "base64"
  /** 32 hexadecimal digits. */
  | "hex";

const PREFIXES: { readonly [likeness in Likeness]: string } = {
  // OpenAI, Anthropic, Langfuse, DeepSeek, OpenRouter; xAI, Perplexity, NVIDIA, Cerebras, Tavily; Google; Slack; GitLab; …
  likely:
    "sk- rk- pk- xai- pplx- nvapi- csk- tvly- GOCSPX- xoxa- xoxb- xoxc- xoxd- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- " +
    "glpat- ya29. gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- PMAK- NRAK- NRRA-",
  // Stripe; LangSmith, Hugging Face, Groq, Replicate; GitHub; npm; DigitalOcean; Shopify; Supabase; Docker; Linear; …
  long:
    "sk_ rk_ pk_ lsv2_ hf_ gsk_ r8_ gsk- hf- r8- npm_ ghp_ gho_ ghu_ ghs_ ghr_ dop_ doo_ dor_ shpat_ shpss_ shpca_ shppa_ " +
    "sbp_ dckr_ pypi- sntrys_ sntryu_ phx_ figd_ ntn_ tgp_ rpa_ jina_ pscale_ xoxe. hvs. hvb. hvr.",
  mixed: "github_ lin_ secret_ fc- pa- e2b_ fw_ sb_ SG. dp.",
  base64: "whsec_",
  hex: "key-",
};
const ALL = `${Object.values(PREFIXES).join(" ")} `;

/** The prefixes from their joiner to their first character. Made when a joiner is met: it takes a third of a millisecond. */
interface States {
  /** Where each character leads from each state; 0: nowhere. One array, as one for each state took half a millisecond. */
  readonly steps: Uint16Array;
  readonly likeness: readonly (Likeness | undefined)[];
}

let states: States | undefined;

function readPrefixes(): States {
  const steps = new Uint16Array(ALL.length * EDGE);
  const likeness: (Likeness | undefined)[] = [undefined];
  for (const kind of Object.keys(PREFIXES) as Likeness[]) {
    for (const prefix of PREFIXES[kind].split(" ")) {
      let read = 0;
      for (let at = prefix.length - 1; at >= 0; at--) {
        const step = read * EDGE + prefix.charCodeAt(at);
        if (steps[step] === 0) steps[step] = likeness.push(undefined) - 1;
        read = steps[step]!;
      }
      likeness[read] = kind;
    }
  }
  return { steps, likeness };
}

function token(scan: Scan, at: number): boolean {
  const { text } = scan;
  const { steps, likeness: known } = (states ??= readPrefixes());
  let start = at + 1;
  let read = 0;
  for (;;) {
    const code = codeAt(text, start - 1);
    const next = code < EDGE ? steps[read * EDGE + code]! : 0;
    if (next === 0) break;
    read = next;
    start--;
  }
  scan.steps += at - start + 2;
  const likeness = known[read];
  if (likeness === undefined || start < scan.done || (kindAt(text, start - 1) & ALNUM) !== 0) return false;
  if (likeness === "hex") return hex(scan, start, at + 1);
  if (at >= scan.tokenEnd) measure(scan, at + 1);
  const isToken =
    likeness === "likely" ? scan.tokenLikely : scan.tokenLong && (likeness !== "mixed" || scan.tokenMixed);
  if (!isToken) return false;
  return redact(scan, start, likeness === "base64" ? runEnd(scan, scan.tokenEnd, WORD | TOKEN68) : scan.tokenEnd);
}

const DOT = 0x2e;

function measure(scan: Scan, from: number): void {
  const { text } = scan;
  let seen = 0;
  let stretch = 0;
  let longest = 0;
  let end = from;
  for (; ; end++) {
    const code = codeAt(text, end);
    const kind = kindOf(code);
    if ((kind & ALNUM) !== 0) {
      if (++stretch > longest) longest = stretch;
    } else if (kind === JOINER || (code === DOT && (kindAt(text, end + 1) & ALNUM) !== 0)) stretch = 0;
    else break;
    seen |= kind;
  }
  const length = end - from;
  scan.steps += length + 1;
  scan.tokenEnd = end;
  scan.tokenLong = longest >= 16;
  scan.tokenMixed = (seen & DIGIT) !== 0 && (seen & LETTER) !== 0;
  scan.tokenLikely =
    (length >= 10 && (seen & DIGIT) !== 0) || (length >= 16 && ((seen & UPPER) !== 0 || longest >= 16));
}

/** From `from`, 32 hexadecimal digits and no more. */
function hex(scan: Scan, start: number, from: number): boolean {
  const end = runEnd(scan, from, HEX, from + 33);
  return end === from + 32 && (kindAt(scan.text, end) & WORD) === 0 && redact(scan, start, end);
}

/** Whether the text from `start` begins with `prefix`, and a word with it. */
function begins({ text }: Scan, prefix: string, start: number): boolean {
  return text.startsWith(prefix, start) && (kindAt(text, start - 1) & ALNUM) === 0;
}

/** AWS: the prefix and exactly 16 capitals or digits. Twilio: `SK` and 32 hexadecimal digits. */
function keyId(scan: Scan, at: number): boolean {
  if (begins(scan, "SK", at - 1)) return hex(scan, at - 1, at + 1);
  return begins(scan, "AKIA", at - 1) && aws(scan, at - 1);
}

function aws(scan: Scan, start: number): boolean {
  const end = runEnd(scan, start, UPPER | DIGIT, start + 21);
  return end === start + 20 && (kindAt(scan.text, end) & ALNUM) === 0 && redact(scan, start, end);
}

/** Google API keys: 39 characters in all. */
function google(scan: Scan, at: number): boolean {
  if (begins(scan, "ASIA", at - 2)) return aws(scan, at - 2);
  if (!begins(scan, "AIza", at - 1)) return false;
  if (at >= scan.tokenEnd) measure(scan, at + 3);
  return scan.tokenEnd - at > 30 && scan.tokenMixed && redact(scan, at - 1, scan.tokenEnd);
}

function atlassian(scan: Scan, at: number): boolean {
  if (!begins(scan, "ATATT", at - 1)) return false;
  if (at >= scan.tokenEnd) measure(scan, at + 4);
  return scan.tokenLong && redact(scan, at - 1, runEnd(scan, scan.tokenEnd, WORD | TOKEN68));
}

function databricks(scan: Scan, at: number): boolean {
  return begins(scan, "dapi", at) && hexSuffix(scan, at);
}

/** `dapi`, 32 hexadecimal digits, and a `-2` at times. */
function hexSuffix(scan: Scan, at: number): boolean {
  const end = runEnd(scan, at + 4, HEX, at + 37);
  if (end !== at + 36) return false;
  return redact(scan, at, runEnd(scan, end, WORD, end + 8));
}

/** Telegram bots: eight to ten digits, a colon, 35 characters. They stand in paths too: `/bot123456:AA…/sendMessage`. */
function telegram(scan: Scan, at: number): boolean {
  if ((kindAt(scan.text, at - 8) & DIGIT) === 0) return false;
  const start = runStart(scan, at, DIGIT, Math.max(scan.done, at - 11));
  if (at - start < 8 || at - start > 10) return false;
  const end = runEnd(scan, at + 1, WORD, at + 40);
  return end - at === 36 && redact(scan, start, end);
}

/** Discord: the bot's id in base64, six characters of time, and a signature of 27 or more. */
function discord(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (codeAt(text, at + 7) !== DOT || (kindAt(text, at - 2) & WORD) === 0) return false;
  const start = runStart(scan, at, WORD, Math.max(scan.done, at - 30));
  if (at - start < 23 || at - start > 28 || runEnd(scan, at + 1, WORD, at + 8) !== at + 7) return false;
  const end = runEnd(scan, at + 8, WORD, at + 60);
  return end - at >= 35 && (kindAt(text, start) & LETTER) !== 0 && redact(scan, start, end);
}

export const TOKENS: readonly Rule[] = [
  { anchors: "-", before: lastOf("-"), judge: token },
  { anchors: "_", before: lastOf("_"), judge: token },
  { anchors: ".", before: lastOf("."), judge: token },
  { anchors: "K", before: "SA", after: `I${chars(HEX)}`, judge: keyId },
  { anchors: "I", before: "AS", after: "Az", judge: google },
  { anchors: "T", before: "A", after: "A", judge: atlassian },
  { anchors: "d", before: charsBut(chars(ALNUM)), after: "a", judge: databricks },
  { anchors: ":", before: chars(DIGIT), after: chars(WORD), judge: telegram },
  { anchors: ".", before: chars(WORD), after: chars(WORD), judge: discord },
];

/** What stands before the joiner in the prefixes that have it. */
function lastOf(joiner: string): string {
  let last = "";
  for (let at = ALL.indexOf(`${joiner} `); at !== -1; at = ALL.indexOf(`${joiner} `, at + 1)) last += ALL[at - 1];
  return last;
}

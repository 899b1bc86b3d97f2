import type { ObservationType, SpanRecord, TraceInfo } from "../../../src/core/record.ts";

/** Spans of one block. A million spans are 100 blocks: 72 hours of about 70,000 traces. */
export const BLOCK_SPANS = 10_000;
/** Time that a block covers, in microseconds. */
export const BLOCK_US: number = (72 * 3_600_000_000) / 100;
/** 2025-11-13T02:00:00Z: where block 0 begins, in microseconds. */
export const DATA_START_US = 1_762_999_200_000_000;

export const DATA_MODELS: readonly string[] = [
  ...["gpt-4.1-mini", "gpt-4.1", "gpt-5", "gpt-5-mini"],
  ...["o3", "o4-mini", "text-embedding-3-small", "gpt-4o"],
];
export const DATA_FEATURES: readonly string[] = ["tutor", "search", "summarize", "support", "grading"];
export const DATA_TEAMS: readonly string[] = ["learning", "growth", "platform", "content", "research"];
export const DATA_USERS = 10_000;

const VOCABULARY = 20_000;
const INPUT_CHARACTERS = 1_280;
const OUTPUT_CHARACTERS = 480;
const PROMPTS = 20;
const PROMPT_CHARACTERS = 600;

/** The word of a rank: 0 is the most frequent one, `VOCABULARY - 1` is in about one span of a hundred. */
export function wordOf(rank: number): string {
  return lexicon().words[rank % VOCABULARY]!;
}

/** Users by how much they do: `user_0` most. */
export function userOf(rank: number): string {
  return `user_${rank}`;
}

/**
 * Spans as a busy service makes them, a pure function of seed and block, by the start of their traces: 85 % of the traces
 * have 3 to 12 spans, 14 % have 20 to 60, 1 % exactly 200; every span has an input of 2 KB (one of 20 system prompts and
 * text with Zipf's frequencies) and an output of 500 B. The last trace of a block is cut short.
 */
export function block(seed: number, b: number): SpanRecord[] {
  const draw = drawing(seed, b);
  const text = writing(draw);
  const records: SpanRecord[] = [];
  const starts = Array.from({ length: BLOCK_SPANS / 14 + 60 }, () => draw.int(BLOCK_US)).sort((x, y) => x - y);
  for (let trace = 0; records.length < BLOCK_SPANS; trace++) {
    const startUs = DATA_START_US + b * BLOCK_US + (starts[trace] ?? BLOCK_US - 1);
    addTrace(draw, text, records, startUs);
  }
  return records;
}

/** The blocks of so many spans; the last one is cut. */
export function* blocks(seed: number, spans: number, first = 0): Generator<SpanRecord[]> {
  for (let b = 0; b * BLOCK_SPANS < spans; b++) {
    const left = spans - b * BLOCK_SPANS;
    const records = block(seed, first + b);
    yield left < BLOCK_SPANS ? records.slice(0, left) : records;
  }
}

interface Drawing {
  /** 32 random bits. */
  bits(): number;
  int(below: number): number;
  chance(percent: number): boolean;
}

/** xorshift32, stirred by seed and block. */
function drawing(seed: number, b: number): Drawing {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca77)) | 0 || 1;
  const bits = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let i = 0; i < 10; i++) bits();
  const int = (below: number): number => Math.floor((bits() / 2 ** 32) * below);
  return { bits, int, chance: (percent) => bits() < percent * 42_949_673 };
}

type Writing = (characters: number) => string;

/** Text of so many characters, word by word into one buffer: joining strings would take most of the time. */
function writing({ bits }: Drawing): Writing {
  const { letters, begin, slots } = lexicon();
  const buffer = Buffer.alloc(INPUT_CHARACTERS + 64);
  return (characters) => {
    let end = 0;
    while (end < characters) {
      const rank = slots[bits() & 0xffff]!;
      for (let i = begin[rank]!; i < begin[rank + 1]!; i++) buffer[end++] = letters[i]!;
    }
    return buffer.toString("latin1", 0, characters);
  };
}

interface Lexicon {
  readonly words: readonly string[];
  /** All words after each other, each with a space. */
  readonly letters: Uint8Array;
  readonly begin: Uint32Array;
  /** 65,536 places, of which each word has as many as Zipf gives it, and one at least. */
  readonly slots: Uint16Array;
  readonly prompts: readonly string[];
}

let made: Lexicon | undefined;

function lexicon(): Lexicon {
  if (made) return made;
  const words = Array.from({ length: VOCABULARY }, (_, rank) => wordLike(rank));
  const begin = new Uint32Array(VOCABULARY + 1);
  for (const [rank, word] of words.entries()) begin[rank + 1] = begin[rank]! + word.length + 1;
  const letters = Buffer.from(words.map((word) => `${word} `).join(""), "latin1");
  const slots = new Uint16Array(65_536);
  const harmonic = Array.from({ length: VOCABULARY }, (_, rank) => 1 / (rank + 1)).reduce((sum, part) => sum + part, 0);
  let filled = 0;
  for (let rank = 0; rank < VOCABULARY; rank++) {
    const share = Math.max(1, Math.round((65_536 - VOCABULARY) / (rank + 1) / harmonic));
    for (let i = 0; i < share && filled < slots.length; i++) slots[filled++] = rank;
  }
  for (; filled < slots.length; filled++) slots[filled] = filled % 200;
  const lexicon: Lexicon = { words, letters, begin, slots, prompts: [] };
  made = lexicon;
  const write = writing(drawing(7, 7));
  const prompts = Array.from({ length: PROMPTS }, () => write(PROMPT_CHARACTERS));
  made = { ...lexicon, prompts };
  return made;
}

const SYLLABLES = [
  "ka",
  "lo",
  "mi",
  "re",
  "tu",
  "san",
  "ver",
  "po",
  "ni",
  "del",
  "ga",
  "sho",
  "ber",
  "ti",
  "fo",
  "wen",
];

/** Different for each rank; the frequent ones are short. */
function wordLike(rank: number): string {
  let word = "";
  for (let rest = rank + 1; rest > 0; rest = Math.floor(rest / 16)) word += SYLLABLES[rest % 16];
  return word;
}

/** Names by type; the parent of all is an agent. */
const STEPS: readonly (readonly [ObservationType, string])[] = [
  ["generation", "chat"],
  ["generation", "chat"],
  ["generation", "responses.create"],
  ["tool", "lookup_lesson"],
  ["tool", "calculator"],
  ["span", "Tutor.plan"],
  ["retriever", "search_notes"],
  ["embedding", "embeddings"],
  ["chain", "answer_chain"],
  ["guardrail", "safety"],
];

function addTrace(draw: Drawing, text: Writing, records: SpanRecord[], startUs: number): void {
  const { int, chance, bits } = draw;
  const kind = int(100);
  const wanted = kind === 0 ? 200 : kind < 15 ? 20 + int(41) : 3 + int(10);
  const count = Math.min(wanted, BLOCK_SPANS - records.length);
  const hex = () => bits().toString(16).padStart(8, "0");
  const traceId = `${Math.floor(startUs / 1_000)
    .toString(16)
    .padStart(12, "0")}7${hex().slice(0, 3)}${hex()}${hex()}`;
  const trace = traceInfo(draw);
  const isFailing = chance(6);
  const first = records.length;
  let nowUs = startUs;
  let endUs = startUs;
  for (let i = 0; i < count; i++) {
    const [type, name] = i === 0 ? (["agent", "Tutor.answer"] as const) : STEPS[int(STEPS.length)]!;
    const isModel = type === "generation" || type === "embedding";
    const durationUs = isModel ? 200_000 + int(4_000_000) : 500 + int(80_000);
    const spanStart = nowUs + int(20_000);
    const isFailed = (isFailing && i === count - 1) || chance(1);
    const span: Building<SpanRecord> = {
      record: "span",
      schema: 1,
      traceId,
      spanId: hex() + hex(),
      traceFlags: 1,
      seq: 1,
      name,
      type,
      kind: isModel ? "client" : "internal",
      startTime: `${spanStart}${100 + int(900)}`,
      endTime: `${spanStart + durationUs}${100 + int(900)}`,
      status: isFailed ? { code: "error" } : { code: "ok" },
      level: isFailed ? "ERROR" : "DEFAULT",
      input: [
        { role: "system", content: lexicon().prompts[int(PROMPTS)]! },
        { role: "user", content: text(INPUT_CHARACTERS) },
      ],
      output: { role: "assistant", content: text(OUTPUT_CHARACTERS) },
      attributes: attributes(draw),
      trace,
    };
    if (i > 0) span.parentSpanId = records[first + Math.max(0, i - 1 - int(6))]!.spanId;
    if (isFailed) span.error = failure(draw);
    if (isModel) addCall(draw, span, type, spanStart, durationUs);
    if (chance(60)) nowUs = spanStart + (isModel ? durationUs : 0);
    endUs = Math.max(endUs, spanStart + durationUs);
    records.push(span);
  }
  // The agent lasts as long as what it does.
  const root = records[first] as Building<SpanRecord>;
  root.endTime = `${endUs + 1_000}000`;
  if (isFailing) Object.assign(root, { status: { code: "error", message: "answer failed" }, level: "ERROR" });
}

type Building<T> = { -readonly [K in keyof T]: T[K] };

function addCall(draw: Drawing, span: Building<SpanRecord>, type: string, startUs: number, durationUs: number): void {
  const { int, chance } = draw;
  const model = type === "embedding" ? "text-embedding-3-small" : DATA_MODELS[Math.min(int(8), int(8))]!;
  span.genAi = { operation: "chat", provider: "openai", requestModel: model, responseModel: model };
  const [inputTokens, outputTokens] = [200 + int(1_500), type === "embedding" ? 0 : 20 + int(600)];
  span.usage = { inputTokens, outputTokens, totalTokens: inputTokens + outputTokens };
  const total = (inputTokens * 2 + outputTokens * 8) / 1e6;
  if (!chance(2)) span.cost = { currency: "USD", total, source: "computed" };
  if (type === "generation") span.firstChunkTime = `${startUs + Math.floor(durationUs / 5)}500`;
  span.http = { method: "POST", route: "/v1/chat/completions", status: span.error?.status ?? 200 };
}

function failure({ chance }: Drawing): NonNullable<SpanRecord["error"]> {
  if (chance(40)) return { type: "RateLimitError", message: "429 Rate limit reached for requests", status: 429 };
  return { type: "TimeoutError", message: "Request timed out." };
}

function traceInfo({ int, chance, bits }: Drawing): TraceInfo {
  // The square prefers the first ones: a tenth of the users is a third of the traffic.
  const user = Math.floor((bits() / 2 ** 32) ** 2 * DATA_USERS);
  return {
    userId: userOf(user),
    sessionId: `session_${user}_${int(8)}`,
    feature: DATA_FEATURES[int(5)]!,
    team: DATA_TEAMS[int(5)]!,
    environment: chance(80) ? "production" : "staging",
    release: `1.${int(4)}.0`,
    ...(chance(30) && { tags: [`cohort-${int(10)}`, "beta"].slice(0, 1 + int(2)) }),
    metadata: { plan: ["free", "pro", "team"][int(3)]!, prompt_version: `v${int(12)}`, shard: int(16) },
  };
}

const KEYS = ["region", "host", "pod", "build", "locale", "experiment", "attempt", "cache", "queue"];

function attributes({ int }: Drawing): NonNullable<SpanRecord["attributes"]> {
  const all: { [key: string]: string | number } = {};
  const count = 4 + int(6);
  for (let i = 0; i < count; i++) all[KEYS[i]!] = i % 2 === 0 ? `value-${int(20)}` : int(100);
  return all;
}

import type { FindingRecord, Json, ScoreRecord, SpanRecord, TraceInfo, TraceRecord } from "../../../src/core/record.ts";
import { seeded, traceOf, tutorTrace } from "./traces.ts";

/** Two days of a tutor service: who asked what, what it cost, and what went wrong. */
export interface Traffic {
  /** By the moment at which each would have been sent. */
  readonly records: readonly TraceRecord[];
  /** Moments between which the provider refused: yesterday's storm, and the one that is going on. */
  readonly storms: readonly (readonly [fromMs: number, toMs: number])[];
}

export const TRACES = {
  /** Yesterday at this time, by `ada`: its last call was refused. */
  failed: "ada0000000000000000000000000f001",
  /** Two hours ago, by `ada`: the same request, and it worked. */
  good: "ada0000000000000000000000000900d",
  /** Its root has never come. */
  headless: "ada00000000000000000000000000bad",
  /** It is still running. */
  open: "ada0000000000000000000000000090e",
} as const;

const HOUR = 3_600_000;
const MINUTE = 60_000;
const DAYS = 2;
const USERS = ["ada", "grace", "alan", "barbara", "edsger", "margaret", "ken", "katherine"] as const;
/** USD per million tokens, in and out. */
const PRICES: { readonly [model: string]: readonly [number, number] } = {
  "gpt-4.1": [2, 8],
  "gpt-4.1-mini": [0.4, 1.6],
  "o4-mini": [1.1, 4.4],
  "text-embedding-3-small": [0.02, 0],
};
const QUESTIONS = [
  "Why is the sky blue at noon and red in the evening?",
  "Explain the difference between mitosis and meiosis.",
  "What does a derivative tell me about a curve?",
  "How did the printing press change Europe?",
  "Is 0.999… really the same as 1?",
  "What makes a sonnet a sonnet?",
];
const ANSWERS = [
  "Short waves are scattered more than long ones. At noon the light comes **through little air**, in the evening through a lot of it.",
  "Mitosis makes two cells that are alike; meiosis makes four with half of the chromosomes each.",
  "It is the slope at each point: where it is 0, the curve has a peak, a valley or a rest.",
  "Books became cheap. Ideas travelled faster than those who wanted to stop them.",
];

type Kind = "explain" | "grading" | "quiz" | "search";
const KINDS: readonly Kind[] = ["explain", "explain", "explain", "grading", "quiz", "search", "search"];
const TEAMS: { readonly [kind in Kind]: string } = {
  explain: "learning",
  grading: "assessment",
  quiz: "content",
  search: "platform",
};

/** The same for the same moment and seed. */
export function traffic(nowMs: number, seed = 7): Traffic {
  const random = seeded(seed);
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join("");
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const storms = [
    [nowMs - 20 * HOUR, nowMs - 20 * HOUR + 10 * MINUTE],
    [nowMs - 12 * MINUTE, nowMs - 15_000],
  ] as const;
  const records: TraceRecord[] = [];

  const request = (startMs: number, isStormy: boolean): void => {
    const kind = pick(KINDS);
    const userId = pick(USERS);
    const hour = new Date(startMs).toISOString().slice(0, 13);
    const trace = drawn({
      kind,
      startMs,
      traceId: hex(32),
      info: {
        name: kind === "search" ? "GET /search" : `POST /${kind}`,
        userId,
        ...(kind !== "search" && { sessionId: `${kind}-${userId}-${hour}` }),
        feature: kind,
        team: TEAMS[kind],
        environment: random() < 0.9 ? "production" : "staging",
        release: startMs < nowMs - 26 * HOUR ? "2026.11.2" : "2026.11.3",
        ...(random() < 0.25 && { tags: [pick(["beta", "school", "mobile"])] }),
        metadata: { plan: pick(["free", "pro", "school"]), locale: pick(["en-GB", "de-DE", "fr-FR"]) },
      },
      failure: isStormy && random() < 0.45 ? "rate" : random() < 0.015 ? "server" : undefined,
      random,
      pick,
    });
    records.push(...trace);
  };

  for (let hour = nowMs - DAYS * 24 * HOUR; hour < nowMs - 20 * MINUTE; hour += HOUR) {
    // Few at night, most in the afternoon.
    const ofDay = (new Date(hour).getUTCHours() + 18) % 24;
    const load = 3 + 13 * Math.max(0, Math.sin((ofDay / 24) * 2 * Math.PI));
    const span = Math.min(HOUR, nowMs - 20 * MINUTE - hour);
    for (let i = 0; i < Math.round((load * span) / HOUR); i++) request(hour + random() * span, false);
  }
  for (const [from, to] of storms) for (let at = from; at < to; at += 9_000) request(at + random() * 8_000, true);
  for (let i = 1; i <= 22; i++) {
    const startMs = nowMs - i * 2 * HOUR - random() * HOUR;
    const who = { userId: pick(USERS.slice(1)), sessionId: `algebra-${i}` };
    records.push(...of(tutorTrace(startMs, { traceId: hex(32), fails: i % 9 === 0 }), who));
  }
  const ada = { userId: "ada", sessionId: "algebra-ada" };
  records.push(...of(tutorTrace(nowMs - 24 * HOUR, { traceId: TRACES.failed, fails: true }), ada));
  records.push(...of(tutorTrace(nowMs - 2 * HOUR, { traceId: TRACES.good, fails: false }), ada));
  const headless = of(tutorTrace(nowMs - 5 * HOUR, { traceId: TRACES.headless, fails: false }), { userId: "grace" });
  records.push(...headless.filter((record) => record.record === "span" && record.spanId !== "0000000000000001"));
  records.push(
    ...traceOf(
      TRACES.open,
      nowMs - 40_000,
      { name: "Agent.run", userId: "ken", feature: "tutor", team: "learning" },
      {
        name: "Agent.run",
        type: "agent",
        from: 0,
        to: 12_000,
        part: { unfinished: true, status: { code: "unset" }, input: "Plan a week of algebra lessons." },
        children: [{ name: "plan", type: "chain", from: 20, to: 900 }],
      },
    ),
  );
  const past = records.filter((record) => sentAtMs(record) <= nowMs);
  return { records: past.sort((a, b) => sentAtMs(a) - sentAtMs(b)), storms };
}

/** When its program sent it, about. */
export function sentAtMs(record: TraceRecord): number {
  return Number(BigInt(record.record === "span" ? record.endTime : record.time) / 1_000_000n);
}

function of(records: readonly TraceRecord[], who: TraceInfo): TraceRecord[] {
  return records.map((record) => ({ ...record, trace: { ...record.trace, ...who } }));
}

interface Asked {
  readonly kind: Kind;
  readonly startMs: number;
  readonly traceId: string;
  readonly info: TraceInfo;
  readonly failure: "rate" | "server" | undefined;
  readonly random: () => number;
  readonly pick: <T>(from: readonly T[]) => T;
}

function drawn({ kind, startMs, traceId, info, failure, random, pick }: Asked): TraceRecord[] {
  const question = pick(QUESTIONS);
  const slow = 1 + random() * random() * 3;
  const model = kind === "grading" ? "gpt-4.1" : kind === "quiz" ? "o4-mini" : "gpt-4.1-mini";
  const tokens = {
    input: Math.round((kind === "grading" ? 2_400 : 700) * (0.6 + random())),
    output: Math.round((kind === "quiz" ? 900 : 260) * (0.4 + random())),
  };
  const embedding = {
    name: "embeddings text-embedding-3-small",
    type: "embedding" as const,
    from: 30,
    to: 30 + 140 * slow,
    part: modelPart("text-embedding-3-small", { input: 12, output: 0 }, question, undefined),
  };
  const search = {
    name: "vector search",
    type: "retriever" as const,
    from: 40 + 140 * slow,
    to: 70 + 200 * slow,
    part: { input: { k: 8 }, output: [{ id: "lesson_12", score: 0.91 }] },
  };
  if (kind === "search") {
    return traceOf(traceId, startMs, info, {
      name: "Search.find",
      from: 0,
      to: 90 + 210 * slow,
      part: { input: { q: question }, output: { hits: 8 } },
      children: [embedding, search],
    });
  }
  const begin = 120 + 210 * slow;
  const seconds = (failure === "rate" ? 900 : 700 + tokens.output * 4) * slow;
  const isCut = failure === undefined && random() < 0.02;
  const answer = pick(ANSWERS);
  const error =
    failure === "rate"
      ? {
          type: "RateLimitError",
          message: `Rate limit reached for ${model} on tokens per min (TPM): Limit 30000, Used 29812. Please try again in 1.6s.`,
          status: 429,
          code: "rate_limit_exceeded",
        }
      : failure === "server"
        ? {
            type: "InternalServerError",
            message: "The server had an error while processing your request.",
            status: 500,
          }
        : undefined;
  const call = {
    name: `chat ${model}`,
    type: "generation" as const,
    from: begin,
    to: begin + seconds,
    part: error
      ? {
          input: messages(question),
          error,
          genAi: { operation: "chat", provider: "openai", requestModel: model },
          http: { method: "POST", route: "/chat/completions", host: "api.openai.com", status: error.status },
        }
      : {
          ...modelPart(model, tokens, messages(question), said(answer, isCut)),
          ...(kind === "explain" && { firstChunkTime: nanos(startMs + begin + Math.min(seconds, 350 * slow)) }),
          http: { method: "POST", route: "/chat/completions", host: "api.openai.com", status: 200 },
        },
  };
  const tool = {
    name: "execute_tool compare_rubric",
    type: "tool" as const,
    from: begin + seconds + 10,
    to: begin + seconds + 160,
    part: { input: { essay: 4, rubric: "b2" }, output: { points: Math.round(random() * 15) } },
  };
  const toMs = begin + seconds + (kind === "grading" && !error ? 180 : 20);
  const spans = traceOf(traceId, startMs, info, {
    name: `${kind[0]!.toUpperCase()}${kind.slice(1)}.answer`,
    from: 0,
    to: toMs,
    part: {
      input: { question },
      ...(error ? { error } : { output: { answer } }),
    },
    children: [
      { name: "input policy", type: "guardrail", from: 5, to: 25, part: { output: { allowed: true } } },
      ...(kind === "explain"
        ? [
            {
              name: "retrieve",
              type: "retriever" as const,
              from: 28,
              to: 72 + 200 * slow,
              children: [embedding, search],
            },
          ]
        : []),
      call,
      ...(kind === "grading" && !error ? [tool] : []),
    ],
  });
  const made = spans.find(({ type }) => type === "generation") as SpanRecord;
  return [...spans, ...judged(made, { info, failure, isCut, random })];
}

function judged(
  call: SpanRecord,
  { info, failure, isCut, random }: Pick<Asked, "info" | "failure" | "random"> & { isCut: boolean },
): TraceRecord[] {
  const { traceId, spanId } = call;
  const common = { schema: 1, seq: 1, traceId, trace: info, time: call.endTime };
  const finding = (name: string, severity: FindingRecord["severity"], message: string, nextStep: string) => {
    return {
      record: "finding",
      ...common,
      id: `${traceId}-${name}`,
      spanId,
      name,
      severity,
      message,
      nextStep,
      evidence: {},
    };
  };
  const score = (name: string, value: number | boolean, part: object = {}) => {
    const dataType = typeof value === "number" ? "NUMERIC" : "BOOLEAN";
    return { record: "score", ...common, id: `${traceId}-${name}`, name, value, dataType, ...part };
  };
  const all: object[] = [];
  if (failure === "rate") {
    all.push(
      finding("rate_limited", "error", "The call was refused with 429.", "Wait for `retry-after`, or ask for more."),
    );
  }
  if (isCut) {
    const next = "Raise max_completion_tokens, or ask for less.";
    all.push(finding("output_truncated", "warning", "The answer ends at the token limit.", next));
  }
  if (failure === undefined && random() < 0.4) all.push(score("faithfulness", 0.7 + random() * 0.3, { spanId }));
  if (random() < 0.2) {
    all.push(
      score("thumbs_up", failure === undefined && random() < 0.85, {
        comment: failure ? "No answer came." : "Thanks!",
      }),
    );
  }
  return all as (FindingRecord | ScoreRecord)[];
}

function modelPart(
  model: string,
  { input, output }: { input: number; output: number },
  asked: Json,
  answered: Json | undefined,
): Partial<SpanRecord> {
  const [inPrice, outPrice] = PRICES[model] as readonly [number, number];
  const money = { input: (input * inPrice) / 1e6, output: (output * outPrice) / 1e6 };
  return {
    input: asked,
    ...(answered !== undefined && { output: answered }),
    usage: { inputTokens: input, outputTokens: output, totalTokens: input + output },
    cost: {
      currency: "USD",
      ...money,
      total: money.input + money.output,
      source: "computed",
      model,
      book: "genai-prices",
    },
    genAi: {
      operation: output === 0 ? "embeddings" : "chat",
      provider: "openai",
      requestModel: model,
      responseModel: model,
      parameters: { temperature: 0.2 },
    },
  };
}

function messages(question: string): Json {
  return [
    { role: "system", parts: [{ type: "text", content: "You are a patient tutor." }] },
    { role: "user", parts: [{ type: "text", content: question }] },
  ];
}

function said(answer: string, isCut: boolean): Json {
  return [{ role: "assistant", parts: [{ type: "text", content: answer }], finish_reason: isCut ? "length" : "stop" }];
}

function nanos(ms: number): string {
  return `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;
}

import type { FindingRecord, ScoreRecord, SpanRecord, TraceInfo, TraceRecord } from "../../../src/core/record.ts";

/** 2026-11-21T09:30:00Z in milliseconds. */
export const START_MS: number = Date.UTC(2026, 10, 21, 9, 30);

const TUTOR = "0199a3c2f0117c3a9b1d5e6f70819203";

type Facts = Partial<SpanRecord> & { readonly at: number; readonly ms: number };

let serial = 0;

function span(traceId: string, name: string, parent: SpanRecord | undefined, { at, ms, ...facts }: Facts): SpanRecord {
  serial++;
  return {
    record: "span",
    schema: 1,
    traceId,
    spanId: serial.toString(16).padStart(16, "0"),
    ...(parent && { parentSpanId: parent.spanId }),
    traceFlags: 1,
    seq: 1,
    name,
    type: "span",
    kind: "internal",
    startTime: `${START_MS + at}000000`,
    endTime: `${START_MS + at + ms}000000`,
    status: { code: "ok" },
    level: "DEFAULT",
    trace: parent?.trace ?? {},
    ...facts,
  };
}

/** The run of a tutor whose first look at the messages met a rate limit; with a score and a finding. */
export function tutorTrace(): TraceRecord[] {
  serial = 0;
  const trace: TraceInfo = {
    userId: "user_42",
    sessionId: "lesson 7",
    feature: "tutor",
    team: "learning",
    environment: "production",
    tags: ["math"],
    metadata: { plan: "pro" },
  };
  const root = span(TUTOR, "run_math_tutor", undefined, {
    at: 0,
    ms: 6_210,
    trace,
    input: { question: "Solve 3x + 11 = 14." },
    output: "x = 1",
  });
  const create = span(TUTOR, "create_assistant", root, { at: 0, ms: 410 });
  const run = span(TUTOR, "run_assistant", root, { at: 420, ms: 830 });
  const call = span(TUTOR, "threads.runs.create", run, { at: 440, ms: 350, kind: "client" });
  const wait = span(TUTOR, "wait", root, { at: 1_260, ms: 4_020 });
  const response = span(TUTOR, "get_response", root, { at: 5_290, ms: 920 });
  const list = span(TUTOR, "messages.list", response, {
    at: 5_300,
    ms: 310,
    kind: "client",
    status: { code: "error", message: "retry after 3 s" },
    level: "ERROR",
    error: { type: "RateLimitError", message: "retry after 3 s", status: 429 },
  });
  const model = span(TUTOR, "run", response, {
    at: 1_260,
    ms: 4_700,
    type: "generation",
    kind: "client",
    genAi: { provider: "openai", requestModel: "gpt-4.1", responseModel: "gpt-4.1" },
    usage: { inputTokens: 980, outputTokens: 224, totalTokens: 1_204 },
    cost: { currency: "USD", total: 0.0123, source: "computed" },
    input: [{ role: "user", content: "Solve 3x + 11 = 14." }],
    output: [{ role: "assistant", content: "x = 1" }],
  });
  const score: ScoreRecord = {
    record: "score",
    schema: 1,
    id: "score-1",
    seq: 1,
    traceId: TUTOR,
    spanId: root.spanId,
    time: root.endTime,
    name: "correct",
    value: true,
    dataType: "BOOLEAN",
    trace,
  };
  const finding: FindingRecord = {
    record: "finding",
    schema: 1,
    id: "finding-1",
    seq: 1,
    traceId: TUTOR,
    spanId: list.spanId,
    time: root.endTime,
    name: "rate_limited_in_run",
    severity: "warning",
    message: "The messages could not be read: 429.",
    nextStep: "Wait as long as the answer says.",
    evidence: { status: 429 },
    trace,
  };
  return [create, call, run, wait, list, model, response, root, score, finding].map((record) => ({ ...record, trace }));
}

/** Small ones: a chat each, of two features, three teams, three models, one without a price. */
export function chatTraces(count: number): TraceRecord[] {
  serial = 0x1000;
  const models = [
    ["gpt-4.1", 0.02],
    ["gpt-4.1-mini", 0.001],
    ["home-made", undefined],
  ] as const;
  return Array.from({ length: count }, (_, i) => {
    const [model, usd] = models[i % 3]!;
    const traceId = `0199a3c3${i.toString(16).padStart(8, "0")}${"0".repeat(16)}`;
    const isFailed = i % 10 === 9;
    return span(traceId, `chat ${["über", "日本語の質問", "plain"][i % 3]}`, undefined, {
      at: 10_000 + i * 1_000,
      ms: 100 + 10 * i,
      type: "generation",
      genAi: { provider: "openai", responseModel: model },
      usage: { inputTokens: 1_000 + i, outputTokens: 10 * i },
      ...(usd !== undefined && { cost: { currency: "USD", total: usd, source: "computed" } }),
      ...(isFailed && {
        status: { code: "error" },
        error: { type: "APIError", message: "the server is overloaded", status: 529 },
      }),
      input: `question ${i}`,
      trace: {
        userId: `user_${i % 4}`,
        feature: i % 2 === 0 ? "chat" : "search",
        team: ["alpha", "beta", "gamma"][i % 3]!,
      },
    });
  });
}

export function lines(records: readonly TraceRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

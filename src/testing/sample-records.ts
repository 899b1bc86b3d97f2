import {
  type FindingRecord,
  OBSERVATION_TYPES,
  type ScoreRecord,
  type SpanKind,
  type SpanRecord,
  type TraceRecord,
} from "../core/record.ts";

const TRACE_ID = "0193489c5a7e7c3e9f2e4d7a1b2c3d4e";
/** 2024-11-19T07:06:40Z */
const START_MS = 1_732_000_000_000;

const KINDS: readonly SpanKind[] = ["internal", "server", "client", "producer", "consumer"];

/** A valid span record; `part` replaces what it names. */
export function sampleSpan(part: Partial<SpanRecord> = {}): SpanRecord {
  return {
    record: "span",
    schema: 1,
    traceId: TRACE_ID,
    spanId: "00f067aa0ba902b7",
    traceFlags: 1,
    seq: 1,
    name: "Tutor.answer",
    type: "span",
    kind: "internal",
    startTime: `${START_MS}000000`,
    endTime: `${START_MS + 250}000000`,
    status: { code: "ok" },
    level: "DEFAULT",
    trace: { userId: "user_42", sessionId: "algebra-7", environment: "test" },
    ...part,
  };
}

/** A valid score record; `part` replaces what it names. */
export function sampleScore(part: Partial<ScoreRecord> = {}): ScoreRecord {
  return {
    record: "score",
    schema: 1,
    id: "0193489c-5a7e-7c3e-9f2e-4d7a1b2c3d4f",
    seq: 1,
    traceId: TRACE_ID,
    time: `${START_MS + 300}000000`,
    name: "helpfulness",
    value: 0.9,
    dataType: "NUMERIC",
    trace: { userId: "user_42" },
    ...part,
  };
}

/** A valid finding record; `part` replaces what it names. */
export function sampleFinding(part: Partial<FindingRecord> = {}): FindingRecord {
  return {
    record: "finding",
    schema: 1,
    id: "9c1185a5c5e9fc54",
    seq: 1,
    traceId: TRACE_ID,
    spanId: "00f067aa0ba902b7",
    time: `${START_MS + 260}000000`,
    name: "run_expired",
    severity: "error",
    message: "Run run_abc expired after 10 min without an answer.",
    nextStep: "Start a new run and submit tool outputs sooner.",
    evidence: { runId: "run_abc", expiresAt: 1_732_000_600 },
    trace: { userId: "user_42" },
    ...part,
  };
}

/**
 * One trace with a record of every kind and every awkward content: all types, errors, usage, events, an unfinished span
 * and its later end, text in many scripts, a megabyte of input, `__proto__` keys, a lone surrogate, scores, a finding.
 */
export function sampleRecords(): TraceRecord[] {
  const child = (n: number, part: Partial<SpanRecord>) => {
    const spanId = n.toString(16).padStart(16, "0");
    return sampleSpan({ spanId, parentSpanId: "00f067aa0ba902b7", startTime: `${START_MS + n}000000`, ...part });
  };
  const types = OBSERVATION_TYPES.map((type, i) =>
    child(i + 1, { type, kind: KINDS[i % KINDS.length]!, name: `${type} ${i}` }),
  );
  return [
    ...types,
    child(20, {
      name: "chat gpt-4.1",
      type: "generation",
      kind: "client",
      firstChunkTime: `${START_MS + 60}123456`,
      input: [{ role: "user", content: "Solve 3x + 11 = 14" }],
      output: { role: "assistant", content: "x = 1" },
      genAi: {
        operation: "chat",
        provider: "openai",
        requestModel: "gpt-4.1",
        responseModel: "gpt-4.1-2025-04-14",
        finishReasons: ["stop"],
        parameters: { temperature: 0, stop: null },
        openai: { threadId: "thread_abc", runId: "run_abc", runStatus: "completed" },
      },
      usage: { inputTokens: 412, outputTokens: 88, totalTokens: 500, cacheReadInputTokens: 0, extra: { "a.b": 1.5 } },
      cost: { currency: "USD", total: 0.001528, input: 0.000824, output: 0.000704, source: "computed" },
    }),
    child(21, {
      name: "search",
      type: "tool",
      status: { code: "error", message: "429 too many" },
      level: "ERROR",
      error: {
        type: "RateLimitError",
        message: "too many\nrequests",
        stack: "RateLimitError: too many\n    at search (file.ts:1:1)",
        code: "rate_limit_exceeded",
        status: 429,
        causes: [{ type: "Error", message: "socket hang up" }],
      },
    }),
    child(22, {
      events: [{ name: "retry", time: `${START_MS + 5}000000`, attributes: { attempt: 2 } }],
      links: [
        { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", attributes: { why: "batch" } },
      ],
      metadata: { nested: { list: [1, "two", null, { three: 3 }] } },
      attributes: { "http.status_code": 200, ok: true },
      cuts: [{ path: "input.text", reason: "string", size: 70_000 }],
    }),
    child(23, { name: "забытый", seq: 1, unfinished: true, callSite: "src/tutor.ts:88:18" }),
    child(23, { name: "забытый", seq: 2 }),
    child(24, {
      name: "数学の先生 👩‍🏫 مُعَلِّم e\u0301 \u001b[31mred\u0007\u2028",
      input: "\ud800 lone, \u0000 nul, \u2028 line",
    }),
    child(25, { name: "", input: "", output: null, metadata: {} }),
    child(26, { name: "large", input: 'x"\\\n'.repeat(262_144) }),
    child(27, { input: JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') }),
    child(28, { name: "deep", input: JSON.parse(`${'{"a":['.repeat(16)}1${"]}".repeat(16)}`) }),
    child(29, { parentSpanId: "ffffffffffffffff", name: "orphan" }),
    child(30, { parentIsRemote: true, traceState: "vendor=1", name: "from elsewhere" }),
    sampleScore(),
    sampleScore({
      id: "score-2",
      spanId: "00f067aa0ba902b7",
      value: "correct",
      dataType: "CATEGORICAL",
      comment: "👍",
    }),
    sampleScore({
      id: "score-3",
      traceId: undefined,
      sessionId: "algebra-7",
      value: true,
      dataType: "BOOLEAN",
    } as object),
    sampleFinding(),
    sampleSpan({
      trace: {
        name: "math tutor",
        userId: "user_42",
        sessionId: "algebra-7",
        tags: ["algebra", "été"],
        metadata: { plan: "pro" },
        feature: "tutor",
        team: "learning",
        release: "1.2.3",
        version: "2",
        environment: "test",
        public: false,
      },
    }),
  ];
}

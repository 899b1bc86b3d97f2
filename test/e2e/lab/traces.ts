import type {
  FindingRecord,
  Json,
  ObservationType,
  ScoreRecord,
  SpanRecord,
  TraceInfo,
  TraceRecord,
} from "../../../src/core/record.ts";

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const IDS = {
  tutor: "7f3a9c0e5b1d4e8fa2c6d8e0f1a3b5c7",
  good: "1b2c3d4e5f60718293a4b5c6d7e8f901",
  idle: "2c3d4e5f60718293a4b5c6d7e8f90112",
  hostile: "3d4e5f60718293a4b5c6d7e8f9011223",
  open: "4e5f60718293a4b5c6d7e8f901122334",
  large: "5f60718293a4b5c6d7e8f90112233445",
} as const;

/** The id of the generated trace of so many spans. */
export function idOf(spans: number): string {
  return spans.toString(16).padStart(32, "a0");
}

interface Draft {
  readonly name: string;
  readonly type?: ObservationType;
  /** Milliseconds since the trace's start. */
  readonly from: number;
  readonly to: number;
  readonly part?: Partial<SpanRecord>;
  readonly children?: readonly Draft[];
}

/** Records of a drawn-up trace. Span ids count up in its order. */
export function traceOf(traceId: string, startMs: number, info: TraceInfo, root: Draft): SpanRecord[] {
  const records: SpanRecord[] = [];
  const add = (draft: Draft, parentSpanId: string | undefined) => {
    const spanId = (records.length + 1).toString(16).padStart(16, "0");
    const failed = draft.part?.error !== undefined;
    records.push({
      record: "span",
      schema: 1,
      traceId,
      spanId,
      ...(parentSpanId !== undefined && { parentSpanId }),
      traceFlags: 1,
      seq: 1,
      name: draft.name,
      type: draft.type ?? "span",
      kind: draft.type === "generation" ? "client" : "internal",
      startTime: nanos(startMs + draft.from),
      endTime: nanos(startMs + draft.to),
      status: failed ? { code: "error", message: draft.part!.error!.message ?? "" } : { code: "ok" },
      level: failed ? "ERROR" : "DEFAULT",
      trace: info,
      ...draft.part,
    });
    for (const child of draft.children ?? []) add(child, spanId);
  };
  add(root, undefined);
  return records;
}

function nanos(ms: number): string {
  return `${BigInt(Math.round(ms * 1_000)) * 1_000n}`;
}

function call(
  model: string,
  input: Json,
  output: Json,
  tokens: readonly [number, number, number?],
  cost: number,
  startMs: number,
  part: Partial<SpanRecord> = {},
): Partial<SpanRecord> {
  const [inputTokens, outputTokens, cached] = tokens;
  return {
    input,
    output,
    usage: {
      inputTokens,
      outputTokens,
      totalTokens: inputTokens + outputTokens,
      ...(cached !== undefined && { cacheReadInputTokens: cached }),
    },
    cost: {
      currency: "USD",
      total: cost,
      input: cost * 0.4,
      output: cost * 0.6,
      source: "computed",
      model,
      book: "genai-prices",
    },
    ...part,
    genAi: {
      operation: "chat",
      provider: "openai",
      requestModel: model,
      responseModel: `${model}-2025-04-14`,
      finishReasons: ["stop"],
      parameters: { temperature: 0.2, max_completion_tokens: 800 },
      openai: { createdAt: Math.floor(startMs / 1_000) },
      ...part.genAi,
    },
  };
}

const text = (role: string, content: string): Json => ({ role, parts: [{ type: "text", content }] });
const SYSTEM =
  "You are a patient maths tutor. Show each step, name the rule that you use, and end with the result on a line of its own.";
const SOLUTION =
  "To solve **3x + 11 = 14**:\n\n1. Subtract 11 from both sides: `3x = 3`\n2. Divide by 3: `x = 1`\n\n| step | rule |\n|---|---|\n| 1 | subtraction |\n| 2 | division |\n\n**x = 1**";

/** A tutoring request that went wrong half-way: agent, retrieval, a run with tools, retries, findings, scores. */
export function tutorTrace(
  startMs: number,
  { traceId = IDS.tutor, fails = true }: { traceId?: string; fails?: boolean } = {},
): TraceRecord[] {
  const info: TraceInfo = {
    name: "POST /tutor/answer",
    userId: "user_42",
    sessionId: "algebra-7",
    feature: "tutor",
    team: "learning",
    environment: "production",
    release: "2026.11.3",
    tags: ["beta", "maths"],
    metadata: { plan: "pro", locale: "de-DE", experiment: { arm: "b", since: "2026-11-01" } },
  };
  const question = "Solve 3x + 11 = 14 and check the result.";
  const thread = {
    threadId: "thread_8hQ2vXn1ZcTq",
    runId: "run_Lk20sVbTq7",
    assistantId: "asst_math_tutor",
    apiType: "assistants" as const,
  };
  const step = (runStepId: string) => ({ openai: { ...thread, runStepId } });
  const rate = {
    type: "RateLimitError",
    message:
      "Rate limit reached for gpt-4.1 in organization org-shop on tokens per min (TPM): Limit 30000, Used 29481, Requested 1204. Please try again in 1.37s.",
    status: 429,
    code: "rate_limit_exceeded",
    stack:
      "RateLimitError: 429 Rate limit reached for gpt-4.1\n    at APIError.generate (/app/node_modules/openai/core/error.js:58:20)\n    at OpenAI.makeStatusError (/app/node_modules/openai/client.js:160:32)\n    at OpenAI.makeRequest (/app/node_modules/openai/client.js:333:24)\n    at async Tutor.summarize (/app/src/tutor.ts:88:20)",
  };
  const root: Draft = {
    name: "Tutor.answer",
    type: "span",
    from: 0,
    to: fails ? 9_412 : 6_120,
    part: {
      input: { question, userId: "user_42" },
      ...(fails
        ? { error: { type: "RateLimitError", message: rate.message, status: 429 } }
        : { output: { answer: "x = 1" } }),
    },
    children: [
      {
        name: "loadProfile",
        from: 4,
        to: 61,
        part: { input: ["user_42"], output: { level: "beginner", language: "de" } },
        children: [
          {
            name: "pg.query",
            from: 9,
            to: 55,
            part: { attributes: { "db.system": "postgresql", "db.statement": "select * from profiles where id = $1" } },
          },
        ],
      },
      {
        name: "input policy",
        type: "guardrail",
        from: 62,
        to: 180,
        part: { input: question, output: { allowed: true, categories: [] } },
      },
      {
        name: "retrieve lessons",
        type: "retriever",
        from: 184,
        to: 702,
        part: {
          input: { query: "linear equations one variable", k: 5 },
          output: [
            { id: "lesson_12", score: 0.91, title: "Linear equations" },
            { id: "lesson_09", score: 0.84, title: "Inverse operations" },
          ],
        },
        children: [
          {
            name: "embeddings text-embedding-3-small",
            type: "embedding",
            from: 188,
            to: 402,
            part: {
              input: "linear equations one variable",
              usage: { inputTokens: 5, totalTokens: 5 },
              cost: { currency: "USD", total: 0.0000001, source: "computed" },
              genAi: { operation: "embeddings", provider: "openai", requestModel: "text-embedding-3-small" },
            },
          },
          {
            name: "vector search",
            type: "retriever",
            from: 405,
            to: 690,
            part: { attributes: { "db.system": "qdrant", "db.top_k": 5 } },
          },
        ],
      },
      {
        name: "invoke_agent Math Tutor",
        type: "agent",
        from: 710,
        to: fails ? 6_802 : 5_900,
        part: {
          input: [text("user", question)],
          output: [text("assistant", SOLUTION)],
          genAi: {
            operation: "invoke_agent",
            provider: "openai",
            requestModel: "gpt-4.1",
            agent: { id: "asst_math_tutor", name: "Math Tutor" },
            systemInstructions: [{ type: "text", content: SYSTEM }],
            conversationId: thread.threadId,
            openai: {
              ...thread,
              runStatus: "completed",
              createdAt: Math.floor(startMs / 1_000),
              startedAt: Math.floor(startMs / 1_000) + 1,
              expiresAt: Math.floor(startMs / 1_000) + 600,
              stepCount: 3,
            },
          },
        },
        children: [
          {
            name: "chat gpt-4.1",
            type: "generation",
            from: 730,
            to: 2_450,
            part: call(
              "gpt-4.1",
              [text("system", SYSTEM), text("user", question)],
              [
                {
                  role: "assistant",
                  parts: [
                    {
                      type: "tool_call",
                      id: "call_9aX",
                      name: "solve_equation",
                      arguments: { equation: "3x + 11 = 14", variable: "x" },
                    },
                  ],
                  finish_reason: "tool_call",
                },
              ],
              [1_204, 38, 1_024],
              0.0027,
              startMs,
              {
                firstChunkTime: nanos(startMs + 1_310),
                genAi: {
                  ...step("step_1"),
                  toolDefinitions: [
                    {
                      type: "function",
                      name: "solve_equation",
                      description: "Solves an equation for a variable",
                      parameters: {
                        type: "object",
                        properties: { equation: { type: "string" }, variable: { type: "string" } },
                      },
                    },
                  ],
                  stream: true,
                },
              },
            ),
          },
          {
            name: "execute_tool solve_equation",
            type: "tool",
            from: 2_470,
            to: 3_120,
            part: {
              input: { equation: "3x + 11 = 14", variable: "x" },
              output: { solutions: ["1"], steps: ["3x = 3", "x = 1"] },
              genAi: {
                operation: "execute_tool",
                tool: { name: "solve_equation", type: "function", callId: "call_9aX" },
                ...step("step_1"),
              },
            },
            children: [{ name: "sympy", from: 2_500, to: 3_100 }],
          },
          {
            name: "execute_tool plot",
            type: "tool",
            from: 2_475,
            to: 2_910,
            part: {
              input: { function: "3x + 11", range: [-5, 5] },
              output: { image: "file_plot_1.png" },
              genAi: { operation: "execute_tool", tool: { name: "plot", callId: "call_9aY" }, ...step("step_1") },
            },
          },
          {
            name: "chat gpt-4.1",
            type: "generation",
            from: 3_140,
            to: fails ? 6_780 : 5_880,
            part: call(
              "gpt-4.1",
              [
                text("system", SYSTEM),
                text("user", question),
                {
                  role: "assistant",
                  parts: [
                    {
                      type: "tool_call",
                      id: "call_9aX",
                      name: "solve_equation",
                      arguments: { equation: "3x + 11 = 14", variable: "x" },
                    },
                  ],
                },
                {
                  role: "tool",
                  parts: [
                    {
                      type: "tool_call_response",
                      id: "call_9aX",
                      response: { solutions: ["1"], steps: ["3x = 3", "x = 1"] },
                    },
                  ],
                },
              ],
              [{ ...(text("assistant", SOLUTION) as object), finish_reason: "stop" } as Json],
              [1_391, 412, 1_024],
              0.0061,
              startMs,
              {
                firstChunkTime: nanos(startMs + 3_820),
                genAi: { ...step("step_2"), stream: true },
                http: {
                  method: "POST",
                  route: "/chat/completions",
                  host: "api.openai.com",
                  status: 200,
                  requestId: "req_7f1c0a9e",
                  processingMs: 3_402,
                  rateLimit: {
                    limitRequests: 500,
                    remainingRequests: 499,
                    resetRequestsMs: 120,
                    limitTokens: 30_000,
                    remainingTokens: 519,
                    resetTokensMs: 58_962,
                  },
                  stream: { events: 212, end: "completed" },
                },
              },
            ),
          },
        ],
      },
      {
        name: "Tutor.summarize",
        from: fails ? 6_810 : 5_905,
        to: fails ? 9_400 : 6_110,
        part: fails ? { error: { type: "RateLimitError", message: rate.message, status: 429 } } : {},
        children: [
          {
            name: "chat gpt-4.1",
            type: "generation",
            from: fails ? 6_815 : 5_910,
            to: fails ? 9_390 : 6_100,
            part: fails
              ? {
                  input: [text("user", `Summarize for the learner's record:\n\n${SOLUTION}`)],
                  error: rate,
                  http: {
                    method: "POST",
                    route: "/chat/completions",
                    host: "api.openai.com",
                    status: 429,
                    requestId: "req_b20d7c11",
                    attempts: [
                      { status: 429, durationMs: 212 },
                      { status: 429, durationMs: 198, waitMs: 812 },
                      { status: 429, durationMs: 188, waitMs: 1_165 },
                    ],
                    rateLimit: { limitTokens: 30_000, remainingTokens: 519, resetTokensMs: 58_962 },
                  },
                  genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
                }
              : call(
                  "gpt-4.1",
                  [text("user", `Summarize: ${SOLUTION}`)],
                  [text("assistant", "Solved a linear equation.")],
                  [420, 9],
                  0.0009,
                  startMs,
                ),
          },
        ],
      },
      {
        name: "faithfulness",
        type: "evaluator",
        from: fails ? 6_830 : 5_930,
        to: fails ? 7_420 : 6_090,
        part: { output: { score: 0.94 } },
      },
      { name: "profile.updated", type: "event", from: fails ? 9_402 : 6_112, to: fails ? 9_402 : 6_112 },
    ],
  };
  const spans = traceOf(traceId, startMs, info, root);
  const failed = spans.find((span) => span.name === "chat gpt-4.1" && span.error);
  const scores: ScoreRecord[] = [
    {
      record: "score",
      schema: 1,
      id: `${traceId}-s1`,
      seq: 1,
      traceId,
      time: nanos(startMs + 9_500),
      name: "faithfulness",
      value: 0.94,
      dataType: "NUMERIC",
      trace: info,
    },
    {
      record: "score",
      schema: 1,
      id: `${traceId}-s2`,
      seq: 1,
      traceId,
      spanId: spans[0]!.spanId,
      time: nanos(startMs + 9_900),
      name: "thumbs_up",
      value: !fails,
      dataType: "BOOLEAN",
      comment: fails ? "No answer came." : "Clear, thanks!",
      trace: info,
    },
  ];
  if (!failed) return [...spans, ...scores];
  const findings: FindingRecord[] = [
    {
      record: "finding",
      schema: 1,
      id: `${traceId}-f1`,
      seq: 1,
      traceId,
      spanId: failed.spanId,
      time: nanos(startMs + 9_400),
      name: "rate_limited",
      severity: "error",
      message:
        "3 attempts were refused with 429 within 2.6 s; the client gave up while the limit needed 59 s to recover.",
      nextStep: "Wait for `retry-after`, or move summaries to a model with its own limit.",
      evidence: { attempts: 3, waitedMs: 1_977, resetTokensMs: 58_962, remainingTokens: 519 },
      trace: info,
    },
    {
      record: "finding",
      schema: 1,
      id: `${traceId}-f2`,
      seq: 1,
      traceId,
      spanId: spans[8]!.spanId,
      time: nanos(startMs + 9_400),
      name: "prompt_cache_hit",
      severity: "info",
      message: "85% of the prompt came from the cache.",
      nextStep: "Nothing to do; keep the instructions at the front.",
      evidence: { cached: 1_024, input: 1_204 },
      trace: info,
    },
  ];
  return [...spans, ...scores, ...findings];
}

/** Hardly anything but waiting. */
export function idleTrace(startMs: number): SpanRecord[] {
  return traceOf(
    IDS.idle,
    startMs,
    { name: "nightly import", environment: "production" },
    {
      name: "nightly import",
      from: 0,
      to: 3_600_000,
      children: [
        {
          name: "fetch",
          from: 0,
          to: 4_100,
          children: Array.from({ length: 6 }, (_, i) => ({
            name: `page ${i + 1}`,
            type: "tool" as const,
            from: i * 600,
            to: i * 600 + 500,
          })),
        },
        { name: "approve", type: "event", from: 1_800_000, to: 1_800_400 },
        {
          name: "store",
          from: 3_594_000,
          to: 3_600_000,
          children: [{ name: "pg.copy", from: 3_594_100, to: 3_599_800 }],
        },
      ],
    },
  );
}

/** A root and a call that have not ended. */
export function openTrace(startMs: number): SpanRecord[] {
  return traceOf(
    IDS.open,
    startMs,
    { name: "Agent.run", userId: "user_7" },
    {
      name: "Agent.run",
      type: "agent",
      from: 0,
      to: 2_000,
      part: { unfinished: true, status: { code: "unset" } },
      children: [
        { name: "plan", type: "chain", from: 20, to: 900 },
        {
          name: "chat gpt-4.1",
          type: "generation",
          from: 910,
          to: 2_000,
          part: {
            unfinished: true,
            status: { code: "unset" },
            firstChunkTime: nanos(startMs + 1_500),
            genAi: { operation: "chat", requestModel: "gpt-4.1" },
          },
        },
      ],
    },
  );
}

const PWN = "window.__pwned = true";

/** Texts that would run if they were ever taken for anything but text. */
export const HOSTILE: readonly string[] = [
  `<img src=x onerror="${PWN}">`,
  `<script>${PWN}</script>`,
  `"><svg onload="${PWN}">`,
  `</textarea><iframe srcdoc="<script>parent.${PWN}</script>">`,
  `[click](javascript:${PWN})`,
  "![pixel](https://evil.example/pixel.png)",
  `<a href="javascript:${PWN}">x</a>`,
  "javascript:alert(1)",
  `<style>*{background:url(https://evil.example/a)}</style>`,
  `[a]: https://evil.example/ref\n![a][a]`,
  "<https://evil.example/auto> <javascript:alert(1)>",
  `\u202egnp.exe \u0000 \ud800 {{7*7}} \${PWN}`,
];

/** Hostile texts wherever a trace can hold one. */
export function hostileTrace(startMs: number): TraceRecord[] {
  const all = HOSTILE.join("\n\n");
  const info: TraceInfo = {
    name: HOSTILE[0]!,
    userId: HOSTILE[1]!,
    sessionId: HOSTILE[2]!,
    feature: HOSTILE[6]!,
    tags: [...HOSTILE],
    metadata: { [HOSTILE[0]!]: all },
  };
  const spans = traceOf(IDS.hostile, startMs, info, {
    name: HOSTILE[0]!,
    from: 0,
    to: 900,
    part: { input: all, output: { [HOSTILE[1]!]: all } },
    children: HOSTILE.map((text, i) => ({
      name: text,
      type: "generation" as const,
      from: i * 10,
      to: i * 10 + 400,
      part: {
        input: [{ role: text, content: all, name: text }],
        output: [
          {
            role: "assistant",
            parts: [
              { type: "text", content: all },
              { type: "tool_call", name: text, arguments: text },
              { type: "uri", modality: "image", uri: "https://evil.example/pixel.png" },
            ],
          },
        ] as Json,
        error: { type: text, message: text, stack: all },
        genAi: { requestModel: text, responseModel: text },
        http: { method: text, route: text, host: text, requestId: text },
        attributes: { [text]: text },
        links: [{ traceId: text, spanId: text }],
      },
    })),
  });
  const finding: FindingRecord = {
    record: "finding",
    schema: 1,
    id: "hostile",
    seq: 1,
    traceId: IDS.hostile,
    spanId: spans[1]!.spanId,
    time: nanos(startMs),
    name: HOSTILE[0]!,
    severity: "error",
    message: all,
    nextStep: all,
    evidence: { [HOSTILE[0]!]: all },
    trace: info,
  };
  return [...spans, finding];
}

/** One span with five megabytes in and a long conversation. */
export function largeTrace(startMs: number): SpanRecord[] {
  const messages = Array.from({ length: 400 }, (_, i) =>
    text(i % 2 === 0 ? "user" : "assistant", `Message ${i}: ${"lorem ipsum dolor sit amet ".repeat(20)}`),
  );
  return traceOf(
    IDS.large,
    startMs,
    { name: "large payloads" },
    {
      name: "large payloads",
      from: 0,
      to: 1_000,
      children: [
        {
          name: "five megabytes",
          type: "tool",
          from: 10,
          to: 500,
          part: {
            input: Array.from({ length: 20_000 }, (_, i) => ({
              id: i,
              value: `${"x".repeat(200)}${i}`,
              list: [1, 2, 3],
            })),
            output: "x".repeat(5_000_000),
          },
        },
        {
          name: "long conversation",
          type: "generation",
          from: 510,
          to: 990,
          part: { input: messages, genAi: { requestModel: "gpt-4.1" } },
        },
      ],
    },
  );
}

/** A trace of any size, as agents make them: rounds of model calls and tools, some of which fail. */
export function generatedTrace(spans: number, startMs: number, seed = 7): SpanRecord[] {
  const random = seeded(seed + spans);
  const traceId = idOf(spans);
  const info: TraceInfo = { name: `batch of ${spans}`, environment: "test" };
  const records: SpanRecord[] = [];
  const span = (
    name: string,
    type: ObservationType,
    parent: string | undefined,
    fromUs: number,
    toUs: number,
    part: Partial<SpanRecord> = {},
  ) => {
    const spanId = (records.length + 1).toString(16).padStart(16, "0");
    records.push({
      record: "span",
      schema: 1,
      traceId,
      spanId,
      ...(parent !== undefined && { parentSpanId: parent }),
      traceFlags: 1,
      seq: 1,
      name,
      type,
      kind: "internal",
      startTime: `${BigInt(startMs) * 1_000_000n + BigInt(Math.round(fromUs)) * 1_000n}`,
      endTime: `${BigInt(startMs) * 1_000_000n + BigInt(Math.round(toUs)) * 1_000n}`,
      status: { code: "ok" },
      level: "DEFAULT",
      trace: info,
      ...part,
    });
    return spanId;
  };
  const TOOLS = ["search", "read_file", "run_tests", "write_file"];
  const root = span("Batch.run", "span", undefined, 0, spans * 1_000);
  for (let round = 0; records.length < spans; round++) {
    const at = (records.length / spans) * spans * 1_000;
    const agent = span(`agent round ${round}`, "agent", root, at, Math.min(spans * 1_000, at + 20_000));
    for (let i = 0; i < 18 && records.length < spans; i++) {
      const from = at + i * 1_000;
      const failed = random() < 0.004;
      if (i % 3 === 0) {
        const used = Math.round(200 + random() * 4_000);
        span("chat gpt-4.1-mini", "generation", agent, from, from + 300 + random() * 2_000, {
          input: [{ role: "user", content: `question ${round}.${i}` }],
          output: { role: "assistant", content: `answer ${round}.${i}` },
          usage: { inputTokens: used, outputTokens: Math.round(used / 5) },
          cost: { currency: "USD", total: used * 0.8e-6, source: "computed" },
          genAi: { operation: "chat", requestModel: "gpt-4.1-mini" },
          ...(failed && {
            status: { code: "error", message: "overloaded" },
            level: "ERROR",
            error: { type: "APIError", message: "overloaded", status: 503 },
          }),
        });
      } else {
        const tool = span(
          `execute_tool ${TOOLS[Math.floor(random() * 4)]}`,
          "tool",
          agent,
          from,
          from + 200 + random() * 800,
        );
        if (i % 3 === 2 && records.length < spans) span("http.request", "span", tool, from + 20, from + 180);
      }
    }
  }
  return records;
}

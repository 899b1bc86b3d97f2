/** Every rule where it must speak, and where it must not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FindingRecord, SpanRecord } from "../../../src/core/record.ts";
import { type FindingsOptions, findings, RULES, type RuleName } from "../../../src/openai/index.ts";
import {
  agent,
  chat,
  find,
  http,
  inTrace,
  NOW,
  names,
  openAgent,
  refused,
  root,
  said,
  spanAt,
  step,
  T,
  text,
  tool,
} from "./records.ts";

interface Case {
  readonly of: string;
  readonly spans: readonly SpanRecord[];
  readonly options?: FindingsOptions;
  /** What the message must say. */
  readonly says?: RegExp;
  /** What the next step must say. */
  readonly advises?: RegExp;
  readonly severity?: FindingRecord["severity"];
}

const tried = new Set<string>();

function rule(name: RuleName, cases: { fires: readonly Case[]; silent: readonly Case[] }): void {
  tried.add(name);
  for (const { of, spans, options, says = /./, advises = /./, severity } of cases.fires) {
    test(`${name}: ${of}`, () => {
      const found = find(spans, options).filter((finding) => finding.name === name);
      assert.equal(found.length, 1, JSON.stringify(find(spans, options), null, 1));
      const [finding] = found;
      assert.match(finding!.message, says);
      assert.match(finding!.message, /^["\w].*[.]$/);
      assert.match(finding!.nextStep, /^[A-Z].{20,}\.$/);
      assert.match(finding!.nextStep, advises);
      assert.deepEqual(JSON.parse(JSON.stringify(finding)), finding, "plain JSON");
      assert.ok(spans.some(({ spanId }) => spanId === finding!.spanId));
      if (severity) assert.equal(finding!.severity, severity);
    });
  }
  for (const { of, spans, options } of cases.silent) {
    test(`${name}: silent: ${of}`, () =>
      assert.deepEqual(
        names(spans, options).filter((found) => found === name),
        [],
      ));
  }
}

const waiting = {
  runStatus: "requires_action",
  expiresAt: T + 600,
  pendingToolCalls: [{ id: "call_w", name: "get_weather" }],
};

rule("stuck_in_requires_action", {
  fires: [
    {
      of: "for longer than a minute",
      spans: [openAgent(65, waiting)],
      says: /65 s .*get_weather \(call_w\)/,
      severity: "warning",
    },
    {
      of: "at the end of its trace, however early",
      spans: [openAgent(3, waiting)],
      says: /3 s .* when its trace ended/,
    },
    { of: "close to its expiry", spans: [openAgent(570, waiting)], says: /30 s left/, severity: "error" },
    { of: "past its expiry", spans: [openAgent(700, waiting)], says: /no time left/, severity: "error" },
    {
      of: "without the calls on the run, those of its steps",
      spans: [openAgent(65, { runStatus: "requires_action" }), tool(1, "lookup", {}, undefined)],
      says: /lookup \(call_/,
    },
  ],
  silent: [
    { of: "it went on", spans: [agent()] },
    {
      of: "a run recorded alone, not yet a minute old",
      spans: [openAgent(30, waiting, { parentSpanId: "e".repeat(16) })].map(alone),
    },
    {
      of: "an hour is allowed and the trace goes on",
      spans: [openAgent(65, waiting), { ...root(), spanId: "c".repeat(16), unfinished: true }],
      options: { stuckAfterMs: 3_600_000 },
    },
  ],
});

/** As `recordAssistantRun` writes it where nothing else is traced. */
function alone({ parentSpanId, ...record }: SpanRecord): SpanRecord {
  return record;
}

const long = "All about the weather. ".repeat(60);

rule("tool_output_truncated", {
  fires: [
    { of: "the prompt shrank", spans: [agent(), step(1, 4000, 30), step(2, 1000, 30)], says: /shrank by 3030 tokens/ },
    {
      of: "the model saw less than was submitted",
      spans: [agent(), step(1, 400, 30), tool(1, "weather", {}, long), step(2, 460, 30)],
      says: /saw about 30 of some 345 tokens/,
    },
    { of: "it ends with three dots", spans: [agent(), tool(1, "page", {}, `${long}...`)], says: /ends with "\.\.\."/ },
    { of: "it says so itself", spans: [agent(), tool(1, "page", {}, "short [truncated]")], says: /\[truncated\]/ },
    {
      of: "it is as long as the program's limit",
      spans: [agent(), tool(1, "page", {}, "x".repeat(300))],
      options: { toolOutputCap: 300 },
    },
  ],
  silent: [
    { of: "all was read", spans: [agent(), step(1, 400, 30), tool(1, "weather", {}, long), step(2, 770, 30)] },
    {
      of: "a short output",
      spans: [agent(), step(1, 400, 14), tool(1, "weather", {}, "sunny, 20 degrees"), step(2, 424, 30)],
    },
    {
      of: "reasoning is not read again",
      spans: [
        agent(),
        step(1, 400, 500, { usage: { inputTokens: 400, outputTokens: 500, reasoningOutputTokens: 480 } }),
        step(2, 430, 30),
      ],
    },
    {
      of: "the code interpreter's outputs are not listed",
      spans: [agent(), step(1, 400, 30), server("code_interpreter", "extension", []), step(2, 441, 30)],
    },
    {
      of: "file search without its contents",
      spans: [
        agent(),
        step(1, 400, 30),
        server("file_search", "datastore", [{ file_id: "file_1", file_name: "a.txt" }]),
        step(2, 441, 30),
      ],
    },
    { of: "an empty or a short output", spans: [agent(), tool(1, "save", {}, ""), tool(2, "save", {}, "ok...")] },
    {
      of: "blanks are few tokens",
      spans: [agent(), step(1, 400, 30), tool(1, "table", {}, `a${" ".repeat(4000)}b`), step(2, 440, 30)],
    },
  ],
});

function server(name: string, type: string, output: SpanRecord["output"]): SpanRecord {
  return tool(1, name, "print(1)", output, {
    genAi: { openai: { runId: "run_1", runStepId: "step_1" }, tool: { name, type } },
  });
}

const polls = (count: number, maxPerSecond: number) => ({ http: http({ polls: { count, maxPerSecond } }) });

rule("endless_polling", {
  fires: [
    {
      of: "a hot loop",
      spans: [openAgent(10, { runStatus: "thinking" }, polls(4000, 400))],
      says: /400 times a second/,
      advises: /pollIntervalMs/,
      severity: "error",
    },
    { of: "a hot loop, to its end", spans: [agent({}, polls(400, 100))], says: /100 times a second/ },
    {
      of: "no end after ten minutes",
      spans: [openAgent(660, { runStatus: "in_progress" }, polls(300, 1))],
      says: /still in_progress after 11 min/,
      advises: /createAndPoll/,
    },
    {
      of: "too many polls",
      spans: [agent({ runStatus: "expired" }, polls(1200, 5))],
      says: /1200 times/,
      severity: "warning",
    },
    {
      of: "a response in the background, for longer than ten minutes",
      spans: [retrieved(660, "in_progress", polls(330, 1))],
      says: /Response resp_1 was still in_progress after 11 min/,
      advises: /^(?!.*(?:run|createAndPoll)).*cancel the response/,
    },
    {
      of: "a response, in a hot loop",
      spans: [retrieved(9, "completed", polls(900, 100))],
      says: /Response resp_1/,
      advises: /^(?!.*pollIntervalMs).*retrievals of the response/,
    },
  ],
  silent: [
    { of: "a run that was polled and ended", spans: [agent({}, polls(40, 2))] },
    { of: "never asked for, and young", spans: [openAgent(5, { runStatus: "in_progress" })] },
    {
      of: "more is allowed",
      spans: [agent({ runStatus: "expired" }, polls(1200, 5))],
      options: { maxPolls: 2000 },
    },
    { of: "a run that was polled often and completed", spans: [agent({}, polls(1200, 5))] },
    { of: "a long response that completed", spans: [retrieved(780, "completed", polls(650, 1))] },
    { of: "a young response, asked for often", spans: [retrieved(500, "in_progress", polls(900, 3))] },
  ],
});

/** A response in the background, so many seconds after its creation. */
function retrieved(seconds: number, responseStatus: string, part: Partial<SpanRecord>): SpanRecord {
  const span = spanAt(0, seconds, { name: "chat gpt-4.1", type: "generation" });
  const isOpen = responseStatus !== "completed";
  const genAi = { responseId: "resp_1", responseStatus, openai: { background: true } };
  return { ...span, ...part, genAi, ...(isOpen && { unfinished: true }) };
}

function timeless(record: SpanRecord): SpanRecord {
  const { createdAt, ...openai } = record.genAi!.openai!;
  return { ...record, genAi: { ...record.genAi, openai } };
}

rule("run_expired", {
  fires: [
    {
      of: "the status says so",
      spans: [agent({ runStatus: "expired" }, { endTime: `${T + 600}000000000` })],
      says: /expired after 10 min/,
      severity: "error",
    },
    {
      of: "last seen before its time, which has passed",
      spans: [openAgent(605, { runStatus: "in_progress", expiresAt: T + 600 })],
      says: /last seen in in_progress/,
    },
    {
      of: "read long after it had expired, which is not how long it lived",
      spans: [agent({ runStatus: "expired" }, { endTime: `${T + 9_000_000}000000000` })],
      says: /run_1 expired without/,
    },
    {
      of: "the same, with its time to expire",
      spans: [agent({ runStatus: "expired", expiresAt: T + 600 }, { endTime: `${T + 9_000_000}000000000` })],
      says: /run_1 expired after 10 min without/,
    },
    { of: "no times at all", spans: [timeless(agent({ runStatus: "expired" }))], says: /run_1 expired without/ },
  ],
  silent: [
    { of: "completed", spans: [agent({ expiresAt: T - 1 })] },
    { of: "still in time", spans: [openAgent(65, waiting)] },
  ],
});

rule("cancelling_stuck", {
  fires: [
    {
      of: "for longer than a minute",
      spans: [openAgent(100, { runStatus: "cancelling", cancellingSince: T + 10 })],
      says: /for 90 s/,
    },
    { of: "longer than a run can live", spans: [openAgent(700, { runStatus: "cancelling" })] },
  ],
  silent: [
    { of: "just now", spans: [openAgent(100, { runStatus: "cancelling", cancellingSince: T + 90 })] },
    { of: "no one knows since when", spans: [openAgent(100, { runStatus: "cancelling" })] },
    { of: "cancelled", spans: [agent({ runStatus: "cancelled", cancellingSince: T })] },
  ],
});

/** Runs of one after another trace, each with one model call. */
function runs(
  inputs: readonly number[],
  thread = (_: number) => "thread_1",
  part: Partial<SpanRecord> = {},
): SpanRecord[] {
  return inputs.flatMap((input, i) => {
    const ids = { runId: `run_${i}`, threadId: thread(i) };
    const at = (from: number) => ({
      startTime: `${T + from + 60 * i}000000000`,
      endTime: `${T + from + 5 + 60 * i}000000000`,
    });
    return inTrace(i + 1, agent(ids, { ...at(0), ...part }), step(1, input, 20, { ...at(1), ...part }, ids));
  });
}

rule("thread_accumulation", {
  fires: [
    {
      of: "a thread that grows",
      spans: runs([500, 700, 1100, 1400, 1600]),
      says: /from 500 to 1600 input tokens in 5 runs/,
      severity: "info",
    },
    { of: "told once, where it begins", spans: runs([500, 700, 1100, 1400, 1600, 1800, 2200]) },
    {
      of: "a thread for each call",
      spans: runs(Array(12).fill(100), (i) => `thread_${i}`),
      says: /10 runs of one session used 10 threads/,
    },
    {
      of: "more messages than were read",
      spans: [agent({ missing: "messages: there are more pages" })],
      says: /more messages/,
    },
  ],
  silent: [
    { of: "few runs", spans: runs([500, 1000, 2000]) },
    { of: "it grows a little", spans: runs([500, 510, 520, 530, 540, 550]) },
    { of: "it does not grow each time", spans: runs([500, 900, 700, 1600, 1500]) },
    { of: "threads that are used again", spans: runs(Array(12).fill(100), (i) => `thread_${i % 3}`) },
    { of: "steps that are missing are no messages", spans: [agent({ missing: "steps: there are more pages" })] },
  ],
});

rule("incomplete_token_cap", {
  fires: [
    {
      of: "a run",
      spans: [agent({ runStatus: "incomplete", incompleteReason: "max_completion_tokens" }), step(1, 10, 40)],
      says: /max_completion_tokens\) after 40 tokens/,
    },
    {
      of: "a run's prompt",
      spans: [agent({ runStatus: "incomplete", incompleteReason: "max_prompt_tokens" })],
      says: /max_prompt_tokens/,
    },
    {
      of: "a response",
      spans: [
        chat(
          {},
          {
            responseStatus: "incomplete",
            responseId: "resp_1",
            parameters: { max_output_tokens: 64 },
            openai: { incompleteReason: "max_output_tokens" },
          },
        ),
      ],
      says: /max_output_tokens 64/,
    },
    {
      of: "a chat completion",
      spans: [chat({ usage: { outputTokens: 1 } }, { finishReasons: ["length"] })],
      says: /after 1 token of output/,
    },
  ],
  silent: [
    { of: "completed", spans: [agent(), chat({}, { finishReasons: ["stop"] })] },
    {
      of: "the content filter",
      spans: [chat({}, { responseStatus: "incomplete", openai: { incompleteReason: "content_filter" } })],
    },
  ],
});

rule("rate_limited_in_run", {
  fires: [
    {
      of: "a rate limit",
      spans: [
        agent({ runStatus: "failed", errorCode: "rate_limit_exceeded", errorMessage: "Rate limit reached for gpt-4o" }),
      ],
      says: /rate limit inside the run/,
    },
    {
      of: "the quota",
      spans: [
        agent({
          runStatus: "failed",
          errorCode: "rate_limit_exceeded",
          errorMessage: "You exceeded your current quota, please check",
        }),
      ],
      says: /quota is used up/,
    },
    { of: "a response", spans: [chat({}, { responseStatus: "failed", openai: { errorCode: "rate_limit_exceeded" } })] },
    {
      of: "a refused request out of quota",
      spans: [refused(429, "You exceeded your current quota", {}, "insufficient_quota")],
      says: /quota/,
    },
  ],
  silent: [
    { of: "another failure", spans: [agent({ runStatus: "failed", errorCode: "server_error" })] },
    { of: "a 429 that goes by", spans: [refused(429, "Rate limit reached", {}, "rate_limit_exceeded")] },
  ],
});

rule("billed_failure", {
  fires: [
    {
      of: "a run",
      spans: [agent({ runStatus: "failed", errorCode: "server_error" }), step(1, 1469, 18)],
      says: /server_error after it had used 1487 tokens/,
    },
    {
      of: "a response",
      spans: [chat({ usage: { totalTokens: 5 } }, { responseStatus: "failed", openai: { errorCode: "server_error" } })],
    },
  ],
  silent: [
    { of: "nothing was used", spans: [agent({ runStatus: "failed", errorCode: "server_error" }), step(1, 0, 0)] },
    { of: "no usage is known", spans: [agent({ runStatus: "failed", errorCode: "server_error" })] },
    { of: "completed", spans: [agent(), step(1, 10, 10)] },
  ],
});

const RUNS = "/threads/{thread_id}/runs";
const TAKE = /^Take this run for yours/;
const WAIT = /^Wait for the blocking run to end or cancel it, /;

function conflict(route: string, ...statuses: (number | undefined)[]): SpanRecord {
  return refused(400, "Thread thread_X already has an active run run_Y.", {
    http: { ...attempts(...statuses).http, route, status: 400 },
  });
}

rule("active_run_conflict", {
  fires: [
    {
      of: "a second run",
      spans: [refused(400, "Thread thread_X already has an active run run_Y.")],
      says: /run run_Y is active/,
    },
    { of: "a message", spans: [refused(400, "Can't add messages to thread_X while a run run_Y is active.")] },
    {
      of: "the run that blocks, where it is known",
      spans: [
        openAgent(65, { ...waiting, runId: "run_Y" }),
        refused(400, "Thread thread_X already has an active run run_Y."),
      ],
      says: /last seen in requires_action/,
    },
    { of: "a retried run whose first answer was lost", spans: [conflict(RUNS, undefined, 400)], advises: TAKE },
    { of: "a retried run whose first answer was a 502", spans: [conflict(RUNS, 502, 400)], advises: TAKE },
    { of: "a retried run that had been refused", spans: [conflict(RUNS, 429, 400)], advises: WAIT },
    { of: "a retried message", spans: [conflict("/threads/{thread_id}/messages", 500, 400)], advises: WAIT },
    {
      of: "an error that was caught by the program's own spans, told once",
      spans: caught("400 Thread thread_X already has an active run run_Y."),
    },
  ],
  silent: [{ of: "another refusal", spans: [refused(400, "Cannot update run with status 'in_progress'.")] }],
});

function caught(message: string, code?: string): SpanRecord[] {
  const thrown = { type: "BadRequestError", status: 400, message, ...(code !== undefined && { code }) };
  const error = { status: { code: "error" }, error: thrown } as const;
  const outer = spanAt(1, 3, { name: "ask", ...error });
  return [spanAt(1, 2, { name: "createRun", ...error, parentSpanId: outer.spanId }), outer];
}

rule("late_or_partial_submit", {
  fires: [
    {
      of: "too late",
      spans: [refused(400, 'Runs in status "expired" do not accept tool outputs.')],
      says: /that was expired/,
    },
    {
      of: "not all",
      spans: [refused(400, "Expected tool outputs for call_ids ['call_A', 'call_B'], got ['call_A']")],
      says: /1 of 2 tool calls; missing: call_B/,
    },
  ],
  silent: [{ of: "another refusal", spans: [refused(400, "Thread thread_X already has an active run run_Y.")] }],
});

const asked = [{ role: "user", parts: [text("3x = 3?")] }] as SpanRecord["input"];

rule("completed_without_answer", {
  fires: [
    {
      of: "no message of the run",
      spans: [agent({ missing: "steps: not given" }, { input: asked })],
      says: /no message/,
    },
    { of: "an empty message", spans: [agent({}, { output: said(text("  ")) })], says: /no text/ },
    {
      of: "only a refusal",
      spans: [agent({}, { output: said({ type: "refusal", content: "I can't." }) })],
      says: /refusal/,
    },
    { of: "a chat completion", spans: [chat({ output: said() }, { finishReasons: ["stop"] })] },
  ],
  silent: [
    { of: "an answer", spans: [agent({}, { output: said(text("x = 1")) })] },
    {
      of: "an image is an answer",
      spans: [agent({}, { output: said({ type: "file", modality: "image", file_id: "file_1" }) })],
    },
    { of: "messages that were not read", spans: [agent({}, { input: asked })] },
    { of: "messages that are not recorded", spans: [agent({ missing: "steps: not given" })] },
    {
      of: "calls of tools",
      spans: [
        chat(
          { output: said({ type: "tool_call", id: "c", name: "f", arguments: {} }) },
          { finishReasons: ["tool_call"] },
        ),
      ],
    },
    { of: "outputs that are not captured", spans: [chat({}, { finishReasons: ["stop"] })] },
    { of: "cancelled", spans: [agent({ runStatus: "cancelled", missing: "steps: not given" })] },
  ],
});

rule("stale_answer_read", {
  fires: [
    {
      of: "the newest message is the user's",
      spans: [agent({ runStatus: "failed", missing: "steps: not given" }, { input: asked })],
      says: /of role user/,
    },
  ],
  silent: [
    {
      of: "the answer is there",
      spans: [agent({ missing: "steps: not given" }, { input: asked, output: said(text("x = 1")) })],
    },
    { of: "messages were not read", spans: [agent({ runStatus: "failed" }, { input: asked })] },
    {
      of: "it still goes on",
      spans: [openAgent(5, { runStatus: "in_progress", missing: "steps: not given" }, { input: asked })],
    },
  ],
});

rule("usage_read_too_early", {
  fires: [
    {
      of: "the trace ended before the run",
      spans: [openAgent(5, { runStatus: "in_progress" })],
      says: /while it was in_progress/,
    },
  ],
  silent: [
    { of: "it ended", spans: [agent(), step(1, 10, 10)] },
    { of: "recorded alone, it may be recorded again", spans: [alone(openAgent(5, { runStatus: "queued" }))] },
    { of: "it waits for outputs", spans: [openAgent(5, waiting)] },
    { of: "it was polled, and then left", spans: [openAgent(5, { runStatus: "in_progress" }, polls(3, 1))] },
    { of: "it goes on for too long, as endless_polling tells", spans: [openAgent(660, { runStatus: "in_progress" })] },
  ],
});

const stream = (events: number, end: string, more: object = {}) => ({
  http: http({ stream: { events, end, ...more } as any }),
});

rule("stream_dropped", {
  fires: [
    {
      of: "a run goes on",
      spans: [openAgent(9, { runStatus: "in_progress" }, stream(7, "broken"))],
      says: /broke off after 7 events.*went on as in_progress/,
    },
    {
      of: "its reader left",
      spans: [openAgent(9, { runStatus: "in_progress" }, stream(7, "cancelled"))],
      says: /was left/,
    },
    { of: "a completion broke off", spans: [chat(stream(12, "broken"))], says: /12 events/ },
  ],
  silent: [
    { of: "read to its end", spans: [chat(stream(12, "completed"))] },
    {
      of: "the reader of a completion had enough",
      spans: [chat(stream(12, "cancelled")), chat(stream(12, "aborted"))],
    },
    { of: "a run that asks for outputs", spans: [openAgent(9, waiting, stream(7, "broken"))] },
    { of: "a run that was seen to end", spans: [agent({}, stream(7, "broken"))] },
  ],
});

rule("empty_stream", {
  fires: [
    { of: "no event", spans: [chat(stream(0, "completed"))], says: /without a single event/, severity: "error" },
    { of: "no event, broken", spans: [chat(stream(0, "broken"))] },
  ],
  silent: [
    { of: "events", spans: [chat(stream(1, "completed"))] },
    { of: "nobody waited for the first", spans: [chat(stream(0, "aborted"))] },
  ],
});

rule("event_status_mismatch", {
  fires: [
    {
      of: "completed, said the event",
      spans: [
        agent(
          { runStatus: "incomplete" },
          stream(9, "completed", { mismatch: { event: "thread.run.completed", status: "incomplete" } }),
        ),
      ],
      says: /thread\.run\.completed .* incomplete/,
      severity: "info",
    },
  ],
  silent: [{ of: "they agree", spans: [agent({}, stream(9, "completed"))] }],
});

const tokens = { usage: { inputTokens: 90, outputTokens: 10, totalTokens: 100 } };

rule("double_counting", {
  fires: [
    {
      of: "a run and its steps",
      spans: [agent({}, tokens), step(1, 40, 5), step(2, 50, 5)],
      says: /100 tokens, and the spans below it 100 more/,
    },
    { of: "one call, recorded on two levels", spans: nested(100) },
  ],
  silent: [
    { of: "tokens on the steps only", spans: [agent(), step(1, 40, 5), step(2, 50, 5)] },
    { of: "tokens on the run only", spans: [agent({}, tokens)] },
    { of: "a call that makes others", spans: nested(30) },
    { of: "calls side by side", spans: [chat(tokens), chat(tokens)] },
  ],
});

function nested(total: number): SpanRecord[] {
  const outer = chat(tokens);
  return [outer, chat({ usage: { totalTokens: total }, parentSpanId: outer.spanId })];
}

function attempts(...statuses: (number | undefined)[]) {
  const each = statuses.map((status, i) => ({ ...(status && { status }), durationMs: 100, waitMs: i === 0 ? 0 : 500 }));
  return { http: http({ attempts: each }) };
}

rule("retry_storm", {
  fires: [
    {
      of: "two retries",
      spans: [chat(attempts(500, 503, 200))],
      says: /3 times \(500, 503, 200; waited 1 s\)/,
      severity: "warning",
    },
    {
      of: "three 429 in a minute, over traces",
      spans: [...inTrace(1, refused(429, "a")), ...inTrace(2, refused(429, "b")), ...inTrace(3, refused(429, "c"))],
      says: /3 requests to localhost were answered with 429/,
    },
    {
      of: "no tokens left",
      spans: [chat({ http: http({ rateLimit: { limitTokens: 1000, remainingTokens: 0 } }) })],
      says: /no tokens were left/,
      severity: "info",
    },
    {
      of: "a retried call that began a second run",
      spans: [agent({ runId: "run_lost" }), agent({ runId: "run_2", createdAt: T + 2 }, attempts(undefined, 200))],
      says: /run_2 beside run run_lost/,
    },
  ],
  silent: [
    { of: "one retry", spans: [chat(attempts(500, 200))] },
    {
      of: "429s of two hosts",
      spans: ["a", "b", "c"].map((name, i) =>
        refused(429, name, { http: http({ status: 429, host: i === 0 ? "one.example" : "two.example" }) }),
      ),
    },
    {
      of: "429s far apart",
      spans: [0, 40, 80, 120].map((s) =>
        refused(429, "slow down", { startTime: `${T + s}000000000`, endTime: `${T + s + 1}000000000` }),
      ),
    },
    {
      of: "Azure's zero without a limit",
      spans: [chat({ http: http({ rateLimit: { remainingTokens: 0, limitTokens: -1 } }) })],
    },
    {
      of: "two runs on one thread, one after the other",
      spans: [agent(), agent({ runId: "run_2", createdAt: T + 25 })],
    },
  ],
});

rule("content_filter_or_refusal", {
  fires: [
    { of: "a chat completion", spans: [chat({}, { finishReasons: ["content_filter"] })], says: /content filter/ },
    {
      of: "a response",
      spans: [chat({}, { responseStatus: "incomplete", openai: { incompleteReason: "content_filter" } })],
    },
    { of: "a refusal", spans: [agent({}, { output: said({ type: "refusal", content: "No." }) })], says: /refusal/ },
    {
      of: "a message of a run",
      spans: [
        agent({}, { output: [{ role: "assistant", parts: [text("a")], finish_reason: "content_filter" }] as any }),
      ],
    },
    {
      of: "Azure's filter of prompts",
      spans: [refused(400, "The response was filtered", { type: "generation" }, "content_filter")],
      says: /refused the prompt .* 400 \(content_filter\)/,
      severity: "warning",
    },
    {
      of: "a prompt for an image, whose error the program's own span repeats",
      spans: caught("400 Your request was rejected", "content_policy_violation"),
      says: /content_policy_violation/,
    },
  ],
  silent: [
    { of: "an answer", spans: [chat({ output: said(text("fine")) }, { finishReasons: ["stop"] })] },
    { of: "another bad request", spans: [refused(400, "no content_filter here", {}, "invalid_value")] },
    { of: "a failure of the server", spans: [refused(500, "broken", {}, "content_filter")] },
  ],
});

const calls = (n: number, name: string, input: (i: number) => unknown) =>
  Array.from({ length: n }, (_, i) => tool(i, name, input(i), "not found"));

rule("tool_loop", {
  fires: [
    { of: "many steps", spans: [agent(), ...calls(8, "search", (i) => ({ page: i }))], says: /8 steps \(search\)/ },
    {
      of: "the same again and again",
      spans: [agent(), ...calls(3, "search", () => ({ q: "x" }))],
      says: /search was called 3 times/,
    },
    { of: "in chat completions", spans: conversation(3, (i) => i + 1), says: /look was called 3 times/ },
    {
      of: "many rounds whose steps are not known",
      spans: [agent(), ...calls(8, "search", (page) => ({ page })).map((each) => stepless(each))],
      says: /8 steps/,
    },
    {
      of: "marks and cuts elsewhere than in the arguments",
      spans: [
        agent(),
        ...calls(3, "search", () => ({ q: "x" })).map((each) => ({
          ...each,
          output: "[redacted]",
          cuts: [{ path: "output", reason: "string" as const, size: 90_000 }],
        })),
      ],
      says: /search was called 3 times/,
    },
    {
      of: "in a chain of responses, under spans of their own",
      spans: responses((i) => ({ previousResponseId: `resp_${i - 1}` }), true),
      says: /look was called 3 times/,
    },
    {
      of: "in a conversation",
      spans: responses(() => ({ conversationId: "conv_1", openai: { apiType: "responses" } })),
      says: /look was called 3 times/,
    },
  ],
  silent: [
    { of: "few steps", spans: [agent(), ...calls(7, "search", (i) => ({ page: i }))] },
    { of: "twice the same", spans: [agent(), ...calls(2, "search", () => ({ q: "x" }))] },
    {
      of: "the provider's search, whose query is not told",
      spans: [agent(), ...[1, 2, 3].map(() => server("file_search", "datastore", []))],
    },
    { of: "the same question in three conversations", spans: conversation(3, () => 1) },
    {
      of: "the parallel calls of one round, whose step is not known",
      spans: [agent(), ...calls(8, "search", (page) => ({ page })).map((each) => stepless(each, `${T}000000000`))],
    },
    {
      of: "arguments that were masked",
      spans: [agent(), ...calls(3, "search", () => ({ q: "mail of [email]" }))],
    },
    {
      of: "arguments that were cut",
      spans: [
        agent(),
        ...calls(3, "search", () => ({ q: "x" })).map((each) => ({
          ...each,
          cuts: [{ path: "input.q", reason: "string" as const, size: 90_000 }],
        })),
      ],
    },
    {
      of: "arguments of a call that were cut, of which only the account tells",
      spans: conversation(3, (i) => i + 1).map((each) => ({
        ...each,
        cuts: [{ path: "output[0].parts[0].arguments.day", reason: "depth" as const }],
      })),
    },
    { of: "arguments that are not recorded", spans: [agent(), ...calls(3, "search", () => undefined)] },
    {
      of: "conversations side by side, each with its own response before",
      spans: responses((i) => ({ previousResponseId: `resp_of_user_${i}` })),
    },
    {
      of: "conversations side by side, by their ids",
      spans: responses((i) => ({ conversationId: `conv_${i}`, openai: { apiType: "responses" } })),
    },
    { of: "several ways on from one response", spans: responses(() => ({ previousResponseId: "resp_before" })) },
  ],
});

/** The run's step is not known: what the wire saw of a run that asks for outputs. */
function stepless(record: SpanRecord, startTime = record.startTime): SpanRecord {
  return { ...record, startTime, genAi: { ...record.genAi, openai: { runId: "run_1" } } };
}

/** Three responses that call the same function. */
function responses(link: (i: number) => object, isApart = false): SpanRecord[] {
  return conversation(3, () => 1).map((record, i) => ({
    ...record,
    genAi: { ...record.genAi, responseId: `resp_${i}`, ...link(i) },
    ...(isApart && { parentSpanId: `${i}`.repeat(16) }),
  }));
}

function conversation(n: number, messages: (i: number) => number): SpanRecord[] {
  return Array.from({ length: n }, (_, i) =>
    chat({
      startTime: `${T + i}000000000`,
      input: Array(messages(i)).fill({ role: "user", parts: [] }) as any,
      output: said({ type: "tool_call", id: `call_${i}`, name: "look", arguments: { day: 1 } }),
    }),
  );
}

rule("bad_tool_arguments", {
  fires: [
    { of: "a tool of a run", spans: [agent(), tool(1, "check", "{x:", "wrong")], says: /check with arguments/ },
    {
      of: "a call that nobody made, told once",
      spans: [chat({ output: said({ type: "tool_call", id: "c1", name: "check", arguments: '{"x":' }) })],
    },
    {
      of: "the call and its execution",
      spans: [
        step(1, 10, 10, { output: said({ type: "tool_call", id: "c1", name: "check", arguments: "{x:" }) }),
        tool(2, "check", "{x:", "wrong", {
          genAi: { openai: { runId: "run_1" }, tool: { name: "check", type: "function", callId: "c1" } },
        }),
      ],
    },
  ],
  silent: [
    { of: "JSON", spans: [agent(), tool(1, "check", { x: 1 }, "right"), tool(2, "now", "", "12:00")] },
    { of: "code is no JSON", spans: [agent(), server("code_interpreter", "extension", [])] },
    {
      of: "a custom tool takes text",
      spans: [
        chat(
          { output: said({ type: "tool_call", id: "c1", name: "sql", arguments: "{ select 1 }" }) },
          { toolDefinitions: [{ type: "custom", name: "sql" }] as any },
        ),
      ],
    },
  ],
});

rule("api_gone", {
  fires: [
    {
      of: "OpenAI",
      spans: [refused(404, "Not found", { http: http({ status: 404, route: "/threads/{thread_id}/runs" }) })],
      says: /switched off on 2026-08-26/,
    },
    {
      of: "Azure",
      spans: [
        refused(404, "Resource not found", {
          http: http({ status: 404, route: "/assistants", host: "mine.openai.azure.com" }),
        }),
      ],
    },
    {
      of: "a caught error that names the address",
      spans: [
        spanAt(1, 2, {
          name: "ask",
          status: { code: "error" },
          error: { type: "NotFoundError", status: 404, message: "404 Invalid URL (POST /v1/threads)" },
        }),
      ],
    },
  ],
  silent: [
    {
      of: "a host that still has it",
      spans: [refused(404, "No thread found", { http: http({ status: 404, route: "/threads", host: "localhost" }) })],
    },
    {
      of: "another path",
      spans: [refused(404, "The model does not exist", { http: http({ status: 404, route: "/chat/completions" }) })],
    },
    {
      of: "a wrong id, while the API was there",
      spans: [
        refused(404, "No thread found with id 'thread_X'.", {
          startTime: "1774963844000000000",
          http: http({ status: 404, route: "/threads/{thread_id}" }),
        }),
      ],
    },
  ],
});

/** Calls of so many input tokens, some of them cached, one each in traces one after another. */
function cached(inputs: readonly number[], read: (i: number) => number | undefined = () => 0): SpanRecord[] {
  return inputs.flatMap((inputTokens, i) => {
    const cacheReadInputTokens = read(i);
    const usage = { inputTokens, ...(cacheReadInputTokens !== undefined && { cacheReadInputTokens }) };
    return inTrace(i + 1, chat({ usage, startTime: `${T + i * 60}000000000`, endTime: `${T + i * 60 + 1}000000000` }));
  });
}

rule("cache_never_hits", {
  fires: [
    {
      of: "five large prompts",
      spans: cached(Array(5).fill(2000)),
      says: /5 calls of gpt-4\.1 .* 10000 input tokens/,
      severity: "info",
    },
    { of: "told once", spans: cached(Array(9).fill(2000)) },
  ],
  silent: [
    { of: "four", spans: cached(Array(4).fill(2000)) },
    { of: "small prompts", spans: cached(Array(9).fill(1000)) },
    { of: "a hit now and then", spans: cached(Array(9).fill(2000), (i) => (i % 4 === 3 ? 1024 : 0)) },
    { of: "a provider that does not tell", spans: cached(Array(9).fill(2000), () => undefined) },
    { of: "hours apart", spans: cached(Array(9).fill(2000)), options: { cacheWindowMs: 120_000 } },
    {
      of: "the steps of one run",
      spans: [
        agent(),
        ...Array.from({ length: 7 }, (_, i) =>
          step(i, 2000 + i * 100, 10, {
            usage: { inputTokens: 2000 + i * 100, outputTokens: 10, cacheReadInputTokens: 0 },
          }),
        ),
      ],
    },
  ],
});

const background = { responseId: "resp_1", responseStatus: "in_progress", openai: { background: true } } as const;

rule("background_abandoned", {
  fires: [
    { of: "the trace ended before it", spans: [chat({ unfinished: true }, background)], says: /was still in_progress/ },
  ],
  silent: [
    { of: "it was waited for", spans: [chat(tokens, { ...background, responseStatus: "completed" })] },
    { of: "it is not in the background", spans: [chat({ unfinished: true }, { ...background, openai: {} })] },
  ],
});

rule("queue_delay", {
  fires: [
    { of: "more than ten seconds", spans: [agent({ startedAt: T + 14 })], says: /queued for 14 s/, severity: "info" },
  ],
  silent: [
    { of: "a second", spans: [agent({ startedAt: T + 1 })] },
    {
      of: "started_at was rewritten after tool outputs",
      spans: [agent({ startedAt: T + 15 }), step(1, 10, 10), tool(1, "f", {}, "1")],
    },
    {
      of: "or may have been",
      spans: [
        agent(
          { startedAt: T + 15 },
          {
            genAi: {
              toolDefinitions: [{ type: "function", name: "f" }] as any,
              openai: { runId: "run_1", createdAt: T, startedAt: T + 15, runStatus: "completed" },
            },
          },
        ),
      ],
    },
    { of: "more is allowed", spans: [agent({ startedAt: T + 14 })], options: { queueAfterMs: 20_000 } },
  ],
});

test("every rule is tried, and has a name of its own", () => {
  assert.deepEqual([...tried].sort(), [...RULES].sort());
  assert.equal(new Set(RULES).size, 26);
});

test("a rule that is off stays silent", () => {
  const spans = [openAgent(65, waiting), chat({}, { finishReasons: ["length"] }), root()];
  assert.deepEqual(
    findings(spans, { nowMs: NOW }).map(({ name }) => name),
    ["stuck_in_requires_action", "incomplete_token_cap"],
  );
  assert.deepEqual(
    findings(spans, { off: ["incomplete_token_cap"] }).map(({ name }) => name),
    ["stuck_in_requires_action"],
  );
});

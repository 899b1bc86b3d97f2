import type { MessageLike, RunLike, RunStepLike } from "sightline/openai";

/** 2026-03-31, in seconds. */
export const T0 = 1_774_963_844;

type Wire = Record<string, any>;

const usage = (prompt: number, completion: number, cached = 0, reasoning = 0): Wire => ({
  prompt_tokens: prompt,
  completion_tokens: completion,
  total_tokens: prompt + completion,
  prompt_token_details: { cached_tokens: cached },
  completion_tokens_details: { reasoning_tokens: reasoning },
});

/** A run as the wire has it; completed after 12 seconds unless `part` says otherwise. */
export function aRun(part: Wire = {}): RunLike & Wire {
  return {
    id: "run_31fgVjfVXHHOJZbQnBWJXhlN",
    object: "thread.run",
    created_at: T0,
    assistant_id: "asst_tutor",
    thread_id: "thread_algebra",
    status: "completed",
    started_at: T0 + 1,
    expires_at: null,
    cancelled_at: null,
    failed_at: null,
    completed_at: T0 + 12,
    required_action: null,
    last_error: null,
    model: "gpt-4o-mini",
    instructions: "You are a personal math tutor.",
    tools: [{ type: "code_interpreter" }],
    tool_resources: {},
    metadata: {},
    temperature: 1,
    top_p: 1,
    reasoning_effort: null,
    max_completion_tokens: null,
    max_prompt_tokens: null,
    truncation_strategy: { type: "auto", last_messages: null },
    incomplete_details: null,
    usage: usage(1500, 130, 1024, 40),
    response_format: "auto",
    tool_choice: "auto",
    parallel_tool_calls: true,
    ...part,
  };
}

export function aStep(part: Wire & { id: string }): RunStepLike & Wire {
  return {
    object: "thread.run.step",
    run_id: "run_31fgVjfVXHHOJZbQnBWJXhlN",
    assistant_id: "asst_tutor",
    thread_id: "thread_algebra",
    type: "tool_calls",
    status: "completed",
    created_at: T0 + 1,
    completed_at: T0 + 4,
    failed_at: null,
    cancelled_at: null,
    expires_at: null,
    last_error: null,
    usage: null,
    ...part,
  };
}

/** The steps of `aRun()`, oldest first; their tokens add up to the run's. */
export const steps: readonly (RunStepLike & Wire)[] = [
  aStep({
    id: "step_1",
    usage: usage(400, 60, 0, 40),
    step_details: {
      type: "tool_calls",
      tool_calls: [
        { id: "call_code", type: "code_interpreter", code_interpreter: { input: "print((14 - 11) / 3)", outputs: [] } },
        {
          id: "call_search",
          type: "file_search",
          file_search: {
            ranking_options: { ranker: "default_2024_08_21", score_threshold: 0 },
            results: [{ file_id: "file-1", file_name: "algebra.txt", score: 0.8, attributes: {} }],
          },
        },
      ],
    },
  }),
  aStep({
    id: "step_2",
    created_at: T0 + 4,
    completed_at: T0 + 10,
    usage: usage(500, 30, 512),
    step_details: {
      type: "tool_calls",
      tool_calls: [
        { id: "call_fn", type: "function", function: { name: "check", arguments: '{"x":1}', output: "right" } },
        { id: "call_bad", type: "function", function: { name: "check", arguments: "{x:", output: "wrong" } },
      ],
    },
  }),
  aStep({
    id: "step_3",
    type: "message_creation",
    created_at: T0 + 10,
    completed_at: T0 + 12,
    usage: usage(600, 40, 512),
    step_details: { type: "message_creation", message_creation: { message_id: "msg_answer" } },
  }),
];

export function aMessage(id: string, at: number, role: string, text: string, part: Wire = {}): MessageLike & Wire {
  return {
    id,
    object: "thread.message",
    created_at: at,
    thread_id: "thread_algebra",
    role,
    run_id: null,
    assistant_id: null,
    content: [{ type: "text", text: { value: text, annotations: [] } }],
    ...part,
  };
}

const own = { run_id: "run_31fgVjfVXHHOJZbQnBWJXhlN", assistant_id: "asst_tutor" };

/** The thread as it is some time after `aRun()`, oldest first: an older run, this run, a newer question and its answer. */
export const messages: readonly (MessageLike & Wire)[] = [
  aMessage("msg_1", T0 - 90, "user", "Hello"),
  aMessage("msg_2", T0 - 80, "assistant", "How can I help?", { run_id: "run_older" }),
  aMessage("msg_3", T0 - 1, "user", "Solve 3x + 11 = 14."),
  aMessage("msg_answer", T0 + 11, "assistant", "x = 1.", own),
  aMessage("msg_plot", T0 + 11, "assistant", "", {
    ...own,
    content: [
      { type: "image_file", image_file: { file_id: "file-plot" } },
      {
        type: "text",
        text: { value: "See the plot.", annotations: [{ type: "file_citation", text: "【4:0†a.txt】" }] },
      },
    ],
  }),
  aMessage("msg_6", T0 + 60, "user", "Thanks. And 2x = 4?"),
  aMessage("msg_7", T0 + 70, "assistant", "x = 2.", { run_id: "run_newer" }),
];

/** One page as `await list()` gives it. */
export function page<T>(data: readonly T[], part: Wire = {}): { data: readonly T[] } & Wire {
  return { object: "list", data, has_more: false, ...part };
}

/** The same object as Azure's clients have it: camelCase names and `Date` times. */
export function azure(value: unknown, key = ""): any {
  if (Array.isArray(value)) return value.map((item) => azure(item));
  if (typeof value === "number" && /_at$/.test(key)) return new Date(value * 1000);
  if (typeof value !== "object" || value === null) return value;
  const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [camel(name), azure(part, name)]));
}

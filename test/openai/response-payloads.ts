import type { ResponseLike } from "sightline/openai";

/** 2026-03-31, in seconds. */
export const T0 = 1_774_963_844;

export type Wire = Record<string, any>;

export const ns = (seconds: number): string => `${seconds}000000000`;

export function tokens(input: number, output: number, cached = 0, reasoning = 0): Wire {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

export function said(content: string, annotations: readonly Wire[] = []): Wire {
  const part = { type: "output_text", text: content, annotations, logprobs: [] };
  return { id: "msg_1", type: "message", status: "completed", role: "assistant", content: [part] };
}

/** A response as the wire has it; completed after 3 seconds unless `part` says otherwise. */
export function aResponse(part: Wire = {}): ResponseLike & Wire {
  return {
    id: "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
    object: "response",
    created_at: T0,
    completed_at: T0 + 3,
    status: "completed",
    background: false,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    model: "gpt-5-2025-08-07",
    output: [said("x = 1.")],
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: true,
    temperature: 1,
    text: { format: { type: "text" } },
    tool_choice: "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    usage: tokens(36, 87),
    user: null,
    metadata: {},
    ...part,
  };
}

/** The same object in camelCase with `Date` times. */
export function camel(value: unknown, key = ""): any {
  if (Array.isArray(value)) return value.map((item) => camel(item));
  if (typeof value === "number" && /_at$/.test(key)) return new Date(value * 1000);
  if (typeof value !== "object" || value === null) return value;
  const name = (snake: string) => snake.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(value).map(([snake, part]) => [name(snake), camel(part, snake)]));
}

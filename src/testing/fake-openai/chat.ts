import { badRequest, type Reply, type Routes, type SentEvent, type Wire, type World } from "./http.ts";
import { lastQuestion, pieces, reasoningTokens, sample, tokens, truncate } from "./text.ts";

/** `POST /chat/completions`, at once or streamed, with tool calls and JSON answers. */
export function chatRoutes(world: World): Routes {
  return {
    "POST /chat/completions": ({ body }) => {
      if (!Array.isArray(body.messages)) throw badRequest("Missing required parameter: 'messages'.");
      const completion = complete(world, body);
      return body.stream === true ? stream(completion, body) : { json: completion, headers: rateLimit() };
    },
  };
}

/** Only chat and Responses say how much is left; the reset times are Go durations. */
export function rateLimit(): { [name: string]: string } {
  return {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "30000",
    "x-ratelimit-remaining-tokens": "29900",
    "x-ratelimit-reset-tokens": "6m0s",
  };
}

function complete(world: World, body: Wire): Wire {
  const { model, messages } = body;
  const question = lastQuestion(messages);
  const message: Wire = { role: "assistant", content: null, refusal: null, annotations: [] };
  let finish_reason = "stop";
  if (body.tools?.length > 0 && body.tool_choice !== "none" && messages.at(-1)?.role !== "tool") {
    finish_reason = "tool_calls";
    message.tool_calls = body.tools.map(({ function: { name, parameters } }: Wire) => ({
      id: world.id("call_"),
      type: "function",
      function: { name, arguments: JSON.stringify(sample(parameters, question)) },
    }));
  } else {
    const limit = body.max_completion_tokens ?? body.max_tokens;
    const { text, cut } = truncate(formatted(world.answer(question), body.response_format), limit);
    message.content = text;
    if (cut) finish_reason = "length";
  }
  const prompt_tokens = tokens(messages, body.tools);
  const reasoning_tokens = reasoningTokens(model);
  const completion_tokens = tokens(message.content, message.tool_calls) + reasoning_tokens;
  return {
    id: world.id("chatcmpl-"),
    object: "chat.completion",
    created: world.now(),
    model,
    choices: [{ index: 0, message, logprobs: null, finish_reason }],
    usage: {
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    service_tier: "default",
    system_fingerprint: "fp_0000000000",
  };
}

/** The answer in the form that the request asks for. */
export function formatted(answer: string, format: Wire | undefined): string {
  if (format?.type === "json_object") return JSON.stringify({ answer });
  if (format?.type === "json_schema")
    return JSON.stringify(sample(format.json_schema?.schema ?? format.schema, answer));
  return answer;
}

function stream(completion: Wire, body: Wire): Reply {
  const { id, created, model, service_tier, system_fingerprint, usage } = completion;
  const { message, finish_reason } = completion.choices[0];
  const withUsage = body.stream_options?.include_usage === true;
  const head = { id, object: "chat.completion.chunk", created, model, service_tier, system_fingerprint };
  const chunk = (delta: Wire, finish: string | null = null): SentEvent => {
    const choices = [{ index: 0, delta, logprobs: null, finish_reason: finish }];
    return { data: { ...head, choices, ...(withUsage && { usage: null }) } };
  };
  const events = [chunk({ role: "assistant", content: message.content === null ? null : "", refusal: null })];
  for (const content of pieces(message.content ?? "")) events.push(chunk({ content }));
  message.tool_calls?.forEach((call: Wire, index: number) => {
    const { name, arguments: args } = call.function;
    events.push(chunk({ tool_calls: [{ index, ...call, function: { name, arguments: "" } }] }));
    for (const piece of pieces(args)) events.push(chunk({ tool_calls: [{ index, function: { arguments: piece } }] }));
  });
  events.push(chunk({}, finish_reason));
  if (withUsage) events.push({ data: { ...head, choices: [], usage } });
  return { events: [...events, { data: "[DONE]" }], headers: rateLimit() };
}

import { argumentsText, type ModelAnswer, type PlannedCall, sampleCalls } from "./answer.ts";
import { chatEvents } from "./chat-stream.ts";
import { badRequest, type Routes, type Wire, type World } from "./http.ts";
import { modelBehind } from "./models.ts";
import { lastQuestion, reasoningTokens, sample, tokens, truncate } from "./text.ts";

/** `POST /chat/completions`, at once or streamed, with tool calls and JSON answers. */
export function chatRoutes(world: World): Routes {
  return {
    "POST /chat/completions": ({ body, isAzure }) => {
      if (!Array.isArray(body.messages)) throw badRequest("Missing required parameter: 'messages'.");
      const question = lastQuestion(body.messages);
      const said = world.answer(question, body);
      const completion = complete(world, body, said, question);
      if (isAzure) azure(completion);
      const headers = rateLimit();
      return body.stream === true
        ? { events: chatEvents(completion, body, said), headers }
        : { json: completion, headers };
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

function complete(world: World, body: Wire, said: ModelAnswer, question: string): Wire {
  const { model, messages } = body;
  const choices = Array.from({ length: body.n ?? 1 }, (_, index) => choice(world, body, said, question, index));
  const prompt_tokens = tokens(messages, body.tools);
  const reasoning_tokens = reasoningTokens(model) + tokens(said.reasoning);
  const spoken = choices.map(({ message }) => tokens(message.content, message.refusal, message.tool_calls));
  const completion_tokens = spoken.reduce((a, b) => a + b) + reasoning_tokens;
  return {
    id: world.id("chatcmpl-"),
    object: "chat.completion",
    created: world.now(),
    model,
    choices,
    usage: {
      prompt_tokens,
      completion_tokens,
      total_tokens: prompt_tokens + completion_tokens,
      prompt_tokens_details: { cached_tokens: Math.min(said.cachedTokens ?? 0, prompt_tokens), audio_tokens: 0 },
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

function choice(world: World, body: Wire, said: ModelAnswer, question: string, index: number): Wire {
  const message: Wire = { role: "assistant", content: null, refusal: said.refusal ?? null, annotations: [] };
  if (said.reasoning !== undefined) message.reasoning_content = said.reasoning;
  let finish_reason: string = said.finish ?? "stop";
  const calls = said.calls ?? (awaitsCalls(body) ? sampleCalls(functionsOf(body), body, question) : []);
  if (calls.length > 0) {
    finish_reason = said.finish ?? "tool_calls";
    message.tool_calls = calls.map((call) => toolCall(world, call));
  } else if (said.refusal === undefined) {
    const limit = body.max_completion_tokens ?? body.max_tokens;
    const { text, cut } = truncate(formatted(said.text ?? "", body.response_format), limit);
    message.content = text;
    if (cut) finish_reason = "length";
  }
  return { index, message, logprobs: null, finish_reason };
}

function toolCall(world: World, call: PlannedCall): Wire {
  return { id: world.id("call_"), type: "function", function: { name: call.name, arguments: argumentsText(call) } };
}

function functionsOf(body: Wire): Wire[] {
  return (body.tools ?? []).filter((tool: Wire) => tool.type === "function").map((tool: Wire) => tool.function);
}

function awaitsCalls({ tool_choice, messages }: Wire): boolean {
  return tool_choice !== "none" && messages.at(-1)?.role !== "tool";
}

/** The answer in the form that the request asks for. */
export function formatted(answer: string, format: Wire | undefined): string {
  if (format?.type === "json_object") return JSON.stringify({ answer });
  if (format?.type === "json_schema")
    return JSON.stringify(sample(format.json_schema?.schema ?? format.schema, answer));
  return answer;
}

/** What Azure says otherwise: the model behind the deployment, and what its filters found. */
function azure(completion: Wire): void {
  completion.model = modelBehind(completion.model);
  const harmless = { filtered: false, severity: "safe" };
  const content_filter_results = { hate: harmless, self_harm: harmless, sexual: harmless, violence: harmless };
  completion.prompt_filter_results = [{ prompt_index: 0, content_filter_results }];
  for (const choice of completion.choices) choice.content_filter_results = content_filter_results;
}

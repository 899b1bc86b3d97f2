import { argumentsText, type ModelAnswer, sampleCalls } from "./answer.ts";
import { formatted } from "./chat.ts";
import type { Wire, World } from "./http.ts";
import { citations, serverToolItems } from "./response-tools.ts";
import { lastQuestion, reasoningTokens, tokens, truncate } from "./text.ts";

/**
 * How responses end.
 *
 * - `completed`
 * - `incomplete`: cut at half of the answer, as by `max_output_tokens`; `content_filter`: stopped by it
 * - `failed`: `server_error`, with a usage of null; in the HTTP status there is nothing of it
 * - `cancelled`: with a usage of null
 * - `queued`, `in_progress`: for ever, when it is made in the background
 */
export type ResponseEnding =
  | "completed"
  | "incomplete"
  | "content_filter"
  | "failed"
  | "cancelled"
  | "queued"
  | "in_progress";

/** The response that a request leads to in the end. `history` is what was said before it, `items` what it adds. */
export function newResponse(
  world: World,
  body: Wire,
  history: readonly Wire[],
  items: readonly Wire[],
  ending: ResponseEnding,
): Wire {
  const question = lastQuestion(items);
  const said = world.answer(question, body);
  const output = outputItems(world, body, items, question, said, ending);
  const stopped = ending === "failed" || ending === "cancelled";
  const isCut = output.some((item) => item.status === "incomplete");
  const status = stopped ? ending : isCut || ending === "content_filter" ? "incomplete" : "completed";
  const reason =
    ending === "content_filter" || said.finish === "content_filter" ? "content_filter" : "max_output_tokens";
  const input_tokens = tokens(body.instructions, [...history, ...items], body.tools);
  const reasoning_tokens = reasoningTokens(body.model) + tokens(said.reasoning);
  const output_tokens = tokens(...output.map(spokenOf)) + reasoning_tokens;
  const searches = output.filter(({ type }) => type === "web_search_call").length;
  return {
    id: world.id("resp_"),
    object: "response",
    created_at: world.now(),
    status,
    background: body.background ?? false,
    completed_at: status === "completed" ? world.now() : null,
    conversation: body.conversation ? { id: body.conversation.id ?? body.conversation } : null,
    error: ending === "failed" ? FAILURE : null,
    incomplete_details: status === "incomplete" ? { reason } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: body.model,
    output: stopped ? [] : output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
    service_tier: "default",
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: body.text ?? { format: { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    ...(searches > 0 && { tool_usage: { web_search: { num_requests: searches } } }),
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: body.truncation ?? "disabled",
    usage: stopped
      ? null
      : {
          input_tokens,
          input_tokens_details: { cached_tokens: Math.min(said.cachedTokens ?? 0, input_tokens) },
          output_tokens,
          output_tokens_details: { reasoning_tokens },
          total_tokens: input_tokens + output_tokens,
        },
    user: body.user ?? null,
    metadata: body.metadata ?? {},
  };
}

const FAILURE: Wire = { code: "server_error", message: "The model failed to generate a response." };

/** A response that is not over: without what only its end will tell. */
export function unfinished(response: Wire, status: "queued" | "in_progress"): Wire {
  const rest = { completed_at: null, error: null, incomplete_details: null, output: [], usage: null };
  const { tool_usage, ...known } = response;
  return { ...known, status, ...rest };
}

function outputItems(
  world: World,
  body: Wire,
  items: readonly Wire[],
  question: string,
  said: ModelAnswer,
  ending: ResponseEnding,
): Wire[] {
  const thought = said.reasoning === undefined ? [] : [reasoningItem(world, said.reasoning)];
  const functions = (body.tools ?? []).filter((tool: Wire) => tool.type === "function");
  const isAwaited = body.tool_choice !== "none" && items.at(-1)?.type !== "function_call_output";
  const calls = said.calls ?? (isAwaited ? sampleCalls(functions, body, question) : []);
  if (calls.length > 0) {
    const called = calls.map((call) => ({
      id: world.id("fc_"),
      type: "function_call",
      status: "completed",
      call_id: world.id("call_"),
      name: call.name,
      arguments: argumentsText(call),
    }));
    return [...thought, ...called];
  }
  const tools = serverToolItems(world, body, question);
  return [...thought, ...tools, message(world, body, said, ending, citations(tools))];
}

function message(world: World, body: Wire, said: ModelAnswer, ending: ResponseEnding, annotations: Wire[]): Wire {
  const head = { id: world.id("msg_"), type: "message", role: "assistant" };
  const { refusal } = said;
  if (refusal !== undefined) return { ...head, status: "completed", content: [{ type: "refusal", refusal }] };
  const full = formatted(said.text ?? "", body.text?.format);
  const isStopped = ending === "incomplete" || ending === "content_filter" || said.finish !== undefined;
  const { text, cut } = truncate(full, isStopped ? Math.ceil(tokens(full) / 2) : body.max_output_tokens);
  const content = [{ type: "output_text", text, annotations, logprobs: [] }];
  return { ...head, status: cut || isStopped ? "incomplete" : "completed", content };
}

function reasoningItem(world: World, text: string): Wire {
  return { id: world.id("rs_"), type: "reasoning", summary: [{ type: "summary_text", text }] };
}

/** What an item adds to the output tokens. */
function spokenOf({ content, arguments: args, code }: Wire): string | undefined {
  return content?.[0]?.text ?? content?.[0]?.refusal ?? args ?? code;
}

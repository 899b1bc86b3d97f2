import { formatted, rateLimit } from "./chat.ts";
import { badRequest, type Reply, type Routes, type SentEvent, type Wire, type World } from "./http.ts";
import { lastQuestion, pieces, reasoningTokens, sample, tokens, truncate } from "./text.ts";

/** `POST /responses`, at once or streamed, with function calls and JSON answers. */
export function responseRoutes(world: World): Routes {
  return {
    "POST /responses": ({ body }) => {
      if (body.input === undefined) throw badRequest("Missing required parameter: 'input'.");
      const response = respond(world, body);
      return body.stream === true ? stream(response) : { json: response, headers: rateLimit() };
    },
  };
}

function respond(world: World, body: Wire): Wire {
  const { model } = body;
  const items: Wire[] = typeof body.input === "string" ? [{ role: "user", content: body.input }] : body.input;
  const question = lastQuestion(items);
  const functions = (body.tools ?? []).filter((tool: Wire) => tool.type === "function");
  let output: Wire[];
  let cut = false;
  if (functions.length > 0 && body.tool_choice !== "none" && items.at(-1)?.type !== "function_call_output") {
    output = functions.map(({ name, parameters }: Wire) => ({
      id: world.id("fc_"),
      type: "function_call",
      status: "completed",
      call_id: world.id("call_"),
      name,
      arguments: JSON.stringify(sample(parameters, question)),
    }));
  } else {
    const answer = truncate(formatted(world.answer(question), body.text?.format), body.max_output_tokens);
    cut = answer.cut;
    const content = [{ type: "output_text", text: answer.text, annotations: [], logprobs: [] }];
    const status = cut ? "incomplete" : "completed";
    output = [{ id: world.id("msg_"), type: "message", status, role: "assistant", content }];
  }
  const input_tokens = tokens(body.instructions, items, body.tools);
  const reasoning_tokens = reasoningTokens(model);
  const output_tokens = tokens(...output.map((item) => item.content?.[0].text ?? item.arguments)) + reasoning_tokens;
  const created_at = world.now();
  return {
    id: world.id("resp_"),
    object: "response",
    created_at,
    status: cut ? "incomplete" : "completed",
    background: false,
    completed_at: cut ? null : created_at,
    error: null,
    incomplete_details: cut ? { reason: "max_output_tokens" } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model,
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: { effort: null, summary: null },
    service_tier: "default",
    store: body.store ?? true,
    temperature: body.temperature ?? 1,
    text: body.text ?? { format: { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    truncation: "disabled",
    usage: {
      input_tokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens,
      output_tokens_details: { reasoning_tokens },
      total_tokens: input_tokens + output_tokens,
    },
    user: null,
    metadata: body.metadata ?? {},
  };
}

function stream(response: Wire): Reply {
  const events: SentEvent[] = [];
  const emit = (type: string, fields: Wire) =>
    events.push({ event: type, data: { type, sequence_number: events.length, ...fields } });
  const begun = { ...response, status: "in_progress", completed_at: null, output: [], usage: null };
  emit("response.created", { response: begun });
  emit("response.in_progress", { response: begun });
  response.output.forEach((item: Wire, output_index: number) => {
    const at = { output_index, item_id: item.id };
    const isCall = item.type === "function_call";
    const empty = isCall ? { arguments: "" } : { content: [] };
    emit("response.output_item.added", { output_index, item: { ...item, status: "in_progress", ...empty } });
    if (isCall) {
      for (const delta of pieces(item.arguments)) emit("response.function_call_arguments.delta", { ...at, delta });
      const { name, arguments: args } = item;
      emit("response.function_call_arguments.done", { ...at, name, arguments: args });
    } else {
      const [part] = item.content;
      const inside = { ...at, content_index: 0 };
      emit("response.content_part.added", { ...inside, part: { ...part, text: "" } });
      for (const delta of pieces(part.text)) emit("response.output_text.delta", { ...inside, delta, logprobs: [] });
      emit("response.output_text.done", { ...inside, text: part.text, logprobs: [] });
      emit("response.content_part.done", { ...inside, part });
    }
    emit("response.output_item.done", { output_index, item });
  });
  emit(`response.${response.status}`, { response });
  return { events, headers: rateLimit() };
}

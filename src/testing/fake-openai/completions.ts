import { rateLimit } from "./chat.ts";
import { badRequest, type Routes, type SentEvent, type Wire, type World } from "./http.ts";
import { pieces, tokens, truncate } from "./text.ts";

/** `POST /completions`, the endpoint from before chat, at once or streamed. */
export function completionRoutes(world: World): Routes {
  return {
    "POST /completions": ({ body }) => {
      if (body.prompt === undefined) throw badRequest("Missing required parameter: 'prompt'.");
      const prompts: string[] = Array.isArray(body.prompt) ? body.prompt : [body.prompt];
      const choices = prompts.map((prompt, index) => {
        const { text, cut } = truncate(world.answer(String(prompt), body).text ?? "", body.max_tokens);
        return { text, index, logprobs: null, finish_reason: cut ? "length" : "stop" };
      });
      const [prompt_tokens, completion_tokens] = [tokens(...prompts), tokens(...choices.map(({ text }) => text))];
      const head = { id: world.id("cmpl-"), object: "text_completion", created: world.now(), model: body.model };
      const usage = { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
      const headers = rateLimit();
      if (body.stream !== true) return { json: { ...head, choices, usage }, headers };
      const withUsage = body.stream_options?.include_usage === true;
      return { events: streamed(head, choices, withUsage ? usage : undefined), headers };
    },
  };
}

function streamed(head: Wire, choices: readonly Wire[], usage: Wire | undefined): SentEvent[] {
  const events: SentEvent[] = choices.flatMap((choice) => [
    ...pieces(choice.text).map((text) => ({ data: { ...head, choices: [{ ...choice, text, finish_reason: null }] } })),
    { data: { ...head, choices: [{ ...choice, text: "" }] } },
  ]);
  if (usage) events.push({ data: { ...head, choices: [], usage } });
  return [...events, { data: "[DONE]" }];
}

import type { ModelAnswer } from "./answer.ts";
import type { SentEvent, Wire } from "./http.ts";
import { pieces } from "./text.ts";

/** The chunks of a completion; its usage comes in a last one without choices, when the request asks for it. */
export function chatEvents(completion: Wire, body: Wire, said: ModelAnswer): SentEvent[] {
  const { id, created, model, service_tier, system_fingerprint, usage, choices, prompt_filter_results } = completion;
  const withUsage = body.stream_options?.include_usage === true;
  const head = { id, object: "chat.completion.chunk", created, model, service_tier, system_fingerprint };
  const events: SentEvent[] = [];
  if (prompt_filter_results) {
    const unknown = { id: "", object: "", created: 0, model: "" };
    events.push({ data: { ...unknown, choices: [], prompt_filter_results } });
  }
  for (const { index, message, finish_reason } of choices) {
    const send = (delta: Wire, finish: string | null = null) => {
      const part = { index, delta, logprobs: null, finish_reason: finish };
      events.push({ data: { ...head, choices: [part], ...(withUsage && { usage: null }) } });
    };
    const { content, refusal, reasoning_content } = message;
    send({ role: "assistant", content: content === null ? null : "", refusal: null });
    for (const piece of pieces(reasoning_content ?? "")) send({ reasoning_content: piece });
    for (const piece of pieces(content ?? "")) send({ content: piece });
    for (const piece of pieces(refusal ?? "")) send({ refusal: piece });
    for (const tool_calls of callDeltas(message.tool_calls ?? [], said.isInterleaved === true)) send({ tool_calls });
    send({}, finish_reason);
  }
  if (withUsage) events.push({ data: { ...head, choices: [], usage } });
  return [...events, { data: "[DONE]" }];
}

/** Only the first delta of a call has its id and name; after that its index tells whose arguments go on. */
function callDeltas(calls: readonly Wire[], isInterleaved: boolean): Wire[][] {
  const each = calls.map((call, index) => {
    const { name, arguments: args } = call.function;
    const begun = { index, ...call, function: { name, arguments: "" } };
    return [begun, ...pieces(args).map((piece) => ({ index, function: { arguments: piece } }))];
  });
  if (!isInterleaved) return each.flat().map((delta) => [delta]);
  const longest = Math.max(0, ...each.map((deltas) => deltas.length));
  const turns = Array.from({ length: longest }, (_, i) => each.flatMap((deltas) => deltas[i] ?? []));
  return turns.flat().map((delta) => [delta]);
}

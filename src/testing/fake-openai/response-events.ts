import type { SentEvent, Wire } from "./http.ts";
import { unfinished } from "./response.ts";
import { pieces } from "./text.ts";

type Send = (type: string, fields: Wire) => void;

/** Every event of a response, from `response.created` to its end. */
export function responseEvents(response: Wire): SentEvent[] {
  const events: SentEvent[] = [];
  const send: Send = (type, fields) => {
    events.push({ event: type, data: { type, sequence_number: events.length, ...fields } });
  };
  const isQueued = response.background === true;
  send("response.created", { response: unfinished(response, isQueued ? "queued" : "in_progress") });
  if (isQueued) send("response.queued", { response: unfinished(response, "queued") });
  send("response.in_progress", { response: unfinished(response, "in_progress") });
  response.output.forEach((item: Wire, output_index: number) => {
    send("response.output_item.added", { output_index, item: begun(item) });
    inside(item, { output_index, item_id: item.id }, send);
    send("response.output_item.done", { output_index, item });
  });
  // There is no event of a cancellation: the stream of a cancelled response just ends.
  if (response.status !== "cancelled") send(`response.${response.status}`, { response });
  return events;
}

/** An item as it is when it appears. */
function begun(item: Wire): Wire {
  const { status, result, outputs, output, ...rest } = item;
  const empty: Wire = {};
  if (item.content) empty.content = [];
  if (item.summary) empty.summary = [];
  if (typeof item.arguments === "string") empty.arguments = "";
  if (typeof item.code === "string") empty.code = "";
  return { ...rest, ...empty, ...(status && { status: "in_progress" }) };
}

function inside(item: Wire, at: Wire, send: Send): void {
  if (item.type === "message") {
    for (const [i, part] of item.content.entries()) content(part, i, at, send);
  } else if (item.type === "reasoning") {
    for (const [i, part] of item.summary.entries()) summary(part, i, at, send);
  } else if (item.type === "function_call") args("response.function_call_arguments", item, at, send);
  else serverTool(item, at, send);
}

function serverTool(item: Wire, at: Wire, send: Send): void {
  const kind = `response.${item.type}`;
  send(`${kind}.in_progress`, at);
  if (item.type === "mcp_call") args("response.mcp_call_arguments", item, at, send);
  if (item.type === "web_search_call" || item.type === "file_search_call") send(`${kind}.searching`, at);
  if (item.type === "image_generation_call") {
    send(`${kind}.generating`, at);
    send(`${kind}.partial_image`, { ...at, partial_image_index: 0, partial_image_b64: item.result });
  }
  if (item.type === "code_interpreter_call") {
    for (const delta of pieces(item.code)) send("response.code_interpreter_call_code.delta", { ...at, delta });
    send("response.code_interpreter_call_code.done", { ...at, code: item.code });
    send(`${kind}.interpreting`, at);
  }
  send(`${kind}.completed`, at);
}

function args(kind: string, item: Wire, at: Wire, send: Send): void {
  for (const delta of pieces(item.arguments)) send(`${kind}.delta`, { ...at, delta });
  send(`${kind}.done`, { ...at, name: item.name, arguments: item.arguments });
}

function content(part: Wire, content_index: number, at: Wire, send: Send): void {
  const here = { ...at, content_index };
  if (part.type === "refusal") {
    send("response.content_part.added", { ...here, part: { ...part, refusal: "" } });
    for (const delta of pieces(part.refusal)) send("response.refusal.delta", { ...here, delta });
    send("response.refusal.done", { ...here, refusal: part.refusal });
  } else {
    send("response.content_part.added", { ...here, part: { ...part, text: "", annotations: [] } });
    for (const delta of pieces(part.text)) send("response.output_text.delta", { ...here, delta, logprobs: [] });
    part.annotations.forEach((annotation: Wire, annotation_index: number) => {
      send("response.output_text.annotation.added", { ...here, annotation_index, annotation });
    });
    send("response.output_text.done", { ...here, text: part.text, logprobs: [] });
  }
  send("response.content_part.done", { ...here, part });
}

function summary(part: Wire, summary_index: number, at: Wire, send: Send): void {
  const here = { ...at, summary_index };
  send("response.reasoning_summary_part.added", { ...here, part: { ...part, text: "" } });
  for (const delta of pieces(part.text)) send("response.reasoning_summary_text.delta", { ...here, delta });
  send("response.reasoning_summary_text.done", { ...here, text: part.text });
  send("response.reasoning_summary_part.done", { ...here, part });
}

import { type Budget, createBudget } from "./budget.ts";
import { isObject, type Wire } from "./chunk-head.ts";
import type { Merger } from "./exchange.ts";

export const TERMINAL_RESPONSE: ReadonlySet<unknown> = new Set(["completed", "incomplete", "failed", "cancelled"]);
const STATUSES: ReadonlySet<string> = new Set([
  "queued",
  "in_progress",
  "completed",
  "incomplete",
  "failed",
  "cancelled",
]);

/** Above these a stream is no answer of a model. */
const MAX_ITEMS = 4096;
const MAX_PARTS = 1024;
/** Larger than that of a chat: items carry what tools found. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * Puts the events of a streamed response together. The last one carries the whole response, and that is what counts; up
 * to there it is built from the items, texts and arguments that have come, so that a stream that breaks shows its part.
 */
export function createResponseMerger(): Merger {
  const budget = createBudget(MAX_CHARACTERS);
  const items = new Map<number, Wire>();
  let response: Wire | undefined;
  let final: Wire | undefined;
  let seen = false;
  let error: unknown;
  let mismatch: Merger["mismatch"];

  const take = (type: string, data: Wire): void => {
    const status = data.response.status;
    const said = type.slice("response.".length);
    if (STATUSES.has(said) && typeof status === "string" && status !== said) mismatch ??= { event: type, status };
    response = data.response;
    if (!TERMINAL_RESPONSE.has(status ?? said)) return;
    final = status === undefined ? { ...data.response, status: said } : data.response;
    items.clear();
  };

  return {
    event(name, data) {
      if (!isObject(data)) return;
      seen = true;
      const type = typeof data.type === "string" ? data.type : (name ?? "");
      if (type === "error" || (data.error && data.response === undefined)) error = data.error || data;
      else if (isObject(data.response)) take(type, data);
      else if (final === undefined) mergeItem(items, type, data, budget);
    },
    result() {
      if (final !== undefined || !seen) return final;
      const output = [...items].sort(([a], [b]) => a - b).map(([, item]) => item);
      return {
        object: "response",
        ...response,
        ...(output.length > 0 && { output }),
        ...(error !== undefined && { error }),
      };
    },
    get isComplete() {
      return final !== undefined;
    },
    get mismatch() {
      return mismatch;
    },
    get error() {
      return error;
    },
    get truncated() {
      return final === undefined && budget.exceeded;
    },
  };
}

/** The text that a delta goes on with: where it is in its item, and what item it is when its beginning was not seen. */
const DELTAS: { readonly [type: string]: { readonly item: string; readonly part?: string; readonly field: string } } = {
  "response.output_text": { item: "message", part: "output_text", field: "text" },
  "response.refusal": { item: "message", part: "refusal", field: "refusal" },
  "response.reasoning_text": { item: "reasoning", part: "reasoning_text", field: "text" },
  "response.reasoning_summary_text": { item: "reasoning", part: "summary_text", field: "text" },
  "response.function_call_arguments": { item: "function_call", field: "arguments" },
  "response.mcp_call_arguments": { item: "mcp_call", field: "arguments" },
  "response.custom_tool_call_input": { item: "custom_tool_call", field: "input" },
  "response.code_interpreter_call_code": { item: "code_interpreter_call", field: "code" },
};

function mergeItem(items: Map<number, Wire>, type: string, data: Wire, budget: Budget): void {
  const index = typeof data.output_index === "number" ? data.output_index : 0;
  if (items.size >= MAX_ITEMS && !items.has(index)) return;
  const dot = type.lastIndexOf(".");
  const [what, how] = [type.slice(0, dot), type.slice(dot + 1)];
  if (what === "response.output_item") {
    // An item that is done comes whole, with what was merged of it.
    if (isObject(data.item) && budget.has(data.item)) items.set(index, data.item);
    return;
  }
  const place = DELTAS[what];
  if (place !== undefined && how === "delta" && typeof data.delta === "string") {
    const target = placeOf(items, index, data, place);
    if (target !== undefined) target[place.field] = (target[place.field] ?? "") + budget.take(data.delta);
  } else if (place !== undefined && how === "done" && typeof data[place.field] === "string") {
    // The whole once more: it counts only where deltas have not come.
    const target = placeOf(items, index, data, place);
    if (target !== undefined && !target[place.field]) target[place.field] = budget.take(data[place.field]);
  } else if (what === "response.output_text.annotation") annotate(items, index, data, budget);
}

function placeOf(
  items: Map<number, Wire>,
  index: number,
  data: Wire,
  { item: type, part }: { readonly item: string; readonly part?: string },
): Wire | undefined {
  let item = items.get(index);
  if (item === undefined) {
    item = { id: data.item_id, type, ...(type === "message" && { role: "assistant" }), status: "in_progress" };
    items.set(index, item);
  }
  if (part === undefined) return item;
  const list = part === "summary_text" ? "summary" : "content";
  const at = data.summary_index ?? data.content_index ?? 0;
  if (!Number.isInteger(at) || at < 0 || at >= MAX_PARTS) return undefined;
  if (!Array.isArray(item[list])) item[list] = [];
  for (let i = item[list].length; i <= at; i++) item[list].push({ type: part });
  return item[list][at] ?? undefined;
}

function annotate(items: Map<number, Wire>, index: number, data: Wire, budget: Budget): void {
  const part = placeOf(items, index, data, { item: "message", part: "output_text" });
  if (part === undefined || !budget.has(data.annotation)) return;
  if (!Array.isArray(part.annotations)) part.annotations = [];
  part.annotations.push(data.annotation);
}
